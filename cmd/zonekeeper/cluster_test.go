package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// pace is the set of intervals that a cluster test runs on. The rules are free of scale: CI runs them shortened, `make soak` as
// they ship.
type pace struct {
	heartbeat, ttl, poll time.Duration
	outage               time.Duration // how long the database is away
	lease, renew         time.Duration // of clients
}

func testPace(t *testing.T) pace {
	t.Helper()
	if os.Getenv("ZONEKEEPER_SOAK") != "" {
		return pace{3 * time.Second, 10 * time.Second, 2 * time.Second, time.Minute, 30 * time.Second, 10 * time.Second}
	}
	return pace{400 * time.Millisecond, 1500 * time.Millisecond, 300 * time.Millisecond, 8 * time.Second, 6 * time.Second, 2 * time.Second}
}

func (p pace) environ(database, schema string) []string {
	return []string{
		"ZONEKEEPER_DB_URL=" + database, "ZONEKEEPER_DB_SCHEMA=" + schema, "ZONEKEEPER_PEER_HEARTBEAT=" + p.heartbeat.String(),
		"ZONEKEEPER_PEER_TTL=" + p.ttl.String(), "ZONEKEEPER_PEER_POLL=" + p.poll.String(), "ZONEKEEPER_DRAIN=2s", "ZONEKEEPER_EUREKA_COLD_WAIT=" + p.lease.String(),
	}
}

// caller is a client with connections of its own, as a real one has.
func caller(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}
}

// formed starts n servers and waits until each lists all.
func formed(t *testing.T, client *http.Client, n int, environ []string) []*process {
	t.Helper()
	var servers []*process
	for range n {
		servers = append(servers, spawn(t, environ...))
	}
	all(t, client, servers, "list all servers", func(s *process) bool { return s.ready(client) && len(s.zone(client)) == n })
	return servers
}

// all waits until something holds on every server.
func all(t *testing.T, _ *http.Client, servers []*process, what string, holds func(*process) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(servers, func(s *process) bool { return !holds(s) })
	}, 60*time.Second, 20*time.Millisecond, what)
}

func (p *process) register(client *http.Client, app, id string, lease time.Duration) int {
	body := strings.Replace(instanceBody(app, id), `"durationInSecs":90`, fmt.Sprintf(`"durationInSecs":%d`, int(lease/time.Second)), 1)
	status, _ := p.request(client, http.MethodPost, "/eureka/apps/"+app, body)
	return status
}

func (p *process) has(client *http.Client, app, id string) bool {
	status, _ := p.request(client, http.MethodGet, "/eureka/apps/"+app+"/"+id, "")
	return status == http.StatusOK
}

func TestClusterFormsFromADatabaseURL(t *testing.T) {
	client, pace := caller(t), testPace(t)
	_, schema := pgtest.EmptyPool(t) // the servers migrate it, all at once
	environ := pace.environ(pgtest.URL(t), schema)
	servers := formed(t, client, 3, environ)
	whole := t // what outlives a subtest

	t.Run("a registration is seen everywhere", func(t *testing.T) {
		const registrations = 200
		took := make([]time.Duration, registrations)
		for i := range took {
			id := fmt.Sprintf("i-%d", i)
			require.Equal(t, http.StatusNoContent, servers[i%3].register(client, "ORDERS", id, 90*time.Second))
			began := time.Now()
			for _, s := range servers {
				for !s.has(client, "ORDERS", id) {
					require.Less(t, time.Since(began), 10*time.Second, "%s never reached %s", id, s.base)
				}
			}
			took[i] = time.Since(began)
		}
		slices.Sort(took)
		p99 := took[registrations*99/100]
		t.Logf("seen on all servers: median %v, p99 %v", took[registrations/2], p99)
		require.Less(t, p99, time.Second)
	})

	t.Run("a crashed server leaves and comes back elsewhere", func(t *testing.T) {
		dead := servers[2]
		dead.kill()
		rest := servers[:2]
		all(t, client, rest, "drop the dead one", func(s *process) bool { return !slices.Contains(s.zone(client), dead.eurekaURL()) })
		back := spawn(whole, environ...)
		all(t, client, append(rest, back), "list the new one", func(s *process) bool {
			return s.ready(client) && len(s.zone(client)) == 3 && slices.Contains(s.zone(client), back.eurekaURL())
		})
		for i := range 200 {
			require.True(t, back.has(client, "ORDERS", fmt.Sprintf("i-%d", i)), "it copied what there was before it served")
		}
		servers[2] = back
	})

	t.Run("servers leave one by one", func(t *testing.T) {
		for len(servers) > 1 {
			servers[0].stop()
			servers = servers[1:]
			all(t, client, servers, "list the rest", func(s *process) bool { return len(s.zone(client)) == len(servers) })
		}
		require.True(t, servers[0].has(client, "ORDERS", "i-0"))
	})
}

// TestClusterOutlivesItsDatabase is the promise that the database is on nobody's path: it goes away while clients renew and one
// server is replaced, and nobody loses a lease or a peer.
func TestClusterOutlivesItsDatabase(t *testing.T) {
	client, pace := caller(t), testPace(t)
	postgres := newStoppable(t)
	environ := append(pace.environ(postgres.url, "zonekeeper"), "ZONEKEEPER_DATA_DIR="+t.TempDir())
	servers := formed(t, client, 3, environ)
	survivors := servers[1:]

	load := newRenewers(t, servers, pace, 12)
	naive := watchNaively(t, postgres.url, 3)
	views := watchZones(t, client, survivors)

	postgres.stop()
	restarted := servers[0]
	time.Sleep(pace.outage / 4) // the fault itself takes time; nothing is waited for
	address := strings.TrimPrefix(restarted.base, "http://")
	restarted.kill()
	restarted = spawn(t, append(environ, "ZONEKEEPER_HTTP_LISTEN="+address)...)
	all(t, client, []*process{restarted}, "the restarted server serves from its list on disk", func(s *process) bool { return s.ready(client) })
	time.Sleep(pace.outage * 3 / 4)
	postgres.start()

	servers = append(survivors, restarted)
	all(t, client, servers, "list all servers", func(s *process) bool { return len(s.zone(client)) == 3 })
	require.Eventually(t, func() bool { return naive.recovered() }, 30*time.Second, 50*time.Millisecond, "the rows are renewed")

	load.check(client, servers)
	require.Empty(t, views.lost(), "no server dropped a living peer from its list")
	require.True(t, naive.removed(), "the naive evaluation, WHERE expires_at > now(), would have: else nothing was tested")
	require.Equal(t, 1, postgres.outages(t), "one outage, declared once")
}

// stoppable is a PostgreSQL that comes back at the same address.
type stoppable struct {
	t      *testing.T
	dir    string
	port   string
	url    string
	server *localpg.Server
}

func newStoppable(t *testing.T) *stoppable {
	t.Helper()
	dir, err := os.MkdirTemp("", "zonekeeper-outage-") // not t.TempDir: as root, PostgreSQL runs as a user who may not enter that
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &stoppable{t: t, dir: dir}
	s.start()
	s.url = s.server.URL()
	u, err := url.Parse(s.url)
	require.NoError(t, err)
	s.port = u.Port()
	t.Cleanup(func() { require.NoError(t, s.server.Stop()) })
	return s
}

func (s *stoppable) start() {
	s.t.Helper()
	cfg := localpg.Config{DataDir: s.dir, Settings: map[string]string{"fsync": "off"}}
	if s.port != "" {
		cfg.Settings["port"] = s.port
	}
	var err error
	s.server, err = localpg.Start(s.t.Context(), cfg)
	require.NoError(s.t, err)
}

func (s *stoppable) stop() {
	s.t.Helper()
	require.NoError(s.t, s.server.Stop())
}

func (s *stoppable) outages(t *testing.T) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT outages FROM zonekeeper.clusters WHERE cluster = 'default'").Scan(&n))
	return n
}

// renewers are clients that renew through any server and note what they were told.
type renewers struct {
	t     *testing.T
	ids   []string
	stop  context.CancelFunc
	done  sync.WaitGroup
	lost  atomic.Int64 // renewals answered with 404: the lease was gone
	whole atomic.Int64 // rounds in which no server answered
}

func newRenewers(t *testing.T, servers []*process, pace pace, n int) *renewers {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &renewers{t: t, stop: stop}
	for i := range n {
		id := fmt.Sprintf("r-%d", i)
		r.ids = append(r.ids, id)
		client := caller(t)
		require.Equal(t, http.StatusNoContent, servers[i%len(servers)].register(client, "RENEWERS", id, pace.lease))
		r.done.Go(func() { r.keep(ctx, client, servers, i, pace) })
	}
	t.Cleanup(func() { stop(); r.done.Wait() })
	return r
}

func (r *renewers) keep(ctx context.Context, client *http.Client, servers []*process, i int, pace pace) {
	tick := time.NewTicker(pace.renew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		answered := false
		for try := range servers { // the servers' addresses stay: one of them is restarted at its own
			status, _ := servers[(i+try)%len(servers)].request(client, http.MethodPut, "/eureka/apps/RENEWERS/"+r.ids[i], "")
			if status == http.StatusNotFound {
				r.lost.Add(1)
			}
			if status != 0 {
				answered = true
				break
			}
		}
		if !answered && ctx.Err() == nil {
			r.whole.Add(1)
		}
	}
}

// check ends the renewing and asks every server for every lease.
func (r *renewers) check(client *http.Client, servers []*process) {
	r.t.Helper()
	for _, s := range servers {
		for _, id := range r.ids {
			require.True(r.t, s.has(client, "RENEWERS", id), "%s lost on %s", id, s.base)
		}
	}
	r.stop()
	r.done.Wait()
	require.Zero(r.t, r.whole.Load(), "some server always answers")
	require.Zero(r.t, r.lost.Load(), "no lease was lost")
}

// zoneWatch notes whether a server's list ever lacked one of those that live all the time.
type zoneWatch struct {
	mu      sync.Mutex
	missing []string
}

func watchZones(t *testing.T, client *http.Client, survivors []*process) *zoneWatch {
	t.Helper()
	w := &zoneWatch{}
	poll(t, 100*time.Millisecond, func() {
		for _, s := range survivors {
			zone := s.zone(client)
			for _, other := range survivors {
				if zone != nil && !slices.Contains(zone, other.eurekaURL()) {
					w.mu.Lock()
					w.missing = append(w.missing, other.base+" on "+s.base)
					w.mu.Unlock()
				}
			}
		}
	})
	return w
}

func (w *zoneWatch) lost() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missing
}

// naive is what a reader would conclude who trusts the rows alone.
type naive struct {
	servers int
	fewest  atomic.Int64
	latest  atomic.Int64
}

func watchNaively(t *testing.T, databaseURL string, servers int) *naive {
	t.Helper()
	n := &naive{servers: servers}
	n.fewest.Store(int64(servers))
	var conn *pgx.Conn
	t.Cleanup(func() { // after the polling ended
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(t.Context()))
		}
	})
	poll(t, 100*time.Millisecond, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		var err error
		if conn == nil {
			if conn, err = pgx.Connect(ctx, databaseURL); err != nil {
				conn = nil
				return
			}
		}
		var live int64
		err = conn.QueryRow(ctx, `SELECT count(*) FROM zonekeeper.peers p JOIN zonekeeper.peer_leases l USING (peer_id)
			WHERE p.phase = 'serving' AND l.renewed_at + make_interval(secs => l.ttl_ms / 1000.0) > clock_timestamp()`).Scan(&live)
		if err != nil {
			_ = conn.Close(ctx)
			conn = nil
			return
		}
		n.latest.Store(live)
		n.fewest.Store(min(n.fewest.Load(), live))
	})
	return n
}

func (n *naive) removed() bool   { return n.fewest.Load() < int64(n.servers) }
func (n *naive) recovered() bool { return n.latest.Load() >= int64(n.servers) }

// poll runs f every interval until the test ends.
func poll(t *testing.T, interval time.Duration, f func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(cmp.Or(interval, time.Second))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f()
			}
		}
	})
	t.Cleanup(func() { stop(); done.Wait() })
}
