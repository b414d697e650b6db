package httpapi_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

func gzipped(t testing.TB, body string) string {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, err := zw.Write([]byte(body))
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	return b.String()
}

func TestBodiesAreBounded(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{MaxBody: 4 << 10, MaxBatch: 8 << 10})
	padded := func(size int) string { return orders("two") + strings.Repeat(" ", size) }
	for _, tc := range []struct {
		name, path, body string
		headers          []string
		status           int
	}{
		{"within", "/eureka/apps/ORDERS", padded(1 << 10), nil, http.StatusNoContent},
		{"beyond", "/eureka/apps/ORDERS", padded(4 << 10), nil, http.StatusRequestEntityTooLarge},
		{"gzip within", "/eureka/apps/ORDERS", gzipped(t, padded(1<<10)), []string{"Content-Encoding", "gzip"}, http.StatusNoContent},
		{"gzip that unpacks to more", "/eureka/apps/ORDERS", gzipped(t, padded(1<<20)), []string{"Content-Encoding", "gzip"}, http.StatusRequestEntityTooLarge},
		{"gzip cut short", "/eureka/apps/ORDERS", gzipped(t, padded(1<<10))[:80], []string{"Content-Encoding", "gzip"}, http.StatusBadRequest},
		{"not gzip", "/eureka/apps/ORDERS", padded(0), []string{"Content-Encoding", "gzip"}, http.StatusBadRequest},
		{"unknown encoding", "/eureka/apps/ORDERS", padded(0), []string{"Content-Encoding", "br"}, http.StatusBadRequest},
		{"batch within", "/eureka/peerreplication/batch", `{"replicationList":[]}` + strings.Repeat(" ", 6<<10), nil, http.StatusOK},
		{"batch beyond", "/eureka/peerreplication/batch", `{"replicationList":[]}` + strings.Repeat(" ", 8<<10), nil, http.StatusRequestEntityTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := do(handler, http.MethodPost, tc.path, tc.body, append([]string{"Content-Type", "application/json"}, tc.headers...)...)
			require.Equal(t, tc.status, w.Code, w.Body.String())
			switch {
			case tc.status != http.StatusRequestEntityTooLarge:
			case strings.HasSuffix(tc.path, "/batch"):
				require.Empty(t, w.Body.String())
			default:
				require.Equal(t, "the registration is larger than 4096 bytes (http.max-body)", w.Body.String())
			}
			do(handler, http.MethodDelete, "/eureka/apps/ORDERS/two", "")
		})
	}
}

// A body without a length is cut off at the limit too.
func TestChunkedBodiesAreBounded(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{MaxBody: 4 << 10})
	r, err := http.NewRequest(http.MethodPost, "/eureka/apps/ORDERS", struct{ *strings.Reader }{strings.NewReader(strings.Repeat("x", 1<<20))})
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = -1
	w := recorderFor(handler, r)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
}

// Few connections at a time may send bodies of the size of the largest batch, wherever they send them; small ones always may.
func TestLargeBodiesAreFew(t *testing.T) {
	c := newCluster(t)
	batch := func(body io.Reader) int {
		r := httptest.NewRequest(http.MethodPost, "/eureka/peerreplication/batch", body)
		r.Header.Set("Content-Type", "application/json")
		return c.do(r).Code
	}
	large := `{"replicationList":[]}` + strings.Repeat(" ", 2<<20)
	var senders []*io.PipeWriter
	answers := make(chan int)
	for range 4 {
		reader, writer := io.Pipe()
		senders = append(senders, writer)
		go func() { answers <- batch(reader) }()
		_, err := writer.Write([]byte(large))
		require.NoError(t, err)
	}
	require.Equal(t, http.StatusServiceUnavailable, batch(strings.NewReader(large)))
	require.Equal(t, http.StatusServiceUnavailable, c.do(c.signed(t, "/api/v1/peer/stream", large)).Code)
	require.Equal(t, 1.0, c.refused(t, "busy"))
	require.Equal(t, http.StatusOK, batch(strings.NewReader(large[:1<<20])))
	for i, writer := range senders {
		want, end := http.StatusOK, io.EOF
		if i%2 == 0 {
			want, end = http.StatusBadRequest, io.ErrUnexpectedEOF
		}
		require.NoError(t, writer.CloseWithError(end))
		require.Equal(t, want, <-answers)
	}
	for range 20 {
		require.Equal(t, http.StatusOK, batch(strings.NewReader(large)))
		require.Equal(t, http.StatusOK, c.do(c.signed(t, "/api/v1/peer/stream", large)).Code)
	}
	forged := c.signed(t, "/api/v1/peer/stream", large)
	forged.Header.Set(peerstore.HeaderEpoch, "3")
	for range 20 {
		forged.Body = io.NopCloser(strings.NewReader(large))
		require.Equal(t, http.StatusForbidden, c.do(forged).Code)
	}
}

// Ten thousand requests of garbage leave nothing behind: no application, no instance, no memory that grows with them.
func TestGarbageLeavesNothingBehind(t *testing.T) {
	reg, err := registry.New(registry.Config{Epoch: 1})
	require.NoError(t, err)
	handler, err := httpapi.New(httpapi.Deps{Registry: reg})
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	garbage := func(n int) string {
		b := make([]byte, rng.IntN(n))
		for i := range b {
			b[i] = byte(33 + rng.IntN(94))
		}
		return strings.NewReplacer("?", "%3F", "#", "%23", "%", "%25", "\"", "%22", "<", "%3C").Replace(string(b))
	}
	compressed := gzipped(t, garbage(50))
	one := func(i int) {
		methods := []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"}
		paths := []string{
			"/eureka/apps/" + garbage(40), "/eureka/apps/" + garbage(20) + "/" + garbage(40), "/eureka/vips/" + garbage(60),
			"/eureka/svips/" + garbage(60), "/eureka/instances/" + garbage(60), "/" + garbage(80), "/eureka/peerreplication/batch",
			"/eureka/apps/X/" + garbage(9) + "/status?value=" + garbage(9), "/eureka/apps/X/" + garbage(9) + "/metadata?" + garbage(50) + "=1",
			"/api/v1/peer/stream", "/api/v1/peer/announce", "/eureka/apps?regions=" + garbage(50),
		}
		bodies := []string{garbage(500), "{", strings.Repeat("[", 500), `{"instance":{"app":"` + garbage(30) + `"}}`, `{"replicationList":[{"action":"Cancel"}]}`, "", compressed}
		headers := []string{"Content-Type", []string{"application/json", "application/xml", garbage(20), "text/plain"}[rng.IntN(4)], "Accept", []string{"", "*/*", "application/json", garbage(30)}[rng.IntN(4)]}
		if rng.IntN(4) == 0 {
			headers = append(headers, "Content-Encoding", "gzip", "x-netflix-discovery-replication", "true")
		}
		w := do(handler, methods[i%len(methods)], paths[rng.IntN(len(paths))], bodies[rng.IntN(len(bodies))], headers...)
		require.NotZero(t, w.Code)
		require.Less(t, w.Body.Len(), 4<<10)
	}
	for i := range 1000 { // pools and tables find their size
		one(i)
	}
	before := heap()
	for i := range 10_000 {
		one(i)
	}
	grown := int64(heap()) - int64(before)
	stats := reg.Stats()
	require.Zero(t, stats.Instances, "%+v", stats)
	require.Zero(t, stats.Tombstones)
	require.Zero(t, stats.Overrides)
	require.Less(t, grown, int64(1<<20), "bytes that stay after 10,000 requests")
	runtime.KeepAlive(handler)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Whoever promises a body and does not send it gets its answer after five seconds, well before clients lose patience, whether the
// body is read or not.
func TestASlowBodyIsNotWaitedFor(t *testing.T) {
	for request, status := range map[string]int{
		"POST /eureka/apps/ORDERS HTTP/1.1\r\nContent-Type: application/json\r\n": http.StatusBadRequest,
		"PUT /eureka/apps/ORDERS/nobody HTTP/1.1\r\n":                             http.StatusNotFound,
		"POST /api/v1/peer/stream HTTP/1.1\r\n":                                   http.StatusNotFound,
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := startServer(t, registry.Config{}, httpapi.Deps{})
			conn := srv.listener.dial()
			defer conn.Close()
			start := time.Now()
			_, err := conn.Write([]byte(request + "Host: x\r\nContent-Length: 100\r\n\r\n{"))
			require.NoError(t, err)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			require.Equal(t, status, resp.StatusCode)
			require.LessOrEqual(t, time.Since(start), 6*time.Second)
		})
	}
}

// Whoever asks for a long list and does not read it is cut off.
func TestASlowReaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, registry.Config{}, httpapi.Deps{})
		for i := range 1000 {
			in, err := eureka.DecodeInstance([]byte(orders(fmt.Sprint("i", i))), eureka.JSON, 0)
			require.NoError(t, err)
			require.NoError(t, srv.registry.Register(in, registry.FromClient))
		}
		conn := srv.listener.dial()
		defer conn.Close()
		_, err := conn.Write([]byte("GET /eureka/apps HTTP/1.1\r\nHost: x\r\n\r\n"))
		require.NoError(t, err)
		time.Sleep(12 * time.Second)
		got, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Less(t, len(got), 1<<16, "the rest was given up")
	})
}

// Metadata that a registration could not bring cannot be added piece by piece, and an id that no server could pass on is refused.
func TestUnfitInstancesAreRefused(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{})
	put := func(query string) int {
		return do(handler, http.MethodPut, "/eureka/apps/ORDERS/one/metadata?"+query, "").Code
	}
	var query strings.Builder
	for i := range eureka.MaxMetadataEntries / 2 {
		fmt.Fprintf(&query, "k%d=v&", i)
	}
	require.Equal(t, http.StatusOK, put(query.String()))
	require.Equal(t, http.StatusBadRequest, put(strings.ReplaceAll(query.String(), "k", "l")))
	long := strings.Repeat("x", registry.MaxName+1)
	w := do(handler, http.MethodPost, "/eureka/apps/ORDERS", orders(long), "Content-Type", "application/json")
	require.Equal(t, http.StatusBadRequest, w.Code)
}
