package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
	"github.com/zonekeeper/zonekeeper/registry/intent/pgintent"
)

// world is a database for the Apps of one test.
type world struct {
	store   peerstore.Store
	intents *pgintent.Store
}

func newWorld(t *testing.T) world {
	t.Helper()
	pool, schema := pgtest.Pool(t)
	store, err := pgstore.New(pool, pgstore.Config{Schema: schema})
	require.NoError(t, err)
	return world{store: store, intents: pgintent.New(pool, schema)}
}

// testConfig is what `serve` would run with, on shorter intervals.
func testConfig(t *testing.T) Config {
	t.Helper()
	const scope = onServe | onAny
	l, wrong := load(sources{flags: flagSet(t, scope,
		"--peer-heartbeat=200ms", "--peer-ttl=1s", "--peer-poll=100ms", "--data-dir=-", "--drain=2s", "--eureka-cold-wait=1s")}, scope)
	require.Empty(t, wrong)
	return l.config
}

// running is an App on a real socket.
type running struct {
	*App
	t    *testing.T
	base string
	stop context.CancelFunc
	done chan error
}

// start runs an App until the test ends or stop is called.
func (w world) start(t *testing.T, edit func(*Config, *Deps)) *running {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := testConfig(t)
	cfg.AdvertiseURL = "http://" + listener.Addr().String() + "/eureka/"
	deps := Deps{Listener: listener, Store: w.store, Intent: w.intents, Words: w.intents, Audit: w.intents, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if edit != nil {
		edit(&cfg, &deps)
	}
	app, err := New(cfg, deps)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{App: app, t: t, base: "http://" + listener.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() {
		r.done <- app.Run(ctx)
		close(r.done)
	}()
	t.Cleanup(func() {
		stop()
		for range r.done { //nolint:revive // waits for the end; the result was looked at by wait, if anybody
		}
	})
	return r
}

// wait returns what Run returned.
func (r *running) wait() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(20 * time.Second):
		r.t.Fatal("the App did not stop")
		return nil
	}
}

func (r *running) serving() *running {
	r.t.Helper()
	r.eventually("serving", func() bool { return r.phase() == peerstore.PhaseServing })
	return r
}

func (r *running) eventually(what string, holds func() bool) {
	r.t.Helper()
	require.Eventually(r.t, holds, 15*time.Second, 10*time.Millisecond, what)
}

// call does one request and returns status and body.
func (r *running) call(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, strings.NewReader(body))
	require.NoError(r.t, err)
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(r.t, err)
	return answer.StatusCode, string(text)
}

func (r *running) get(path string) string {
	r.t.Helper()
	status, body := r.call(http.MethodGet, path, "")
	require.Equal(r.t, http.StatusOK, status, "%s: %s", path, body)
	return body
}

// instanceBody is a registration as a Java client sends it.
func instanceBody(app, id string) string {
	return `{"instance":{"instanceId":"` + id + `","app":"` + app + `","hostName":"` + id + `","ipAddr":"10.0.0.1","status":"UP",` +
		`"overriddenstatus":"UNKNOWN","port":{"$":8080,"@enabled":"true"},"securePort":{"$":443,"@enabled":"false"},"countryId":1,` +
		`"dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},` +
		`"leaseInfo":{"renewalIntervalInSecs":30,"durationInSecs":90},"metadata":{"zone":"a"},"vipAddress":"` + strings.ToLower(app) + `"}}`
}

func (r *running) register(app, id string) {
	r.t.Helper()
	status, body := r.call(http.MethodPost, "/eureka/apps/"+app, instanceBody(app, id))
	require.Equal(r.t, http.StatusNoContent, status, body)
}

func TestOneServer(t *testing.T) {
	a := newWorld(t).start(t, nil).serving()
	require.Equal(t, "ok\n", a.get("/livez"))
	require.Contains(t, a.get("/readyz?verbose"), "ready")
	a.register("ORDERS", "orders-1")
	require.Contains(t, a.get("/eureka/apps"), `"orders-1"`, "a read that follows an answered write sees it")
	a.eventually("shows itself under its VIP", func() bool { return strings.Contains(a.get("/eureka/vips/zonekeeper"), `"ZONEKEEPER"`) })
	require.Equal(t, a.cfg.AdvertiseURL+"\n", a.get("/zone"))

	var s status
	require.NoError(t, json.Unmarshal([]byte(a.get("/api/v1/status")), &s))
	require.Equal(t, peerstore.PhaseServing, s.Phase)
	require.Equal(t, "ok", s.Database.State)
	require.Equal(t, 1, s.Registry.Instances)
	require.True(t, s.Ready)
	require.NotEmpty(t, s.Membership.ClusterUUID)
	require.Len(t, s.Peers, 1)
	require.True(t, s.Peers[0].Self)
	metrics := a.get("/metrics")
	require.Contains(t, metrics, "zonekeeper_ready 1")
	require.Contains(t, metrics, "zonekeeper_registry_instances 1")

	a.stop()
	require.NoError(t, a.wait())
	view, err := a.deps.Store.Rows(t.Context(), "default")
	require.NoError(t, err)
	require.Len(t, view.Rows, 1)
	require.Equal(t, peerstore.PhaseLeft, view.Rows[0].Phase, "a server that stops says goodbye")
}

func TestThreeServersShareEverything(t *testing.T) {
	w := newWorld(t)
	var servers []*running
	for range 3 {
		servers = append(servers, w.start(t, nil).serving())
	}
	for i, s := range servers {
		s.eventually("lists all three", func() bool { return strings.Count(s.get("/zone"), "\n") == 3 })
		s.register("ORDERS", "orders-"+string(rune('a'+i)))
	}
	tags := make(map[string]bool)
	for _, s := range servers {
		for _, id := range []string{"orders-a", "orders-b", "orders-c"} {
			s.eventually("sees "+id, func() bool { return strings.Contains(s.get("/eureka/apps/ORDERS"), `"`+id+`"`) })
		}
		answer, err := http.Get(s.base + "/zone")
		require.NoError(t, err)
		answer.Body.Close()
		tags[answer.Header.Get("ETag")] = true
	}
	require.Len(t, tags, 1, "one ETag on all servers")

	// The digest in the rows is how SQL shows that servers agree.
	require.Eventually(t, func() bool {
		view, err := w.store.Rows(t.Context(), "default")
		require.NoError(t, err)
		digests := make(map[peerstore.Digest]bool)
		for _, row := range view.Rows {
			require.True(t, row.Live)
			digests[row.Stats.Digest] = true
		}
		return len(view.Rows) == 3 && len(digests) == 1 && !digests[0]
	}, 15*time.Second, 50*time.Millisecond)
}

func TestOverridesOutliveTheServers(t *testing.T) {
	w := newWorld(t)
	a := w.start(t, nil).serving()
	a.register("ORDERS", "orders-1")
	status, _ := a.call(http.MethodPut, "/eureka/apps/ORDERS/orders-1/status?value=OUT_OF_SERVICE", "")
	require.Equal(t, http.StatusOK, status)
	a.stop()
	require.NoError(t, a.wait())

	b := w.start(t, nil).serving()
	b.register("ORDERS", "orders-1")
	require.Contains(t, b.get("/eureka/apps/ORDERS/orders-1"), `"status":"OUT_OF_SERVICE"`)
}

func TestDrainLeadsClientsAway(t *testing.T) {
	w := newWorld(t)
	a, b := w.start(t, nil).serving(), w.start(t, nil).serving()
	for _, s := range []*running{a, b} {
		s.eventually("lists both", func() bool { return strings.Count(s.get("/zone"), "\n") == 2 })
	}
	a.stop()
	a.eventually("leaves its own list", func() bool { return a.get("/zone") == b.cfg.AdvertiseURL+"\n" })
	b.eventually("leaves the other's list", func() bool { return b.get("/zone") == b.cfg.AdvertiseURL+"\n" })
	status, body := a.call(http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, status, body)
	// Meanwhile it answers everything, and asks for new connections.
	answer, err := http.Get(a.base + "/eureka/apps")
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.True(t, answer.Close, "Connection: close")
	require.NoError(t, a.wait())
	status, _ = a.call(http.MethodGet, "/livez", "")
	require.Zero(t, status, "the door is closed")
}

func TestSecondSignalEndsTheDrain(t *testing.T) {
	w := newWorld(t)
	hurry := make(chan struct{})
	var log transcript
	a := w.start(t, func(c *Config, d *Deps) {
		c.Drain = time.Hour
		d.Hurry = func() <-chan struct{} { return hurry }
		d.Log = slog.New(slog.NewTextHandler(&log, nil))
	}).serving()
	b := w.start(t, nil).serving()
	a.eventually("sees the other", func() bool { return a.anotherServes() })
	b.eventually("sees the other", func() bool { return b.anotherServes() })
	a.stop()
	a.eventually("draining", func() bool { return a.phase() == peerstore.PhaseDraining })
	close(hurry)
	require.NoError(t, a.wait())
	require.Equal(t, 1, strings.Count(log.String(), "a second signal: stopping at once"), log.String())
}

func TestLastServerStaysInItsList(t *testing.T) {
	a := newWorld(t).start(t, func(c *Config, _ *Deps) { c.Drain = time.Hour }).serving()
	began := time.Now()
	a.stop()
	require.NoError(t, a.wait())
	require.Less(t, time.Since(began), 10*time.Second, "nobody else serves: there is nothing to wait for")
}

func TestColdStartWaitsForClients(t *testing.T) {
	w := newWorld(t)
	a := w.start(t, nil).serving()
	a.register("ORDERS", "orders-1")
	a.eventually("row counts it", func() bool {
		view, err := w.store.Rows(t.Context(), "default")
		require.NoError(t, err)
		return view.Rows[0].Stats.Instances == 1
	})
	a.stop()
	require.NoError(t, a.wait())

	b := w.start(t, func(c *Config, _ *Deps) { c.Eureka.ColdWait = 3 * time.Second })
	b.eventually("takes registrations", func() bool {
		status, _ := b.call(http.MethodPost, "/eureka/apps/ORDERS", instanceBody("ORDERS", "orders-1"))
		return status == http.StatusNoContent
	})
	status, body := b.call(http.MethodGet, "/eureka/apps", "")
	require.Equal(t, http.StatusForbidden, status, "lists wait")
	require.Empty(t, body)
	b.serving()
	require.GreaterOrEqual(t, b.since(), 3*time.Second)
	require.Contains(t, b.get("/eureka/apps"), `"orders-1"`)
}

func TestStrangerAtOurAddressKeepsUsOut(t *testing.T) {
	w := newWorld(t)
	a := w.start(t, nil).serving()
	var log transcript
	b := w.start(t, func(c *Config, d *Deps) {
		c.AdvertiseURL = a.cfg.AdvertiseURL // as when a name or a balancer leads to the other
		d.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	b.eventually("says so", func() bool { return strings.Contains(log.String(), "another server answers at our advertised address") })
	view, err := w.store.Rows(t.Context(), "default")
	require.NoError(t, err)
	require.Len(t, view.Rows, 1)
	require.Equal(t, a.heart.Self().ID, view.Rows[0].ID)
	require.Equal(t, peerstore.PhaseServing, view.Rows[0].Phase)
	require.Equal(t, 1, strings.Count(log.String(), "another server answers"), "once, not once a second")
	status, _ := b.call(http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
}

// Java servers that replicate to us must name themselves when we ask for it.
func TestReplicationAsksForCredentials(t *testing.T) {
	a := newWorld(t).start(t, func(c *Config, _ *Deps) { c.Peer.ReplicationAuth = "peer:secret" }).serving()
	batch := func(user, password string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.base+"/eureka/peerreplication/batch/", strings.NewReader(`{"replicationList":[]}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json")
		if user != "" {
			req.SetBasicAuth(user, password)
		}
		answer, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		answer.Body.Close()
		return answer.StatusCode
	}
	require.Equal(t, http.StatusUnauthorized, batch("", ""))
	require.Equal(t, http.StatusUnauthorized, batch("peer", "wrong"))
	require.Equal(t, http.StatusOK, batch("peer", "secret"))
}

func TestWithoutDatabaseOrListNobodyIsReady(t *testing.T) {
	a := world{}.start(t, func(_ *Config, d *Deps) { d.Intent, d.Words, d.Audit = nil, nil, nil })
	a.eventually("answers", func() bool { s, _ := a.call(http.MethodGet, "/livez", ""); return s == http.StatusOK })
	a.register("ORDERS", "orders-1")
	status, body := a.call(http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "no database is configured")
	status, _ = a.call(http.MethodGet, "/eureka/apps", "")
	require.Equal(t, http.StatusForbidden, status)
	a.stop()
	require.NoError(t, a.wait())
}
