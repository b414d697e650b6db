package clientcfg_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// world is a set of servers without sockets. They all answer with the same
// list, as a cluster does.
type world struct {
	mu      sync.Mutex
	list    clientcfg.ServerList
	changed chan struct{}
	state   map[string]string // by host: "" refuses, "up", "hangs", "broken", "huge", "empty", "lost" (404), "stranger" (another cluster), "old" (knows no watch)
	asked   []string          // host and path of every request
}

func newWorld(hosts ...string) *world {
	w := &world{state: map[string]string{}, changed: make(chan struct{})}
	for _, h := range hosts {
		w.state[h] = "up"
	}
	w.announce(hosts...)
	return w
}

func server(host string) string { return "http://" + host + ":8761/eureka/" }

// announce makes these hosts the list that everybody answers with.
func (w *world) announce(hosts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = clientcfg.ServerList{Cluster: "test"}
	for _, h := range hosts {
		w.list.Servers = append(w.list.Servers, clientcfg.Server{URL: server(h), Zone: h[:1]})
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) set(state string, hosts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range hosts {
		w.state[h] = state
	}
}

func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.asked...)
}

func (w *world) client() *http.Client { return &http.Client{Transport: w} }

func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, req.URL.Hostname()+req.URL.Path)
	state := w.state[req.URL.Hostname()]
	list, changed := w.list, w.changed
	w.mu.Unlock()

	watch := req.URL.Path == "/api/v1/zone/watch"
	switch {
	case state == "":
		return nil, errors.New("connection refused")
	case state == "hangs":
		<-req.Context().Done()
		return nil, req.Context().Err()
	case state == "broken":
		return answer(http.StatusOK, "", []byte(`{"servers":[{"url":"mailto:x"}]}`)), nil
	case state == "huge":
		return answer(http.StatusOK, "", bytes.Repeat([]byte{' '}, 2<<20)), nil
	case state == "stranger":
		return answer(http.StatusOK, "", []byte(`{"cluster":"other","servers":[{"url":"`+server(req.URL.Hostname())+`"}]}`)), nil
	case state == "empty":
		return answer(http.StatusOK, "", []byte(`{"servers":[]}`)), nil
	case state == "lost", watch && state == "old", !watch && req.URL.Path != "/zone.json":
		return answer(http.StatusNotFound, "", nil), nil
	}
	if watch && req.Header.Get("If-None-Match") == list.ETag() {
		wait, err := time.ParseDuration(req.URL.Query().Get("wait"))
		if err != nil {
			return nil, err
		}
		select {
		case <-time.After(wait):
		case <-changed:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
		w.mu.Lock()
		list = w.list
		w.mu.Unlock()
	}
	if req.Header.Get("If-None-Match") == list.ETag() {
		return answer(http.StatusNotModified, list.ETag(), nil), nil
	}
	return answer(http.StatusOK, list.ETag(), list.Render(clientcfg.JSON, "")), nil
}

func answer(code int, etag string, body []byte) *http.Response {
	h := http.Header{}
	if etag != "" {
		h.Set("ETag", etag)
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: h, Body: io.NopCloser(bytes.NewReader(body))}
}
