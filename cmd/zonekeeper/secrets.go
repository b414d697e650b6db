package main

import "regexp"

// What has one of these forms shows where its password is; of anything else nothing may be shown, as it could be anywhere.
var (
	databaseAddress = regexp.MustCompile(`^(postgres(?:ql)?://)(?:([^:/?#@\s]*)(:[^/?#@\s]*)?(@))?((?:\[[0-9A-Fa-f:.]*\]|[^:/?#@,\s]*)(?::\w*)?(?:,[^/?#@\s]*)?(?:/[^?#@\s]*)?(?:\?[^#@\s]*)?)$`)
	databaseWords   = regexp.MustCompile(`^\s*(\w+\s*=\s*('([^'\\]|\\.)*'|([^\s'\\]|\\.)*)\s*)+$`)
	passwordWord    = regexp.MustCompile(`(?i)(password\s*)=\s*('([^'\\]|\\.)*'|([^\s'\\]|\\.)*)`)
	passwordParam   = regexp.MustCompile(`(?i)(password)=[^&]*`)
)

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
	if secret == "" {
		return ""
	}
	if databaseWords.MatchString(secret) {
		return passwordWord.ReplaceAllString(secret, "$1=xxxxx")
	}
	part := databaseAddress.FindStringSubmatch(secret)
	if part == nil {
		return "xxxxx"
	}
	scheme, user, password, at, rest := part[1], part[2], part[3], part[4], part[5]
	if password != "" {
		password = ":xxxxx"
	}
	return scheme + user + password + at + passwordParam.ReplaceAllString(rest, "$1=xxxxx")
}
