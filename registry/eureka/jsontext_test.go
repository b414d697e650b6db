package eureka

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppendString(t *testing.T) {
	for text, want := range map[string]string{
		"":                     `""`,
		"plain /&<>'":          `"plain /&<>'"`,
		"\"\\":                 `"\"\\"`,
		"\b\t\n\f\r":           `"\b\t\n\f\r"`,
		"\x00\x01\x0b\x1f\x7f": "\"\\u0000\\u0001\\u000B\\u001F\x7f\"",
		"é中\u2028":             "\"é中\u2028\"",
		"a\xffb":               "\"a\ufffdb\"",
		"\xed\xa0\xbd":         "\"\ufffd\ufffd\ufffd\"",
	} {
		require.Equal(t, want, string(appendString(nil, text, List)))
		require.Equal(t, want, string(appendString(nil, text, Live)))
	}
	require.Equal(t, `"x😀y"`, string(appendString(nil, "x😀y", List)))
	require.Equal(t, `"x\uD83D\uDE00y"`, string(appendString(nil, "x😀y", Live)))
	require.Equal(t, `"\uDBFF\uDFFF"`, string(appendString(nil, "\U0010ffff", Live)))
}
