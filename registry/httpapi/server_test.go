package httpapi_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka/recorded"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// reply is an answer as a client sees it.
type reply struct {
	status    int
	header    http.Header
	body      string // gunzipped
	raw       []byte
	byLibrary bool // net/http refused the request itself
}

// testServer is a whole http.Server on connections in memory.
type testServer struct {
	registry *registry.Registry
	handler  *httpapi.Server
	listener *memoryListener
}

// startServer runs the handler and its registry until the test ends. Under synctest the world begins in 2000, before the
// timestamps of the recordings; the first sleep mends that.
func startServer(t testing.TB, rc registry.Config, deps httpapi.Deps) *testServer {
	time.Sleep(time.Until(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)))
	rc.Epoch = 1
	reg, err := registry.New(rc)
	require.NoError(t, err)
	deps.Registry = reg
	handler, err := httpapi.New(deps)
	require.NoError(t, err)
	srv := &testServer{registry: reg, handler: handler, listener: newMemoryListener()}
	httpServer := &http.Server{Handler: handler}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = reg.Run(ctx) })
	running.Go(func() { _ = httpServer.Serve(srv.listener) })
	t.Cleanup(func() {
		cancel()
		_ = httpServer.Close()
		running.Wait()
	})
	return srv
}

// send writes one request as it was recorded, on a connection of its own, and reads the answer.
func (s *testServer) send(t testing.TB, r recorded.Request) reply {
	t.Helper()
	conn := s.listener.dial()
	defer conn.Close()
	go func() { _, _ = conn.Write(rawRequest(r)) }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.Method})
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	got := reply{status: resp.StatusCode, header: resp.Header, raw: raw, body: string(raw)}
	got.byLibrary = resp.StatusCode == http.StatusBadRequest && strings.HasPrefix(got.body, "400 Bad Request")
	if resp.Header.Get("Content-Encoding") == "gzip" && len(raw) > 0 {
		zr, err := gzip.NewReader(bytes.NewReader(raw))
		require.NoError(t, err)
		plain, err := io.ReadAll(zr)
		require.NoError(t, err)
		got.body = string(plain)
	}
	return got
}

// rawRequest is a recorded request with what the recorder added.
func rawRequest(r recorded.Request) []byte {
	body := r.Body()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: zonekeeper.test\r\nConnection: close\r\n", r.Method, r.Path)
	chunked := false
	for name, value := range r.Headers {
		switch {
		case strings.EqualFold(name, "Connection"), strings.EqualFold(name, "Content-Length"), strings.EqualFold(name, "Host"):
		case strings.EqualFold(name, "Transfer-Encoding"):
			chunked = true
		default:
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	switch {
	case chunked:
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	case len(body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut:
		b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
		b.Write(body)
	default:
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// memoryListener accepts connections made by dial, without sockets, so that it works in virtual time.
type memoryListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memoryListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8761} }
