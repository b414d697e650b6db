package namesrv

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// sink is a socket that takes everything and costs nothing.
type sink struct{ net.Conn }

func (sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (sink) Write(p []byte) (int, error)      { return len(p), nil }
func (sink) Close() error                     { return nil }
func (sink) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (sink) SetReadDeadline(time.Time) error  { return nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }

// ownPart is a connection without a socket, and the frame of a route query.
func ownPart(tb testing.TB, codec remoting.Codec) (*conn, []byte) {
	tb.Helper()
	s, err := New(Config{}, routeinfo.New(routeinfo.Config{}))
	require.NoError(tb, err)
	c := newConn(s, 1, sink{})
	r := &remoting.Registration{
		Cluster: "DefaultCluster", Name: "broker-a", Addr: "10.0.0.1:10911", HAAddr: "10.0.0.1:10912",
		Version: remoting.DataVersion{Counter: 1}, HasTopics: true,
		Topics: []remoting.TopicConfig{{Name: "T", ReadQueues: 4, WriteQueues: 4, Perm: 6}, {Name: "U", ReadQueues: 4, WriteQueues: 4, Perm: 6}},
	}
	_, err = s.table.Register(r, 2, s.now())
	require.NoError(tb, err)
	query := remoting.Command{Code: remoting.GetRouteByTopic, Version: remoting.Version, Opaque: 7, Codec: codec, Fields: []remoting.Field{{Name: "topic", Value: "T"}}}
	frame := remoting.Append(nil, &query)[4:]
	require.NoError(tb, c.answer(frame))
	require.Equal(tb, remoting.Success, c.call.result)
	require.NoError(tb, c.flush())
	return c, frame
}

// BenchmarkOwnPart is our part of a route query: from a frame that has come to an answer that is ready to be written.
func BenchmarkOwnPart(b *testing.B) {
	for _, codec := range []remoting.Codec{remoting.JSON, remoting.Binary} {
		b.Run(codec.String(), func(b *testing.B) {
			c, frame := ownPart(b, codec)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.answer(frame); err != nil {
					b.Fatal(err)
				}
				c.out = c.out[:0]
			}
		})
	}
}

// TestRouteQueryAllocatesNothing, from a frame that has come to the write.
func TestRouteQueryAllocatesNothing(t *testing.T) {
	for _, codec := range []remoting.Codec{remoting.JSON, remoting.Binary} {
		c, frame := ownPart(t, codec)
		n := testing.AllocsPerRun(1000, func() {
			if c.answer(frame) != nil || c.flush() != nil {
				t.Error("connection ended")
			}
		})
		require.Zero(t, n, codec)
	}
}

// TestListenerOnEveryAddress is shown in the reference's words.
func TestListenerOnEveryAddress(t *testing.T) {
	s, err := New(Config{}, routeinfo.New(routeinfo.Config{}))
	require.NoError(t, err)
	for listener, shown := range map[string]string{
		"[::]:9870": "0.0.0.0", "0.0.0.0:9870": "0.0.0.0", "[::ffff:10.0.0.1]:9870": "10.0.0.1", "[2001:db8::1]:9870": "2001:db8::1",
	} {
		s.showListener(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(listener)))
		require.Equal(t, shown, s.settings.Load().BindAddress, listener)
		require.Equal(t, 9870, s.settings.Load().ListenPort)
	}
}
