package remoting_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

func scenarios(t testing.TB) []recorded.Scenario {
	all, err := recorded.Load("testdata/recorded")
	require.NoError(t, err)
	return all
}

// eachFrame calls test for every recorded frame that is one.
func eachFrame(t *testing.T, test func(t *testing.T, s recorded.Step)) {
	n := 0
	for _, scenario := range scenarios(t) {
		t.Run(scenario.Name, func(t *testing.T) {
			for _, step := range scenario.Steps {
				if step.Decoded == nil || step.Frame[4] > 1 { // one shows an unknown codec
					continue
				}
				n++
				t.Run(fmt.Sprint(step.N), func(t *testing.T) { test(t, step) })
			}
		})
	}
	require.Equal(t, 987, n)
}

// framesOf are the frames that one write carried.
func framesOf(t *testing.T, s recorded.Step) (frames [][]byte) {
	r := bufio.NewReader(bytes.NewReader(s.Frame))
	for at := 0; ; {
		frame, err := remoting.ReadFrame(r, remoting.MaxFrame, nil)
		if errors.Is(err, io.EOF) {
			return frames
		}
		require.NoError(t, err)
		frames = append(frames, s.Frame[at:at+4+len(frame)])
		at += 4 + len(frame)
	}
}

func TestRecordedFramesDecode(t *testing.T) {
	eachFrame(t, func(t *testing.T, s recorded.Step) {
		c, err := remoting.Decode(s.Frame[4:])
		require.NoError(t, err)
		require.Equal(t, s.Codec, c.Codec.String())

		h := s.Decoded.Header
		language := h.Language
		switch {
		case language == "COBOL":
			language = ""
		case language == "" && s.N == 9: // a number, which the recorder did not understand
			language = "GO"
		}
		want := &remoting.Command{Code: h.Code, Version: h.Version, Opaque: h.Opaque, Flag: h.Flag, Remark: h.Remark}
		got := *c
		got.Fields, got.Body, got.Codec, got.Language = nil, nil, 0, 0
		require.Empty(t, cmp.Diff(want, &got))
		require.Equal(t, language, c.Language.String())

		require.Equal(t, s.Decoded.ExtFields == nil, c.Fields == nil)
		require.Len(t, c.Fields, len(s.Decoded.ExtFields))
		for _, f := range c.Fields {
			require.Equal(t, s.Decoded.ExtFields[f.Name], f.Value, f.Name)
		}
		switch b := s.Decoded.Body; {
		case b.Compressed != nil:
			require.Equal(t, byte(0x78), c.Body[0])
		case b.Base64 != nil:
			require.Equal(t, b.Base64, c.Body)
		default:
			require.Equal(t, b.Text, string(c.Body))
		}
	})
}

// What Java wrote is written again to the byte. Others order their keys as they like, say null and "" where Java is silent, or
// escape a line separator where fastjson2 does not.
func TestRecordedFramesEncode(t *testing.T) {
	exact := 0
	eachFrame(t, func(t *testing.T, s recorded.Step) {
		for _, sent := range framesOf(t, s) {
			c, err := remoting.Decode(sent[4:])
			require.NoError(t, err)
			again := remoting.Append(nil, c)
			back, err := remoting.Decode(again[4:])
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(c, back))
			java := bytes.Contains(sent, []byte(`,"serializeTypeCurrentRPC":"JSON",`)) || c.Codec == remoting.Binary
			if java && !bytes.Contains(sent, []byte(`\u2028`)) {
				require.Equal(t, string(sent), string(again))
				exact++
			}
		}
	})
	require.Equal(t, 989, exact)
}

// An answer of ours to a recorded request, with what the reference answered, differs from the reference's in its version only.
func TestRecordedAnswers(t *testing.T) {
	for _, scenario := range scenarios(t) {
		requests := make(map[string]remoting.Request) // by connection and opaque
		for _, s := range scenario.Steps {
			if s.Decoded == nil || s.Frame[4] > 1 {
				continue
			}
			for _, frame := range framesOf(t, s) {
				var q remoting.Request
				require.NoError(t, q.Parse(frame[4:]))
				key := fmt.Sprint(s.Conn, q.Opaque)
				if s.Do == recorded.Send {
					requests[key] = q
					continue
				}
				request, ok := requests[key]
				if !ok {
					continue // what the server sends to brokers
				}
				want, err := s.Command()
				require.NoError(t, err)
				answer := remoting.AppendAnswer(nil, &request, want.Code, want.Remark, want.Fields, want.Body)
				got, err := remoting.Decode(answer[4:])
				require.NoError(t, err)
				require.NoError(t, s.Same(got), "%s %d", scenario.Name, s.N)

				want.Version, want.Codec = remoting.Version, request.Codec
				require.Equal(t, string(remoting.Append(nil, want)), string(answer), "%s %d", scenario.Name, s.N)
			}
		}
	}
}

// Bodies that we send are decoded and written again to the byte.
func TestRecordedAnswerBodies(t *testing.T) {
	seen := make(map[string]int)
	eachFrame(t, func(t *testing.T, s recorded.Step) {
		if s.Do != recorded.Recv || s.Code != remoting.Success || !strings.HasPrefix(s.Decoded.Body.Text, "{") {
			return
		}
		body := []byte(s.Decoded.Body.Text)
		kind, _, _ := strings.Cut(s.Decoded.Body.Text[2:], `"`) // Java writes alphabetically
		var again []byte
		switch kind {
		case "brokerDatas":
			r, err := remoting.DecodeTopicRoute(body)
			require.NoError(t, err)
			again = r.AppendJSON(nil, dialectOf(body))
		case "brokerAddrTable":
			c, err := remoting.DecodeClusterInfo(body)
			require.NoError(t, err)
			again = c.AppendJSON(nil, dialectOf(body))
		case "brokerMemberGroup":
			m, err := remoting.DecodeMemberGroup(body)
			require.NoError(t, err)
			again = m.AppendJSON(nil, remoting.Bare)
		case "table":
			l, err := remoting.DecodeKVTable(body)
			require.NoError(t, err)
			again = l.AppendJSON(nil)
		case "counter":
			v, err := remoting.DecodeDataVersion(body)
			require.NoError(t, err)
			again = v.AppendJSON(nil)
		case "topicList", "brokerAddr":
			l, err := remoting.DecodeTopicList(body)
			require.NoError(t, err)
			again = l.AppendJSON(nil)
		default:
			t.Fatalf("what is %s?", body)
		}
		seen[kind]++
		// Compat: the name of a broker that registered without one stays a null for good. We keep no such names.
		want := strings.Replace(string(body), `[null`, `[`, 1)
		require.Equal(t, want, string(again))
	})
	require.Equal(t, map[string]int{
		"brokerDatas": 147, "brokerAddrTable": 44, "brokerMemberGroup": 10, "table": 9, "counter": 10, "topicList": 28, "brokerAddr": 3,
	}, seen)
}

func dialectOf(body []byte) remoting.Dialect {
	if strings.Contains(string(body), `{"0":`) || strings.Contains(string(body), `{"1":`) {
		return remoting.Quoted
	}
	return remoting.Bare
}
