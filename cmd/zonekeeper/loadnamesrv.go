package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// checkNamesrv reads the file of the original's settings, and applies the rules between the options of the name server.
func (l *loaded) checkNamesrv(s scope) mistakes {
	var wrong mistakes
	c := &l.config.Namesrv
	if last := l.config.Dev.NamesrvBasePort + l.config.Dev.Nodes - 1; s&onDev != 0 && last > 65_535 {
		o, _ := optionOf("namesrv-base-port")
		wrong = append(wrong, l.mistake(o, fmt.Sprintf("must leave room for %d ports", l.config.Dev.Nodes), "choose a lower one"))
	}
	c.Settings = namesrv.DefaultSettings()
	if c.Properties != "" {
		more := l.readProperties()
		wrong = append(wrong, more...)
		if s&onDev == 0 && l.origins["namesrv.listen"] == "default" && len(more) == 0 {
			o, _ := optionOf("namesrv.properties")
			wrong = append(wrong, l.mistake(o, "is about a name server that no option opens",
				"set --namesrv-listen :"+strconv.Itoa(c.Settings.ListenPort)+", or off where there is to be none"))
		}
	}
	if c.Advertise != "" && s&onDev == 0 && l.origins["namesrv.listen"] == "default" {
		o, _ := optionOf("namesrv.advertise")
		wrong = append(wrong, l.mistake(o, "is about a name server that no option opens", "set --namesrv-listen :9876, or leave it out"))
	}
	if c.Listen != "" && c.Admin.None && len(c.Admin.AccessKeys) == 0 {
		o, _ := optionOf("namesrv.admin-allow")
		c.Warnings = append(c.Warnings, l.mistake(o, "lets nobody at all change topics, permissions and configuration of the name server",
			"set namesrv.access-keys, or name the networks of operators"))
	}
	c.Settings = c.TLS.over(c.Settings)
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		o, _ := optionOf("namesrv.tls-cert")
		if c.TLS.Cert == "" {
			o, _ = optionOf("namesrv.tls-key")
		}
		wrong = append(wrong, l.mistake(o, "needs namesrv.tls-cert and namesrv.tls-key together", "set both, or neither for a certificate signed by itself"))
	}
	return wrong
}

// usable says what keeps a name server from being made of the configuration, such as certificates that cannot be read. Nothing is started.
func (c NamesrvConfig) usable() error {
	if c.Listen == "" {
		return nil
	}
	if _, err := namesrv.New(namesrv.Config{Settings: c.Settings, Admin: c.Admin}, routeinfo.New(routeinfo.Config{})); err != nil {
		return usageError{err.Error()}
	}
	return nil
}

// over puts what options say over what the original's settings say.
func (t TLSConfig) over(s namesrv.Settings) namesrv.Settings {
	if t.Mode != "" {
		s.TLSServerMode = t.Mode
	}
	if t.Cert != "" {
		s.TLSServerCertPath, s.TLSServerKeyPath = t.Cert, t.Key
	}
	if t.ClientCA != "" {
		s.TLSServerTrustCertPath, s.TLSServerNeedClientAuth, s.TLSServerAuthClient = t.ClientCA, "require", true
	}
	return s
}

// readProperties takes the original's settings from their file. Each mistake in it is reported with its line.
func (l *loaded) readProperties() mistakes {
	c := &l.config.Namesrv
	o, _ := optionOf("namesrv.properties")
	file, err := os.Open(c.Properties)
	if err != nil {
		return mistakes{l.mistake(o, "must be a file that can be read", err.Error())}
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return mistakes{l.mistake(o, "must be a file that can be read", err.Error())}
	case len(content) > maxFile:
		return mistakes{l.mistake(o, fmt.Sprintf("must be at most %d bytes", maxFile), "is it the right file?")}
	}
	var wrong mistakes
	var notices []namesrv.Notice
	c.Settings, notices, err = namesrv.ParseSettings(content)
	for _, n := range notices {
		c.Warnings = append(c.Warnings, propertyWarning(c.Properties, content, n))
	}
	for _, one := range each(err) {
		wrong = append(wrong, propertyMistake(l.mistake(o, "", ""), content, one.Error()))
	}
	return wrong
}

// propertyWarning tells of a key that has no effect.
func propertyWarning(file string, content []byte, n namesrv.Notice) mistake {
	w := mistake{Key: n.Key, Origin: file, Value: n.Value, Rule: "has no effect: " + n.Reason}
	if line := lineOf(content, n.Key); line > 0 { // a key with escapes has none that we find
		w.Origin += ":" + strconv.Itoa(line)
	}
	if near := nearest(n.Key, namesrv.SettingNames()); n.Unknown && near != "" {
		w.Remedy = "did you mean " + near + "?"
	}
	return w
}

// propertyMistake tells a mistake in a file of properties by the key that its text begins with, else by the file as a whole.
func propertyMistake(whole mistake, content []byte, text string) mistake {
	key, rule, _ := strings.Cut(text, " ")
	key = strings.TrimSuffix(key, ":")
	line := lineOf(content, key)
	if line == 0 {
		whole.Rule = text
		return whole
	}
	m := mistake{Key: key, Origin: fmt.Sprintf("%s:%d", whole.Value, line), Rule: rule}
	if quoted, err := strconv.QuotedPrefix(rule); err == nil {
		m.Value, _ = strconv.Unquote(quoted) // it is one
		m.Rule = strings.TrimPrefix(rule[len(quoted):], ": ")
	}
	return m
}

// each is the errors that one error joins.
func each(err error) []error {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // takes the error apart
		case interface{ Unwrap() []error }:
			return e.Unwrap()
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		default:
			return []error{err}
		}
	}
	return nil
}

// lineOf is the line of a file of properties that sets a key, the last one if there are several, as that one counts. 0 is none.
func lineOf(content []byte, key string) int {
	found := 0
	for i, line := range bytes.Split(content, []byte("\n")) {
		after, is := bytes.CutPrefix(bytes.TrimSpace(line), []byte(key))
		if is && (len(after) == 0 || strings.ContainsRune("=: \t", rune(after[0]))) {
			found = i + 1
		}
	}
	return found
}
