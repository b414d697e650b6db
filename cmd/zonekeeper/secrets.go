package main

import (
	"regexp"
	"strings"
)

// passwordWord finds the password in libpq's key=value form.
var passwordWord = regexp.MustCompile(`(?i)(password|sslpassword)\s*=\s*('([^'\\]|\\.)*'|\S+)`)

// passwordInURL finds the password in a URL without parsing it: what is redacted may be malformed.
var passwordInURL = regexp.MustCompile(`://([^:/?#@\s]*):[^/\s]*@`)

// shown is the value of an option as it may be printed. A database URL keeps everything but its password; any other secret is hidden
// whole, whatever it looks like.
func (o option) shown(value string) string {
	switch {
	case !o.secret || value == "":
		return value
	case o.key == "db.url":
		return redacted(value)
	default:
		return "xxxxx"
	}
}

// redacted is a database URL, or what was meant as one, as it may be shown.
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
