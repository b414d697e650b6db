package httpapi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// The benchmarks run a real http.Server on a connection that is only memory: one keeps handing in the same request and throws the
// answers away. What they measure is net/http and this package, without the kernel. Compare "zonekeeper" with "net/http", a
// handler that does nothing but answer the same bytes, in the same run.

func BenchmarkHeartbeat(b *testing.B) {
	request := "PUT /eureka/apps/ORDERS/orders-7?status=UP&lastDirtyTimestamp=1700000000000 HTTP/1.1\r\nHost: eureka\r\n" + javaHeaders + "Content-Length: 0\r\n\r\n"
	b.Run("net/http", func(b *testing.B) {
		benchmarkServer(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }), request)
	})
	b.Run("zonekeeper", func(b *testing.B) { benchmarkServer(b, filled(b, 10_000), request) })
	b.Run("handler alone", func(b *testing.B) {
		handler := filled(b, 10_000)
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		require.NoError(b, err)
		w := &nowhere{header: make(http.Header)}
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(w, r)
		}
		require.Equal(b, http.StatusOK, w.status)
	})
}

func BenchmarkFetch(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		handler := filled(b, n)
		for _, path := range []string{"/eureka/apps/", "/eureka/apps/delta"} {
			request := "GET " + path + " HTTP/1.1\r\nHost: eureka\r\n" + javaHeaders + "\r\n"
			w := &nowhere{header: make(http.Header)}
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
			require.NoError(b, err)
			handler.ServeHTTP(w, r)
			body := bytes.Clone(w.body)
			name := strings.TrimPrefix(strings.TrimSuffix(path, "/"), "/eureka/apps")
			if name == "" {
				name = "/full"
			}
			b.Run(fmt.Sprintf("%d%s/net-http", n, name), func(b *testing.B) {
				length := fmt.Sprint(len(body))
				benchmarkServer(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Encoding", "gzip")
					w.Header().Set("Content-Length", length)
					_, _ = w.Write(body)
				}), request)
			})
			b.Run(fmt.Sprintf("%d%s/zonekeeper", n, name), func(b *testing.B) { benchmarkServer(b, handler, request) })
		}
	}
}

func BenchmarkRegister(b *testing.B) {
	body := orders("orders-1")
	request := fmt.Sprintf("POST /eureka/apps/ORDERS HTTP/1.1\r\nHost: eureka\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", javaHeaders, len(body), body)
	benchmarkServer(b, filled(b, 10_000), request)
}

func BenchmarkBatchOfHeartbeats(b *testing.B) {
	const items = 250
	list := make([]eureka.ReplicationItem, items)
	for i := range list {
		list[i] = eureka.ReplicationItem{AppName: "ORDERS", ID: fmt.Sprint("orders-", i), LastDirtyTimestamp: 1700000000000, HasDirty: true, Status: "UP", Action: eureka.Heartbeat}
	}
	body := eureka.AppendReplicationList(nil, list)
	request := fmt.Sprintf("POST /eureka/peerreplication/batch/ HTTP/1.1\r\nHost: eureka\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", javaHeaders, len(body), body)
	benchmarkServer(b, filled(b, 10_000), request)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/items, "ns/heartbeat")
}

// javaHeaders is what the Jersey client sends with each request.
const javaHeaders = "Accept: application/json\r\nAccept-Encoding: gzip\r\nDiscoveryIdentity-Name: DefaultClient\r\nDiscoveryIdentity-Version: 1.4\r\n" +
	"DiscoveryIdentity-Id: 10.0.0.1\r\nUser-Agent: Java-EurekaClient/v1.10.18\r\nConnection: Keep-Alive\r\n"

// filled is a handler with n instances of n/100 applications, the first of which is ORDERS.
func filled(b *testing.B, n int) *httpapi.Server {
	reg, err := registry.New(registry.Config{Epoch: 1})
	require.NoError(b, err)
	for i := range n {
		app := "ORDERS"
		if i >= 300 {
			app = fmt.Sprint("APP", i/100)
		}
		body := strings.ReplaceAll(orders(fmt.Sprint("orders-", i)), `"ORDERS"`, `"`+app+`"`)
		in, err := eureka.DecodeInstance([]byte(body), eureka.JSON, 0)
		require.NoError(b, err)
		require.NoError(b, reg.Register(in, registry.FromClient))
	}
	metrics := prometheus.NewRegistry()
	handler, err := httpapi.New(httpapi.Deps{Registry: reg, Registerer: metrics})
	require.NoError(b, err)
	return handler
}

func benchmarkServer(b *testing.B, handler http.Handler, request string) {
	conn := &loop{request: []byte(request), left: -1, done: make(chan struct{})}
	listener := &oneConn{conn: conn, done: conn.done}
	server := &http.Server{Handler: handler}
	b.ReportAllocs()
	b.ResetTimer()
	conn.left = b.N
	_ = server.Serve(listener)
	b.StopTimer()
	_ = server.Close()
}

// loop is a connection that reads the same request again and again and forgets what is written.
type loop struct {
	request []byte
	at      int
	left    int
	done    chan struct{}
}

func (c *loop) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.request[c.at:])
	if c.at += n; c.at == len(c.request) {
		c.at = 0
		c.left--
	}
	return n, nil
}

func (c *loop) Close() error {
	select {
	case <-c.done:
	default:
		close(c.done)
	}
	return nil
}

func (c *loop) Write(p []byte) (int, error)      { return len(p), nil }
func (c *loop) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *loop) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *loop) SetDeadline(time.Time) error      { return nil }
func (c *loop) SetReadDeadline(time.Time) error  { return nil }
func (c *loop) SetWriteDeadline(time.Time) error { return nil }

// oneConn is a listener with one connection. It ends when that does.
type oneConn struct {
	conn net.Conn
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// nowhere is a ResponseWriter that keeps the last answer.
type nowhere struct {
	header http.Header
	status int
	body   []byte
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(status int)      { w.status, w.body = status, w.body[:0] }
func (w *nowhere) Write(p []byte) (int, error) { w.body = append(w.body, p...); return len(p), nil }
