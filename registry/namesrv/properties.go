package namesrv

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A Notice is a key of a properties file that has no effect here, and why.
type Notice struct {
	Key, Value, Reason string
	Unknown            bool // the reference has no such key either, so that it may be a misspelt one
}

// ParseSettings reads the text of the reference's namesrv.properties, to which its tls.* properties may be added. Every key is honoured, or
// refused with an error, or comes back as a Notice that says why it has no effect; keys with their default value need no Notice.
// The error joins all mistakes, each of which begins with its key.
func ParseSettings(text []byte) (Settings, []Notice, error) {
	s := DefaultSettings()
	entries, err := remoting.ParseProperties(text)
	if err != nil {
		return s, nil, fmt.Errorf("read name server properties: %w", inLine(text, err))
	}
	var notices []Notice
	var wrong []error
	for _, e := range entries {
		k, known := settingKeyOf(e.Name)
		switch foreign, isForeign := foreignKeys[e.Name]; {
		case known:
			if err := k.set(&s, e.Value); err != nil {
				wrong = append(wrong, err)
			}
		case isForeign && foreign.refused:
			wrong = append(wrong, fmt.Errorf("%s: %s", e.Name, foreign.reason))
		case isForeign:
			notices = append(notices, Notice{Key: e.Name, Value: shown(e), Reason: foreign.reason})
		default:
			notices = append(notices, Notice{Key: e.Name, Value: shown(e), Reason: "a name server has no such key", Unknown: true})
		}
	}
	for _, k := range settingKeys {
		if v := k.text(&s); k.ignored != "" && v != k.text(&referenceDefaults) {
			notices = append(notices, Notice{Key: k.name, Value: v, Reason: k.ignored})
		}
	}
	s.TLSServerMode = strings.ToLower(s.TLSServerMode)
	s.TLSServerNeedClientAuth = strings.ToLower(s.TLSServerNeedClientAuth)
	if err := errors.Join(append(wrong, s.mistakes()...)...); err != nil {
		return s, notices, fmt.Errorf("name server properties: %w", err)
	}
	return s, notices, nil
}

// inLine says in which line of properties an error is, if the line alone makes it. It does not wrap: who takes joined errors apart
// down to the last would lose the line.
func inLine(text []byte, err error) error {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if _, wrong := remoting.ParseProperties(line); wrong != nil {
			return fmt.Errorf("line %d: %s", n, err.Error())
		}
	}
	return err
}

// SettingNames is every key that ParseSettings knows.
func SettingNames() []string {
	names := slices.Collect(maps.Keys(foreignKeys))
	for _, k := range settingKeys {
		names = append(names, k.name)
	}
	slices.Sort(names)
	return names
}

// shown is a value as a Notice may say it.
func shown(e remoting.Field) string {
	if strings.Contains(strings.ToLower(e.Name), "password") {
		return "***"
	}
	return e.Value
}

// appendProperties writes what code 319 shows: every key, sorted, its value as it is.
//
// Compat: the reference escapes nothing (Configuration.java: getAllConfigsFormatString), and readers split at the first "=".
func (s *Settings) appendProperties(dst []byte) []byte {
	for _, k := range settingKeys {
		if !k.tls {
			dst = append(dst, k.name...)
			dst = append(dst, '=')
			dst = append(dst, k.text(s)...)
			dst = append(dst, '\n')
		}
	}
	return dst
}

// alwaysBlack are keys that no configuration opens to code 318 (DefaultRequestProcessor.java: initConfigBlackList).
var alwaysBlack = []string{"configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"}

// black reports whether code 318 may not name the key.
func (s *Settings) black(key string) bool {
	for _, k := range alwaysBlack {
		if k == key {
			return true
		}
	}
	for k := range strings.SplitSeq(s.ConfigBlackList, ";") {
		if k == key {
			return true
		}
	}
	return false
}
