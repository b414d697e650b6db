package eureka

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The scanner's idea of JSON is that of encoding/json, less invalid UTF-8 and what is nested too deeply.
func sameVerdict(t *testing.T, body []byte) {
	s := newScanner(body)
	s.skip()
	s.peek()
	if s.err == nil && s.pos < len(body) {
		return // a value with something after it: the caller's matter
	}
	theirs := json.Valid(bytes.TrimPrefix(body, byteOrderMark))
	if s.err != nil {
		ok := !theirs || !utf8.Valid(body) || strings.Contains(s.err.Reason, "too deep") || strings.Contains(s.err.Reason, "too long")
		require.True(t, ok, "refused %q: %v", body, s.err)
		return
	}
	require.True(t, theirs, "accepted %q", body)
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+10,true,false,null,"\u00e9\n\ud83d\ude00"]}`, ` [ ] `, `{}`, `-`, `01`, `1.`, `1e`, `.5`, `+1`, `tru`, `nul`,
		`"\u12g4"`, `"\`, `"`, `[1,]`, `[,1]`, `{"a":1,}`, `{"a"}`, `{a:1}`, `{"a":1 "b":2}`, `[1 2]`, "\"\x7f\"", "\"\t\"",
		"\xef\xbb\xbf{}", "[\xff]", `{"a":{"a":{"a":[[[[]]]]}}}`, `nulll`, `--1`, `1-2`, "\x00", "0\x00", `{"":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(sameVerdict)
}

func TestStringsLikeEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`""`, `"plain"`, `"\"\\\/\b\f\n\r\t"`, `"\u0041\u00e9\u4e2d"`, `"é中😀"`, `"\ud83d\ude00"`, `"a\ud83d"`, `"\ud83db"`,
		`"\ude00\ud83d"`, `"\ud83d\n"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\u0000"`, `"\u2028"`,
	} {
		var want string
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		s := newScanner([]byte(text))
		got, kind := s.scalar()
		require.Nil(t, s.err, text)
		require.Equal(t, byte(isString), kind)
		require.Equal(t, want, string(got), text)
	}
}

func TestBrokenStrings(t *testing.T) {
	for text, reason := range map[string]string{
		`"a`: "ends early", `"\n`: "ends early", `"\n\`: "bad escape", `"\u12`: "bad escape", `"\x"`: "bad escape",
		"\"a\tb\"": "control character", "\"\\n\tb\"": "control character", "\"\\n\xff\"": "invalid UTF-8",
		`"\n` + strings.Repeat("a", MaxText) + `"`: "text too long",
	} {
		s := newScanner([]byte(text))
		s.skip()
		require.NotNil(t, s.err, "%.20q", text)
		require.Contains(t, s.err.Reason, reason, "%.20q", text)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	_, err := DecodeInstance([]byte(`{"instance":{"app":"A","port":{"$":[]}}}`), JSON, 0)
	require.EqualError(t, err, "port: not a plain value at byte 35")
	_, err = DecodeInstance([]byte(`{"instance":{"app":"A","leaseInfo":`), JSON, 0)
	require.EqualError(t, err, "leaseInfo: ends early at byte 35")
}

func TestDepth(t *testing.T) {
	for depth, fits := range map[int]bool{1: true, MaxDepth: true, MaxDepth + 1: false, 1_000_000: false} {
		s := newScanner([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)))
		s.skip()
		require.Equal(t, fits, s.err == nil, depth)
	}
}

func TestDigits(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1700000000000": 1700000000000, "007": 7, "999999999999999999": 999999999999999999} {
		n, ok := parseDigits([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, n)
	}
	for _, text := range []string{"", "-1", "1.5", "1e3", " 1", "1000000000000000000", "x"} {
		_, ok := parseDigits([]byte(text))
		require.False(t, ok, text)
	}
}

func TestLong(t *testing.T) {
	for text, want := range map[string]int64{
		`5`: 5, `"5"`: 5, `" 5 "`: 5, `-5`: -5, `"-5"`: -5, `1e3`: 1000, `80.9`: 80, `"80.9"`: 80, `"soon"`: 0, `""`: 0, `true`: 0, `null`: 7,
		`9223372036854775807`: 1<<63 - 1, `-9223372036854775808`: -1 << 63, `"NaN"`: 0,
	} {
		s := newScanner([]byte(text))
		n := int64(7)
		s.long(&n)
		require.Nil(t, s.err, text)
		require.Equal(t, want, n, text)
	}
	for _, text := range []string{`9223372036854775808`, `1e400`, `"1e30"`, `"Inf"`, `{}`, `[1]`} {
		s := newScanner([]byte(text))
		n := int64(7)
		s.long(&n)
		require.NotNil(t, s.err, text)
	}
}
