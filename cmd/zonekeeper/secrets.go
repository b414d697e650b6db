package main

import (
	"regexp"
	"strings"
)

// passwordWord finds the password in libpq's key=value form.
var passwordWord = regexp.MustCompile(`(?i)(password|sslpassword)\s*=\s*('([^'\\]|\\.)*'|\S+)`)

// passwordInURL finds the password in a URL without parsing it: what is redacted may be malformed.
var passwordInURL = regexp.MustCompile(`://([^:/?#@\s]*):[^/\s]*@`)

// redacted is a secret as it may be shown: a URL keeps everything but its password, anything else is hidden whole.
func redacted(secret string) string {
	switch {
	case secret == "":
		return ""
	case strings.Contains(secret, "://"):
		s := passwordInURL.ReplaceAllString(secret, "://$1:xxxxx@")
		return passwordWord.ReplaceAllString(s, "$1=xxxxx")
	case strings.Contains(secret, "="):
		return passwordWord.ReplaceAllString(secret, "$1=xxxxx")
	default:
		return "xxxxx"
	}
}
