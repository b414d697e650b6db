package httpapi_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// serverList is a ServerSource whose list a test changes.
type serverList struct {
	mu      sync.Mutex
	list    clientcfg.ServerList
	changed chan struct{}
}

func newServerList(t *testing.T, urls ...string) *serverList {
	l := &serverList{changed: make(chan struct{})}
	l.set(t, urls...)
	return l
}

func (l *serverList) set(t *testing.T, urls ...string) {
	list, err := clientcfg.NewServerList(urls...)
	require.NoError(t, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = list
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *serverList) List() clientcfg.ServerList {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list
}

func (l *serverList) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func newHandler(t testing.TB, deps httpapi.Deps) *httpapi.Server {
	reg, err := registry.New(registry.Config{})
	require.NoError(t, err)
	deps.Registry = reg
	handler, err := httpapi.New(deps)
	require.NoError(t, err)
	return handler
}

func get(handler http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

const (
	urlA = "http://10.0.0.1:8761/eureka/"
	urlB = "http://10.0.0.2:8761/eureka/"
)

func TestZoneInAllItsForms(t *testing.T) {
	list := newServerList(t, urlB, urlA)
	handler := newHandler(t, httpapi.Deps{Servers: list})
	tag := list.List().ETag()
	for path, want := range map[string]struct{ label, body string }{
		"/zone":            {"text/plain; charset=utf-8", urlA + "\n" + urlB + "\n"},
		"/zone.env":        {"text/plain; charset=utf-8", "EUREKA_DEFAULT_ZONE=" + urlA + "," + urlB + "\n"},
		"/zone.properties": {"text/plain; charset=utf-8", "eureka.client.service-url.defaultZone=" + urlA + "," + urlB + "\n"},
		"/zone.yml":        {"application/yaml", "eureka:\n  client:\n    service-url:\n      defaultZone: \"" + urlA + "," + urlB + "\"\n"},
	} {
		w := get(handler, path)
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Equal(t, want.label, w.Header().Get("Content-Type"), path)
		require.Equal(t, want.body, w.Body.String(), path)
		require.Equal(t, tag, w.Header().Get("ETag"), path)

		w = get(handler, path, "If-None-Match", tag)
		require.Equal(t, http.StatusNotModified, w.Code)
		require.Empty(t, w.Body.String())
	}
	decoded, err := clientcfg.DecodeServerList(get(handler, "/zone.json").Body.Bytes())
	require.NoError(t, err)
	require.True(t, decoded.Equal(list.List()))
	require.Equal(t, http.StatusNotFound, get(newHandler(t, httpapi.Deps{}), "/zone").Code)
}

func TestZonePutsTheOwnFirst(t *testing.T) {
	peers := &peerList{serving: []peerstore.Peer{peer(1, serving, true), peer(2, serving, true)}}
	handler := newHandler(t, httpapi.Deps{Servers: httpapi.NewServerSource("c", peers, nil)})
	require.Equal(t, urlB+"\n"+urlA+"\n", get(handler, "/zone?zone=z0").Body.String())
	require.Equal(t, urlA+"\n"+urlB+"\n", get(handler, "/zone?zone=z1").Body.String())
}

func TestWatchAnswersAtOnceWhatIsNew(t *testing.T) {
	list := newServerList(t, urlA)
	handler := newHandler(t, httpapi.Deps{Servers: list})
	for _, path := range []string{"/api/v1/zone/watch", "/api/v1/zone/watch?wait=30s"} {
		w := get(handler, path, "If-None-Match", `"other"`)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, list.List().ETag(), w.Header().Get("ETag"))
	}
	require.Equal(t, http.StatusNotModified, get(handler, "/api/v1/zone/watch", "If-None-Match", list.List().ETag()).Code)
	w := get(handler, "/api/v1/zone/watch?wait=soon")
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
}

func TestWatchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := newServerList(t, urlA)
		handler := newHandler(t, httpapi.Deps{Servers: list})
		tag := list.List().ETag()

		start := time.Now()
		w := get(handler, "/api/v1/zone/watch?wait=30s", "If-None-Match", tag)
		require.Equal(t, http.StatusNotModified, w.Code)
		require.Equal(t, 30*time.Second, time.Since(start))

		start = time.Now()
		time.AfterFunc(3*time.Second, func() { list.set(t, urlA) }) // changed, yet the same: keep waiting
		time.AfterFunc(7*time.Second, func() { list.set(t, urlB) })
		w = get(handler, "/api/v1/zone/watch?wait=30s", "If-None-Match", tag)
		require.Equal(t, http.StatusOK, w.Code)
		require.Contains(t, w.Body.String(), urlB)
		require.Equal(t, 7*time.Second, time.Since(start))

		start = time.Now()
		w = get(handler, "/api/v1/zone/watch?wait=24h", "If-None-Match", list.List().ETag())
		require.Equal(t, http.StatusNotModified, w.Code)
		require.Equal(t, time.Minute, time.Since(start), "nobody waits for ever")
	})
}

func TestWatchWithoutWaiting(t *testing.T) {
	list := newServerList(t, urlA)
	handler := newHandler(t, httpapi.Deps{Servers: list})
	w := do(handler, http.MethodHead, "/api/v1/zone/watch?wait=30s", "", "Accept", "text/event-stream", "If-None-Match", list.List().ETag())
	require.Equal(t, http.StatusNotModified, w.Code)

	handler.StopWatching()
	w = get(handler, "/api/v1/zone/watch", "Accept", "text/event-stream")
	require.Contains(t, w.Body.String(), "event: zone\n", "the list, and then the end")
	id := strings.Trim(list.List().ETag(), `"`)
	w = get(handler, "/api/v1/zone/watch", "Accept", "text/event-stream", "Last-Event-ID", id)
	require.Equal(t, ":\n\n", w.Body.String(), "who has it is not told again")
}

func TestWatchersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := newServerList(t, urlA)
		handler := newHandler(t, httpapi.Deps{Servers: list, MaxWatchers: 2})
		var waiting sync.WaitGroup
		for range 2 {
			waiting.Go(func() { get(handler, "/api/v1/zone/watch?wait=30s", "If-None-Match", list.List().ETag()) })
		}
		synctest.Wait()
		require.Equal(t, http.StatusServiceUnavailable, get(handler, "/api/v1/zone/watch?wait=1s").Code)
		require.Equal(t, http.StatusOK, get(handler, "/zone").Code)

		start := time.Now()
		handler.StopWatching()
		handler.StopWatching()
		waiting.Wait()
		require.Zero(t, time.Since(start), "a stopping server keeps nobody waiting")
	})
}

func TestZoneEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := newServerList(t, urlA)
		phase := peerstore.PhaseServing
		var mu sync.Mutex
		srv := startServer(t, registry.Config{}, httpapi.Deps{Servers: list, Phase: func() peerstore.Phase {
			mu.Lock()
			defer mu.Unlock()
			return phase
		}})
		conn := srv.listener.dial()
		defer conn.Close()
		_, err := conn.Write([]byte("GET /api/v1/zone/watch HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"))
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
		lines := bufio.NewScanner(resp.Body)
		event := func() string {
			var b strings.Builder
			for lines.Scan() && lines.Text() != "" {
				b.WriteString(lines.Text() + "\n")
			}
			return b.String()
		}
		first := event()
		require.True(t, strings.HasPrefix(first, "event: zone\nid: "), first)
		require.Contains(t, first, urlA)

		start := time.Now()
		time.AfterFunc(20*time.Second, func() { list.set(t, urlA, urlB) })
		require.Equal(t, ":\n", event(), "a sign of life")
		require.Contains(t, event(), urlB)
		require.Equal(t, 20*time.Second, time.Since(start))

		synctest.Wait() // it waits for the next change again
		mu.Lock()
		phase = peerstore.PhaseDraining
		mu.Unlock()
		list.set(t, urlB)
		require.Contains(t, event(), urlB)
		require.False(t, lines.Scan(), "a draining server says the last list and goodbye")
	})
}
