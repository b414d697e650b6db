package remoting_test

import (
	"bufio"
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

// Every decoder has a target. Beside not falling over, what decodes must encode to a text that decodes to the same. Seeds with
// the nasty cases lie in testdata/fuzz; the recorded frames are added here.

// seedFrames adds one recorded frame of each kind, and all that are none.
func seedFrames(f *testing.F, add func(frame []byte)) {
	seedSteps(f, func(recorded.Step) bool { return true }, func(s recorded.Step) { add(s.Frame) })
}

// seedBodies adds the body of one wanted frame of each kind.
func seedBodies(f *testing.F, wanted func(s recorded.Step) bool, add func(body []byte)) {
	seedSteps(f, wanted, func(s recorded.Step) {
		if c, err := s.Command(); err == nil && len(c.Body) > 0 {
			add(c.Body)
		}
	})
}

func seedSteps(f *testing.F, wanted func(s recorded.Step) bool, add func(s recorded.Step)) {
	seen := make(map[string]bool)
	for _, scenario := range scenarios(f) {
		for _, s := range scenario.Steps {
			kind := fmt.Sprint(s.Do, s.Name, s.Code, s.Codec)
			if len(s.Frame) == 0 || !wanted(s) || s.Decoded != nil && seen[kind] && scenario.Name != "odd-strings" {
				continue
			}
			seen[kind] = true
			add(s)
		}
	}
}

func answers(s recorded.Step) bool { return s.Do == recorded.Recv }

func requests(code remoting.Code) func(recorded.Step) bool {
	return func(s recorded.Step) bool { return s.Do == recorded.Send && s.Code == code }
}

func FuzzReadFrame(f *testing.F) {
	seedFrames(f, func(frame []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(stream), 16)
		var buf []byte
		for rest := stream; ; {
			frame, err := remoting.ReadFrame(r, 1<<16, buf)
			if err != nil {
				return
			}
			require.Equal(t, rest[4:4+len(frame)], frame)
			rest = rest[4+len(frame):]
			buf = frame
		}
	})
}

// Headers, and everything that is read from fields.
func FuzzDecode(f *testing.F) {
	seedFrames(f, func(frame []byte) { f.Add(frame[min(4, len(frame)):]) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		var q remoting.Request
		if err := q.Parse(frame); err != nil {
			return
		}
		_, _ = remoting.DecodeUnregistration(&q)
		_, _ = remoting.DecodeHeartbeat(&q)
		_, _, _ = remoting.DecodeVersionQuery(&q)
		_, _ = remoting.DecodeMinBrokerIDChange(&q)

		c, err := remoting.Decode(frame)
		require.NoError(t, err)
		for _, field := range c.Fields {
			value, ok := q.FieldString(field.Name)
			if c.Codec == remoting.JSON { // a binary name may be no UTF-8, and a Command's is
				require.True(t, ok)
				require.Equal(t, field.Value, value)
			}
		}
		back, err := remoting.Decode(remoting.Append(nil, c)[4:])
		require.NoError(t, err)
		if c.Codec == remoting.JSON || c.Fields != nil {
			require.Empty(t, cmp.Diff(c, back))
		}
		_, err = remoting.Decode(remoting.AppendAnswer(nil, &q, 17, c.Remark, c.Fields, c.Body)[4:])
		require.NoError(t, err)
	})
}

func FuzzDecodeRegistration(f *testing.F) {
	seedBodies(f, requests(remoting.RegisterBroker), func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) { checkComesBack(t, body) })
}

// The parts of a compressed registration, which a fuzzer would hardly compress itself.
func FuzzDecodeCompressed(f *testing.F) {
	for _, s := range scenarios(f) {
		for _, step := range s.Steps {
			if step.Decoded == nil || step.Decoded.Body.Compressed == nil {
				continue
			}
			c := step.Decoded.Body.Compressed
			text := part(c.DataVersion) + count(len(c.Topics))
			for _, topic := range c.Topics {
				text += part(topic)
			}
			text += part(c.FilterServerList) + count(len(c.Mappings))
			for _, m := range c.Mappings {
				text += part(m)
			}
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, inflated []byte) { checkComesBack(t, []byte(deflate(t, string(inflated)))) })
}

func checkComesBack(t *testing.T, body []byte) {
	r, err := register(t, remoting.Version, string(body), "bodyCrc32", "")
	if err != nil {
		require.Nil(t, r)
		return
	}
	var q remoting.Request
	require.NoError(t, q.Parse(remoting.AppendRegistration(nil, r, remoting.RegistrationForm{Version: remoting.Version})[4:]))
	back, err := remoting.DecodeRegistration(&q)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(r, back, unordered))
}

func FuzzDecodeTopicRoute(f *testing.F) {
	seedBodies(f, answers, func(body []byte) { f.Add(body, true) })
	seedBodies(f, requests(remoting.RegisterTopic), func(body []byte) { f.Add(body, false) })
	f.Fuzz(func(t *testing.T, body []byte, quoted bool) {
		r, err := remoting.DecodeTopicRoute(body)
		if err != nil {
			return
		}
		d := remoting.Bare
		if quoted {
			d = remoting.Quoted
		}
		once := r.AppendJSON(nil, d)
		back, err := remoting.DecodeTopicRoute(once)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(back.AppendJSON(nil, d)))
	})
}

func FuzzDecodeClusterInfo(f *testing.F) {
	seedBodies(f, answers, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := remoting.DecodeClusterInfo(body)
		if err != nil {
			return
		}
		once := c.AppendJSON(nil, remoting.Bare)
		back, err := remoting.DecodeClusterInfo(once)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(back.AppendJSON(nil, remoting.Bare)))
	})
}

func FuzzDecodeMemberGroup(f *testing.F) {
	seedBodies(f, answers, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := remoting.DecodeMemberGroup(body)
		if err != nil {
			return
		}
		once := m.AppendJSON(nil, remoting.Bare)
		back, err := remoting.DecodeMemberGroup(once)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(back.AppendJSON(nil, remoting.Bare)))
	})
}

func FuzzDecodeTopicList(f *testing.F) {
	seedBodies(f, answers, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := remoting.DecodeTopicList(body)
		if err != nil {
			return
		}
		back, err := remoting.DecodeTopicList(l.AppendJSON(nil))
		require.NoError(t, err)
		require.Equal(t, l.BrokerAddr, back.BrokerAddr)
		require.Len(t, back.Topics, len(l.Topics))
	})
}

func FuzzDecodeKVTable(f *testing.F) {
	seedBodies(f, answers, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		kv, err := remoting.DecodeKVTable(body)
		if err != nil {
			return
		}
		once := kv.AppendJSON(nil)
		back, err := remoting.DecodeKVTable(once)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(back.AppendJSON(nil)))
	})
}

func FuzzDecodeDataVersion(f *testing.F) {
	seedBodies(f, requests(remoting.QueryDataVersion), func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := remoting.DecodeDataVersion(body)
		if err != nil {
			return
		}
		back, err := remoting.DecodeDataVersion(v.AppendJSON(nil))
		require.NoError(t, err)
		require.Equal(t, v, back)
	})
}

func FuzzParseProperties(f *testing.F) {
	seedBodies(f, requests(remoting.UpdateConfig), func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := remoting.ParseProperties(text)
		if err != nil {
			return
		}
		seen := make(map[string]bool)
		for _, e := range entries {
			require.False(t, seen[e.Name], "a key comes once")
			seen[e.Name] = true
		}
	})
}
