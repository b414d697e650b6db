package namesrv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A Notice is a key of a properties file that has no effect here, and why.
type Notice struct{ Key, Value, Reason string }

// ParseSettings reads the text of the reference's namesrv.properties, to which its tls.* properties may be added. Every key is honoured, or
// refused with an error, or comes back as a Notice that says why it has no effect; keys with their default value need no Notice.
// The error names all mistakes at once.
func ParseSettings(text []byte) (Settings, []Notice, error) {
	s := DefaultSettings()
	entries, err := remoting.ParseProperties(text)
	if err != nil {
		return s, nil, fmt.Errorf("read name server properties: %w", err)
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
			notices = append(notices, Notice{e.Name, shown(e), foreign.reason})
		default:
			notices = append(notices, Notice{e.Name, shown(e), "a name server has no such key"})
		}
	}
	for _, k := range settingKeys {
		if v := k.text(&s); k.ignored != "" && v != k.text(&referenceDefaults) {
			notices = append(notices, Notice{k.name, v, k.ignored})
		}
	}
	s.TLSServerMode = strings.ToLower(s.TLSServerMode)
	s.TLSServerNeedClientAuth = strings.ToLower(s.TLSServerNeedClientAuth)
	if err := errors.Join(append(wrong, s.validate())...); err != nil {
		return s, notices, fmt.Errorf("name server properties: %w", err)
	}
	return s, notices, nil
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
