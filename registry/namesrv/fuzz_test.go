package namesrv

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

// FuzzProxy: whatever a peer begins with, the preamble is found whole or not at all, and pieces of it ask for more.
func FuzzProxy(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 192.0.2.2 5000 9876\r\nrest"))
	f.Add([]byte("PROXY TCP6 2001:db8::1 ::1 5000 9876\r\n"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte("PROXY \r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\n"))
	f.Add([]byte(proxyV2Magic + "\x21\x11\x00\x0c\xcb\x00\x71\x09\x0a\x00\x00\x01\x10\x00\x26\x94"))
	f.Add([]byte(proxyV2Magic + "\x20\x00\x00\x00"))
	f.Add([]byte(proxyV2Magic + "\x21\x21\x00\x01x"))
	f.Add([]byte(proxyV2Magic + "\x21\x11\xff\xff"))
	f.Fuzz(func(t *testing.T, p []byte) {
		client, used, err := parseProxy(p)
		require.LessOrEqual(t, used, min(len(p), proxyV2Head+proxyV2Longest))
		if err != nil {
			require.Zero(t, used)
			return
		}
		if used == 0 {
			require.Less(t, len(p), proxyV2Head+proxyV2Longest, "it would ask for more without end")
			require.False(t, client.IsValid())
			return
		}
		for n := range used {
			_, early, err := parseProxy(p[:n])
			require.NoError(t, err)
			require.Zero(t, early)
		}
	})
}

func TestProxyAddresses(t *testing.T) {
	for preamble, want := range map[string]string{
		"PROXY TCP4 192.0.2.1 192.0.2.2 5000 9876\r\n":                                                "192.0.2.1:5000",
		"PROXY TCP6 2001:db8::1 ::1 5000 9876\r\n":                                                    "[2001:db8::1]:5000",
		"PROXY UNKNOWN\r\n":                                                                           "",
		"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n":                                                       "",
		proxyV2Magic + "\x21\x11\x00\x0c\xcb\x00\x71\x09\x0a\x00\x00\x01\x10\x00\x26\x94":             "203.0.113.9:4096",
		proxyV2Magic + "\x21\x11\x00\x0f\xcb\x00\x71\x09\x0a\x00\x00\x01\x10\x00\x26\x94\x04\x00\x00": "203.0.113.9:4096",
		proxyV2Magic + "\x20\x11\x00\x0c\xcb\x00\x71\x09\x0a\x00\x00\x01\x10\x00\x26\x94":             "",
		proxyV2Magic + "\x21\x31\x00\x00":                                                             "",
	} {
		client, used, err := parseProxy([]byte(preamble + "rest"))
		require.NoError(t, err, "%q", preamble)
		require.Equal(t, len(preamble), used)
		var parsed netip.AddrPort
		if want != "" {
			parsed = netip.MustParseAddrPort(want)
		}
		require.Equal(t, parsed, client)
	}
	for _, bad := range []string{
		"PROXY TCP4 192.0.2.1 192.0.2.2 5000\r\n", "PROXY TCP4 host 192.0.2.2 5000 9876\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 70000 9876\r\n",
		"PROXY UDP4 192.0.2.1 192.0.2.2 5000 9876\r\n", "PROXYTCP4", "\r\n\r\n\r\n", proxyV2Magic + "\x31\x11\x00\x00", proxyV2Magic + "\x22\x11\x00\x00",
	} {
		_, _, err := parseProxy([]byte(bad))
		require.Error(t, err, "%q", bad)
	}
}

// FuzzInbox: frames come out as they came in, however the bytes are cut, and the buffer never grows beyond twice what it holds.
func FuzzInbox(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x04\x00\x00\x00\x00"), uint16(1))
	f.Add(bytes.Repeat([]byte("\x00\x00\x00\x06\x00\x00\x00\x02{}"), 50), uint16(4096))
	f.Add(append([]byte("\x00\x00\x30\x00\x01\x00\x00\x10"), make([]byte, 13_000)...), uint16(700))
	f.Add([]byte("\xff\xff\xff\xff"), uint16(2))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		const limit = 64 << 10
		stream = stream[:min(len(stream), 16<<10)]
		b := inbox{small: make([]byte, smallInbox)}
		b.buf = b.small
		var framed []byte
		for rest := stream; ; {
			frame, err := b.next(limit)
			if err != nil {
				break
			}
			if frame != nil {
				framed = binary.BigEndian.AppendUint32(framed, uint32(len(frame)))
				framed = append(framed, frame...)
				continue
			}
			b.shrink()
			if len(rest) == 0 {
				break
			}
			if n := b.room(); n > 0 {
				b.grow(n)
			}
			n := copy(b.free(), rest[:min(len(rest), int(piece)+1)])
			if n == 0 {
				t.Fatal("no room for more")
			}
			b.add(n)
			rest = rest[n:]
			if len(b.buf) > max(smallInbox, 2*(b.w-b.r)) {
				t.Fatalf("%d bytes for %d that came", len(b.buf), b.w-b.r)
			}
		}
		require.Equal(t, string(stream[:len(framed)]), string(framed))
	})
}

// FuzzRequests: no frame makes a handler panic, and every request that asks for an answer gets one that can be read.
func FuzzRequests(f *testing.F) {
	scenarios, err := recorded.Load("../remoting/testdata/recorded")
	require.NoError(f, err)
	for _, sc := range scenarios {
		for _, step := range sc.Steps {
			if step.Do == recorded.Send && len(step.Frame) > 4 && len(step.Frame) < 2<<10 {
				f.Add(step.Frame[4:])
			}
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		c, _ := ownPart(t, remoting.JSON)
		panicked := false
		c.s.cfg.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			panicked = panicked || bytes.Contains(p, []byte("panicked"))
			return len(p), nil
		}), nil))
		if err := c.answer(bytes.Clone(frame)); err != nil {
			return
		}
		require.False(t, panicked)
		q := &c.call.req
		if q.Oneway() || q.Response() {
			require.Empty(t, c.out)
			return
		}
		answer, err := remoting.Decode(append(bytes.Clone(c.out), c.body...)[4:])
		require.NoError(t, err)
		require.Equal(t, q.Opaque, answer.Opaque)
		require.Equal(t, remoting.FlagResponse, answer.Flag)
		require.NoError(t, c.flush())
	})
}

type writerFunc func(p []byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// FuzzSettings: no text breaks the reader, and what it takes it takes again from what 319 would show.
func FuzzSettings(f *testing.F) {
	f.Add([]byte("enableTopicList=false\nwaitSecondsForService = 4\\\n  6\n"))
	f.Add([]byte("configBlackList=a;b\nproductEnvName=x"))
	f.Add([]byte("a=\\uZZZZ"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, _, err := ParseSettings(text)
		if err != nil {
			return
		}
		for _, e := range []remoting.Field{{Name: "rocketmqHome"}, {Name: "enableTopicList"}} {
			_ = s.black(e.Name)
		}
		require.True(t, s.black("rocketmqHome"))
		require.NotEmpty(t, s.appendProperties(nil))
	})
}
