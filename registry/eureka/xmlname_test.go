package eureka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	for key, name := range map[string]string{
		"plain":    "plain",
		"a.b-c:d":  "a.b-c:d",
		"a_b":      "a__b",
		"a$b":      "a_-b",
		"a b":      "a_.0020b",
		"a#b":      "a_.0023b",
		"a/b":      "a_.002fb",
		"@x":       "_.0040x",
		"1digit":   "_.0031digit",
		"-":        "_.002d",
		"é中":       "é中",
		"😀":        "_.d83d_.de00",
		"_":        "__",
		"_.0020":   "__.0020",
		"\x00":     "_.0000",
		"a\u00d7b": "a_.00d7b",
	} {
		require.Equal(t, name, string(appendName(nil, key)))
		require.Equal(t, key, parseName(name))
	}
}

// What no coder writes stays as it is.
func TestNamesThatAreNoCode(t *testing.T) {
	for name, key := range map[string]string{"a_": "a_", "_x": "_x", "_.zz": "_.zz", "_.12": "_.12", "_.+123x": "_.+123x", "_.d83d": "\ufffd", "_.d83dx": "\ufffdx"} {
		require.Equal(t, key, parseName(name))
	}
}

func TestNamesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "key")
		require.Equal(t, key, parseName(string(appendName(nil, key))))
	})
}
