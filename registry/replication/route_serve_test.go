package replication

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// lonely returns routes with a table that nobody else knows.
func lonely(t testing.TB, options func(*RoutesConfig)) *Routes {
	cfg := RoutesConfig{
		Table: routeinfo.New(routeinfo.Config{Epoch: 1}), Self: func() peerstore.Identity { return peerstore.Identity{PeerID: "me"} },
		Peers: func() []peerstore.Peer { return nil }, Changed: func() <-chan struct{} { return nil }, Signer: peerstore.NewSigner([]byte("secret")),
		Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }),
	}
	if options != nil {
		options(&cfg)
	}
	r, err := NewRoutes(cfg)
	require.NoError(t, err)
	return r
}

// askFor makes one call and returns its status and answer.
func askFor(t testing.TB, r *Routes, from peerstore.Caller, q routeCall) (int, routeAnswer) {
	req := httptest.NewRequest(http.MethodPost, RoutesPath, bytes.NewReader(appendRouteCall(nil, q)))
	req.Header.Set("Content-Type", MediaType)
	w := httptest.NewRecorder()
	r.Serve(w, req, from)
	if w.Code != http.StatusOK {
		return w.Code, routeAnswer{}
	}
	require.Equal(t, MediaType, w.Header().Get("Content-Type"))
	a, err := decodeRouteAnswer(w.Body.Bytes())
	require.NoError(t, err)
	return w.Code, a
}

func registration(name, addr string, topics ...string) *remoting.Registration {
	r := &remoting.Registration{
		Cluster: "DefaultCluster", Name: name, Addr: addr, HasTopics: true, Version: remoting.DataVersion{Timestamp: 1_700_000_000_000, Counter: 1},
	}
	for _, topic := range topics {
		r.Topics = append(r.Topics, remoting.TopicConfig{Name: topic, ReadQueues: 4, WriteQueues: 4, Perm: 6})
	}
	return r
}

func TestAnswerWaitsForNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lonely(t, nil)
		began := time.Now()
		_, first := askFor(t, r, caller, routeCall{Wait: 5 * time.Second})
		require.True(t, first.Reset)
		require.Zero(t, time.Since(began), "a full copy is answered at once, even of nothing")
		q := routeCall{Feed: first.Feed, Cursor: first.Next, Wait: 5 * time.Second}
		_, a := askFor(t, r, caller, q)
		require.Equal(t, 5*time.Second, time.Since(began))
		require.False(t, a.Reset || a.More || len(a.Items) > 0)
		require.True(t, a.Compare, "a keepalive always tells the digest")
		require.Equal(t, r.cfg.Table.Digest(), a.Digest)

		began = time.Now()
		go func() {
			time.Sleep(time.Second)
			_, err := r.cfg.Table.Register(registration("broker-a", "10.0.0.1:10911", "Orders", "Refunds"), 1, time.Now())
			require.NoError(t, err)
		}()
		_, a = askFor(t, r, caller, q)
		require.Equal(t, time.Second, time.Since(began))
		require.Len(t, a.Items, 1)
		require.False(t, a.Compare, "news do so when asked")

		q.Compare = true
		_, again := askFor(t, r, caller, q)
		require.Equal(t, a.Items, again.Items, "an answer that was lost is given again")
		require.Equal(t, r.cfg.Table.Digest(), again.Digest)

		began = time.Now()
		askFor(t, r, caller, routeCall{Feed: a.Feed, Cursor: a.Next, Wait: time.Hour})
		require.Equal(t, maxRouteWait, time.Since(began))
	})
}

func TestOnlyTheLatestCallOfAPeerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lonely(t, func(c *RoutesConfig) { c.MaxWaiting = 1 })
		_, first := askFor(t, r, caller, routeCall{})
		q := routeCall{Feed: first.Feed, Cursor: first.Next, Wait: 5 * time.Second}
		began := time.Now()
		ended := make(chan time.Duration, 1)
		go func() {
			askFor(t, r, caller, q)
			ended <- time.Since(began)
		}()
		time.Sleep(time.Second)
		status, _ := askFor(t, r, peerstore.Caller{PeerID: "another"}, q)
		require.Equal(t, http.StatusServiceUnavailable, status)
		askFor(t, r, caller, q)
		require.Equal(t, time.Second, <-ended)
		require.Equal(t, 6*time.Second, time.Since(began))
	})
}

// Nobody gets an answer who has gone, and his place is free.
func TestCallerThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lonely(t, nil)
		_, first := askFor(t, r, caller, routeCall{})
		ctx, cancel := context.WithCancel(t.Context())
		body := appendRouteCall(nil, routeCall{Feed: first.Feed, Cursor: first.Next, Wait: 5 * time.Second})
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, RoutesPath, bytes.NewReader(body))
		req.Header.Set("Content-Type", MediaType)
		w := httptest.NewRecorder()
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		r.Serve(w, req, caller)
		require.Equal(t, time.Second, time.Since(began))
		require.Zero(t, w.Body.Len())
		require.Zero(t, r.polls.len())
	})
}

func TestHostileRouteCalls(t *testing.T) {
	r := lonely(t, nil)
	good := appendRouteCall(nil, routeCall{Feed: 1, Cursor: 2})
	for name, c := range map[string]struct {
		contentType string
		body        string
		status      int
	}{
		"another type":    {"application/json", string(good), http.StatusUnsupportedMediaType},
		"empty":           {MediaType, "", http.StatusBadRequest},
		"another version": {MediaType, "\x02" + string(good[1:]), http.StatusBadRequest},
		"unknown flag":    {MediaType, "\x01\x02" + string(good[2:]), http.StatusBadRequest},
		"cut off":         {MediaType, string(good[:2]), http.StatusBadRequest},
		"half a server":   {MediaType, string(good) + "\x05x", http.StatusBadRequest},
		"many servers":    {MediaType, string(good) + strings.Repeat("\x01x", maxList+1), http.StatusBadRequest},
		"number too long": {MediaType, "\x01\x00" + strings.Repeat("\xff", 11), http.StatusBadRequest},
		"too large":       {MediaType, strings.Repeat("x", maxRouteCall+1), http.StatusRequestEntityTooLarge},
	} {
		req := httptest.NewRequest(http.MethodPost, RoutesPath, strings.NewReader(c.body))
		req.Header.Set("Content-Type", c.contentType)
		w := httptest.NewRecorder()
		r.Serve(w, req, caller)
		require.Equal(t, c.status, w.Code, name)
		require.NotEmpty(t, w.Body.String(), name)
	}
	require.EqualValues(t, 9, r.totals.Refused.Load())
}

// The deadlines of ordinary requests do not cut a wait off: net/http takes one that passes while a handler waits for a caller that left.
func TestWaitOutlivesTheDeadlinesOfItsConnection(t *testing.T) {
	r := lonely(t, nil)
	_, first := askFor(t, r, caller, routeCall{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := http.NewResponseController(w)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		r.Serve(w, req, caller)
	}))
	defer server.Close()
	body := appendRouteCall(nil, routeCall{Feed: first.Feed, Cursor: first.Next, Wait: 200 * time.Millisecond})
	res, err := http.Post(server.URL, MediaType, bytes.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	_, err = decodeRouteAnswer(answer)
	require.NoError(t, err)
}

func TestRouteMetrics(t *testing.T) {
	registerer := prometheus.NewPedanticRegistry()
	r := lonely(t, func(c *RoutesConfig) { c.Registerer = registerer })
	_, err := r.cfg.Table.Register(registration("broker-a", "10.0.0.1:10911", "Orders", "Refunds"), 1, time.Now())
	require.NoError(t, err)
	askFor(t, r, caller, routeCall{})
	require.NoError(t, testutil.GatherAndCompare(registerer, strings.NewReader(`
# HELP zonekeeper_routes_items_total Brokers, renewals, departures and words shared with peers.
# TYPE zonekeeper_routes_items_total counter
zonekeeper_routes_items_total{direction="received"} 0
zonekeeper_routes_items_total{direction="sent"} 1
`), "zonekeeper_routes_items_total"))
	_, err = NewRoutes(r.cfg)
	require.Error(t, err, "registered already")
}

func TestRoutesConfigIsChecked(t *testing.T) {
	good := lonely(t, nil).cfg
	for name, spoil := range map[string]func(*RoutesConfig){
		"Table":         func(c *RoutesConfig) { c.Table = nil },
		"Self":          func(c *RoutesConfig) { c.Self = nil },
		"Peers":         func(c *RoutesConfig) { c.Peers = nil },
		"Changed":       func(c *RoutesConfig) { c.Changed = nil },
		"Signer":        func(c *RoutesConfig) { c.Signer = nil },
		"Transport":     func(c *RoutesConfig) { c.Transport = nil },
		"Keepalive":     func(c *RoutesConfig) { c.Keepalive = time.Minute },
		"Silence":       func(c *RoutesConfig) { c.Silence = 9 * time.Second },
		"RelayInterval": func(c *RoutesConfig) { c.RelayInterval = -1 },
		"MaxWaiting":    func(c *RoutesConfig) { c.MaxWaiting = -1 },
	} {
		cfg := good
		spoil(&cfg)
		_, err := NewRoutes(cfg)
		require.ErrorContains(t, err, name)
	}
}
