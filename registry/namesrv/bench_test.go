package namesrv_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// benchServer serves on loopback and returns a connection to it.
func benchServer(b *testing.B) net.Conn {
	b.Helper()
	_, connect := benchServers(b)
	return connect()
}

// benchServers serves on loopback and returns what connects to it.
func benchServers(b *testing.B) (*namesrv.Server, func() net.Conn) {
	b.Helper()
	s, err := namesrv.New(namesrv.Config{}, newTable())
	require.NoError(b, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	b.Cleanup(func() {
		cancel()
		require.NoError(b, <-served)
	})
	return s, func() net.Conn {
		nc, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(b, err)
		b.Cleanup(func() { nc.Close() })
		return nc
	}
}

// exchange sends frames in one write and reads as many answers.
func exchange(b *testing.B, nc net.Conn, r *bufio.Reader, frames []byte, answers int, buf []byte) []byte {
	if _, err := nc.Write(frames); err != nil {
		b.Fatal(err)
	}
	for range answers {
		frame, err := remoting.ReadFrame(r, remoting.MaxFrame, buf[:0])
		if err != nil {
			b.Fatal(err)
		}
		buf = frame
	}
	return buf
}

// BenchmarkRouteQuery is a route query from socket to socket over loopback, the client included.
func BenchmarkRouteQuery(b *testing.B) {
	query := request(remoting.GetRouteByTopic, "topic", "T")
	for _, codec := range []remoting.Codec{remoting.JSON, remoting.Binary} {
		query.Codec = codec
		one := remoting.Append(nil, &query)
		for _, pipelined := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/pipelined=%d", codec, pipelined), func(b *testing.B) {
				nc := benchServer(b)
				r := bufio.NewReaderSize(nc, 64<<10)
				buf := exchange(b, nc, r, registration(remoting.Registration{}, "T", "U"), 1, nil)
				frames := bytes.Repeat(one, pipelined)
				b.ReportAllocs()
				for b.Loop() {
					buf = exchange(b, nc, r, frames, pipelined, buf)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pipelined), "ns/query")
			})
		}
	}
}

// BenchmarkRegister is a broker's registration over loopback, from the first byte to its answer: again the same one, and one after
// a change.
func BenchmarkRegister(b *testing.B) {
	for _, topics := range []int{1000, 10_000} {
		names := make([]string, topics)
		for i := range names {
			names[i] = fmt.Sprintf("Topic-%06d", i)
		}
		for _, changed := range []bool{false, true} {
			b.Run(fmt.Sprintf("topics=%d/changed=%t", topics, changed), func(b *testing.B) {
				nc := benchServer(b)
				r := bufio.NewReaderSize(nc, 64<<10)
				frames := [2][]byte{
					registration(remoting.Registration{Version: remoting.DataVersion{Counter: 1}}, names...),
					registration(remoting.Registration{Version: remoting.DataVersion{Counter: 2}}, names...),
				}
				buf := exchange(b, nc, r, frames[0], 1, nil)
				b.SetBytes(int64(len(frames[0])))
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if changed {
						i++
					}
					buf = exchange(b, nc, r, frames[i%2], 1, buf)
				}
			})
		}
	}
}
