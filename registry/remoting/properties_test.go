package remoting_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func TestParseProperties(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string // key, value, …
	}{
		{"nothing", "", nil},
		{"lines", "a=1\nb=2\r\nc=3\rd=4", []string{"a", "1", "b", "2", "c", "3", "d", "4"}},
		{"blanks and comments", "\n  \n# c=1\n  ! d=2\na=1\n#", []string{"a", "1"}},
		{"separators", "a:1\nb 2\nc\t3\nd = 4\ne : 5\nf  =  6\ng==7\nh:=8", []string{"a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "=7", "h", "=8"}},
		{"no value", "a\nb=\nc:", []string{"a", "", "b", "", "c", ""}},
		{"no key", "=1", []string{"", "1"}},
		{"trailing blanks stay", "a=1 \t", []string{"a", "1 \t"}},
		{"lines that go on", "a=1\\\n   2\\\r\n3\nb=\\\n", []string{"a", "123", "b", ""}},
		{"a comment does not go on", "# x\\\na=1", []string{"a", "1"}},
		{"an even number of backslashes", "a=1\\\\\nb=2", []string{"a", `1\`, "b", "2"}},
		{"a blank line ends what goes on", "a=1\\\n\nb=2", []string{"a", "1", "b", "2"}},
		{"escapes", `a\=b\:\ c=\t\n\f\r\z\u0041\uD83D\uDE00\`, []string{"a=b: c", "\t\n\f\rzA😀"}},
		{"Latin-1", "a=\xe9\xc3\xa9", []string{"a", "éÃ©"}},
		{"again", "a=1\nb=2\na=3", []string{"a", "3", "b", "2"}},
		{"windows path", `p=c:\\x`, []string{"p", `c:\x`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := remoting.ParseProperties([]byte(tc.text))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(fields(tc.want...), got))
		})
	}
}

func TestParsePropertiesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`a=\uZZZZ`: `properties "\\uZZZZ" has a malformed \uXXXX: four hexadecimal digits are needed`,
		`\u12=1`:   `properties "\\u12" has a malformed \uXXXX: four hexadecimal digits are needed`,
	} {
		_, err := remoting.ParseProperties([]byte(text))
		require.EqualError(t, err, want)
	}
	var many strings.Builder
	for i := range 4097 {
		many.WriteString(strings.Repeat("k", 1+i%50) + strings.Repeat("j", i/50) + "=1\n")
	}
	_, err := remoting.ParseProperties([]byte(many.String()))
	require.EqualError(t, err, "properties are too many: 4096 are the most")
}

func TestAppendProperties(t *testing.T) {
	require.Equal(t, "a=1\nb=x y=\n", string(remoting.AppendProperties(nil, fields("a", "1", "b", "x y="))))
}

func TestLists(t *testing.T) {
	l, err := remoting.DecodeTopicList([]byte(`{"brokerAddr":"a:1","topicList":["A",null,"B"],"x":1}`))
	require.NoError(t, err)
	require.Equal(t, &remoting.TopicList{BrokerAddr: "a:1", Topics: []string{"A", "B"}}, l)
	require.Equal(t, `{"brokerAddr":"a:1","topicList":["A","B"]}`, string(l.AppendJSON(nil)))
	require.Equal(t, `{"topicList":[]}`, string((&remoting.TopicList{}).AppendJSON(nil)))

	kv, err := remoting.DecodeKVTable([]byte(`{"table":{"b":"1","a":2,"n":null}}`))
	require.NoError(t, err)
	require.Equal(t, &remoting.KVTable{Entries: fields("b", "1", "a", "2")}, kv)
	require.Equal(t, `{"table":{"b":"1","a":"2"}}`, string(kv.AppendJSON(nil)))
	require.Equal(t, `{"table":{}}`, string((&remoting.KVTable{}).AppendJSON(nil)))

	for _, decode := range []func([]byte) error{
		func(b []byte) error { _, err := remoting.DecodeTopicList(b); return err },
		func(b []byte) error { _, err := remoting.DecodeKVTable(b); return err },
		func(b []byte) error { _, err := remoting.DecodeMemberGroup(b); return err },
		func(b []byte) error { _, err := remoting.DecodeClusterInfo(b); return err },
		func(b []byte) error { _, err := remoting.DecodeTopicRoute(b); return err },
	} {
		require.EqualError(t, decode([]byte(`[]`)), `body "[]" is not an object`)
		require.EqualError(t, decode(nil), "body ends early")
	}
}
