package remoting_test

import (
	"encoding/binary"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// jsonFrame is a frame without its length field.
func jsonFrame(header, body string) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
	return append(append(frame, header...), body...)
}

func TestJSONHeader(t *testing.T) {
	field := func(pairs ...string) (fields []remoting.Field) {
		fields = []remoting.Field{}
		for i := 0; i < len(pairs); i += 2 {
			fields = append(fields, remoting.Field{Name: pairs[i], Value: pairs[i+1]})
		}
		return fields
	}
	for _, tc := range []struct {
		name, header string
		want         remoting.Command
	}{
		{"nothing", `{}`, remoting.Command{}},
		{"Java", `{"code":105,"extFields":{"topic":"T"},"flag":2,"language":"JAVA","opaque":-7,"serializeTypeCurrentRPC":"JSON","version":479}`,
			remoting.Command{Code: 105, Fields: field("topic", "T"), Flag: 2, Opaque: -7, Version: 479}},
		{"Go", `{"code":105,"language":"GO","version":317,"opaque":1,"flag":0,"remark":"","extFields":{"topic":"T"}}`,
			remoting.Command{Code: 105, Fields: field("topic", "T"), Language: remoting.Go, Opaque: 1, Version: 317}},
		{"nulls", `{"code":105,"remark":null,"extFields":null,"language":null,"opaque":null}`, remoting.Command{Code: 105, Language: remoting.UnknownLanguage}},
		{"white space", " {\n\t\"code\" : 105 ,\f\"extFields\": { \"a\" : \"b\" } } \b", remoting.Command{Code: 105, Fields: field("a", "b")}},
		{"comments", "/* a */{\"code\"/**/:105,// b\n\"flag\":1}", remoting.Command{Code: 105, Flag: 1}},
		{"more commas than needed", `{,"code":105,,"flag":1,}`, remoting.Command{Code: 105, Flag: 1}},
		{"keys without quotes", `{code:105,extFields:{topic:"T",1:"x"}}`, remoting.Command{Code: 105, Fields: field("topic", "T", "1", "x")}},
		{"single quotes", `{'code':105,'extFields':{'a':'b"c'}}`, remoting.Command{Code: 105, Fields: field("a", `b"c`)}},
		{"type suffixes", `{"code":105L,"flag":1B,"opaque":7S,"version":37.0D}`, remoting.Command{Code: 105, Flag: 1, Opaque: 7, Version: 37}},
		{"numbers as text", `{"code":"105","opaque":" 7 ","version":""}`, remoting.Command{Code: 105, Opaque: 7}},
		{"fields that are no strings", `{"extFields":{"a":1,"b":true,"c":null,"d":{"x": [1]},"e":[2],"f":-1.50,"g":7L}}`,
			remoting.Command{Fields: field("a", "1", "b", "true", "d", `{"x": [1]}`, "e", "[2]", "f", "-1.50", "g", "7")}},
		{"escapes", `{"remark":"\u4f60\ud83d\ude00\"\\\/\b\f\n\r\t\v\'\x41","extFields":{"\u0061":"\u0062"}}`,
			remoting.Command{Remark: "你😀\"\\/\b\f\n\r\t\v'A", Fields: field("a", "b")}},
		{"half a surrogate pair", `{"remark":"\ud83dx\ude00"}`, remoting.Command{Remark: "�x�"}},
		{"raw controls", "{\"remark\":\"a\nb\x01\"}", remoting.Command{Remark: "a\nb\x01"}},
		{"no UTF-8", "{\"remark\":\"a\xff\",\"extFields\":{\"k\":\"\xfe\"}}", remoting.Command{Remark: "a�", Fields: field("k", "�")}},
		{"unknown members", `{"code":1,"zzz":{"a":[1,{"b":null}],"c":"}"},"code2":"x"}`, remoting.Command{Code: 1}},
		{"language as a number", `{"language":9}`, remoting.Command{Language: remoting.Go}},
		{"language as text of a number", `{"language":"13"}`, remoting.Command{Language: remoting.NodeJS}},
		{"language that nobody knows", `{"language":"COBOL"}`, remoting.Command{Language: remoting.UnknownLanguage}},
		{"a name twice: the last counts", `{"code":1,"code":2,"extFields":{"a":"1","b":"2","a":"3"}}`, remoting.Command{Code: 2, Fields: field("b", "2", "a", "3")}},
		{"fields twice: the last counts", `{"extFields":{"a":"1"},"extFields":{"b":"2"}}`, remoting.Command{Fields: field("b", "2")}},
		{"fields, then none", `{"extFields":{"a":"1"},"extFields":null}`, remoting.Command{}},
		{"empty fields are not none", `{"extFields":{}}`, remoting.Command{Fields: []remoting.Field{}}},
		{"empty value", `{"extFields":{"":""}}`, remoting.Command{Fields: field("", "")}},
		{"byte order of keys does not matter", `{"version":1,"opaque":2147483647,"code":-5}`, remoting.Command{Version: 1, Opaque: 2147483647, Code: -5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := remoting.Decode(jsonFrame(tc.header, "body"))
			require.NoError(t, err)
			want := tc.want
			want.Body = []byte("body")
			if !strings.Contains(tc.header, "language") {
				want.Language = remoting.UnknownLanguage
			}
			require.Empty(t, cmp.Diff(&want, c))
		})
	}
}

func TestJSONHeaderRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	fields := strings.TrimSuffix(strings.Repeat(`"a":"b",`, 257), ",")
	for _, tc := range []struct{ name, header, want string }{
		{"text", `hello`, "header: is not an object"},
		{"array", `[]`, "header: is not an object"},
		{"null", `null`, "header: is not an object"},
		{"cut", `{"code":105`, "header: ends early at byte 11"},
		{"cut in a string", `{"remark":"x`, "header: ends inside a string at byte 12"},
		{"something after it", `{"code":105}x`, "header: is not JSON: expected its end at byte 12"},
		{"no colon", `{"code" 105}`, `header: is not JSON: expected ':' at byte 8`},
		{"no comma", `{"code":1 "flag":2}`, `header: is not JSON: expected ',' at byte 10`},
		{"no value", `{"code":}`, "code: is not JSON at byte 8"},
		{"no number", `{"code":"x"}`, "code: is not a whole number at byte 8"},
		{"fraction", `{"opaque":1.5}`, "opaque: is not a whole number at byte 10"},
		{"beyond 32 bits", `{"opaque":2147483648}`, "opaque: is not a number of 32 bits at byte 20"},
		{"object for a number", `{"flag":{}}`, "flag: is not a plain value at byte 8"},
		{"bad escape", `{"remark":"\q"}`, "header: is no escape that JSON has at byte 11"},
		{"bad unicode escape", `{"remark":"\u12g4"}`, "header: is no escape that JSON has at byte 11"},
		{"fields that are no object", `{"extFields":"x"}`, "extFields: is not an object at byte 13"},
		{"too deep", `{"zzz":` + deep + `}`, "header: is nested too deeply at byte 162"},
		{"too many fields", `{"extFields":{` + fields + `}}`, "extFields: are too many at byte 2069"},
		{"key of brackets", `{[:1}`, "header: is not a key at byte 1"},
		{"open comment", `{"code":1 /* }`, `header: is not JSON: expected ',' at byte 10`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := remoting.Decode(jsonFrame(tc.header, ""))
			var wire *remoting.WireError
			require.ErrorAs(t, err, &wire)
			require.Equal(t, tc.want, err.Error())
		})
	}
}

func TestBinaryHeaderRefuses(t *testing.T) {
	good := remoting.Append(nil, &remoting.Command{Codec: remoting.Binary, Remark: "r", Fields: []remoting.Field{{Name: "name", Value: "value"}}})[4:]
	for _, tc := range []struct {
		name   string
		change func(h []byte) []byte
		want   string
	}{
		{"remark beyond the header", func(h []byte) []byte { h[4+16] = 200; return h }, "remark: has a length beyond the header"},
		{"negative remark", func(h []byte) []byte { h[4+13] = 0x80; return h }, "remark: has a length beyond the header"},
		{"fields beyond the header", func(h []byte) []byte { h[4+21]++; return h }, "extFields: have a length that does not end with the header"},
		{"fields end before the header", func(h []byte) []byte { h[4+21]--; return h }, "extFields: have a length that does not end with the header"},
		{"name beyond the fields", func(h []byte) []byte { h[4+23] = 100; return h }, "extFields: has an entry with a length beyond them"},
		{"negative name", func(h []byte) []byte { h[4+22] = 0x80; return h }, "extFields: has an entry with a length beyond them"},
		{"value beyond the fields", func(h []byte) []byte { h[4+31]++; return h }, "extFields: has an entry with a length beyond them"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := remoting.Decode(tc.change(append([]byte(nil), good...)))
			var wire *remoting.WireError
			require.ErrorAs(t, err, &wire)
			require.Equal(t, tc.want, err.Error())
		})
	}
	many := &remoting.Command{Codec: remoting.Binary, Fields: make([]remoting.Field, 257)}
	_, err := remoting.Decode(remoting.Append(nil, many)[4:])
	require.ErrorContains(t, err, "extFields: are too many")
}

// Compat: apache/rocketmq RocketMQSerializable.java reads an empty text as null, so "" from a binary header is as good as absent.
func TestBinaryHeaderEmptyIsAbsent(t *testing.T) {
	fields := []remoting.Field{{Name: "empty"}, {Name: "bad", Value: "\xff"}, {Name: "topic", Value: "T"}, {Name: "topic", Value: "U"}}
	frame := remoting.Append(nil, &remoting.Command{Codec: remoting.Binary, Language: 200, Remark: "\xff", Fields: fields})
	var q remoting.Request
	require.NoError(t, q.Parse(frame[4:]))
	_, ok := q.Field("empty")
	require.False(t, ok)
	require.Equal(t, map[string]string{"bad": "�", "topic": "U"}, maps.Collect(q.Fields()))
	require.Equal(t, "�", string(q.Remark))
	require.Equal(t, remoting.UnknownLanguage, q.Language)
	require.True(t, q.HasFields())
}
