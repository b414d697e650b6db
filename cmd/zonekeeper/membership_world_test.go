package main

import (
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// memberPace is the pace of the membership tests: in CI exactly a fifth of the intervals that ship.
func memberPace() pace {
	if soaking() {
		return pace{heartbeat: 3 * time.Second, ttl: 10 * time.Second, poll: 2 * time.Second, outage: time.Minute, lease: 30 * time.Second}
	}
	return pace{heartbeat: 600 * time.Millisecond, ttl: 2 * time.Second, poll: 400 * time.Millisecond, outage: 6 * time.Second, lease: 6 * time.Second}
}

func soaking() bool { return os.Getenv("ZONEKEEPER_SOAK") != "" }

// often is how often to repeat something: in CI, and in a soak.
func often(ci, soak int) int {
	switch {
	case soaking():
		return soak
	case testing.Short():
		return (ci + 1) / 2
	}
	return ci
}

// removal is the longest that a crashed server may stay on the others' list of peers: its lease, a poll, and a second for a busy machine.
func (p pace) removal() time.Duration { return p.ttl + p.poll*11/10 + time.Second }

// members are real servers on one database, each with everything it ever told about the others: its clients by /zone, us by its log.
type members struct {
	t       *testing.T
	pace    pace
	environ []string
	client  *http.Client
	sql     *pgxpool.Pool
	schema  string
	all     []*member
}

type member struct {
	*process
	mu    sync.Mutex
	views []view
}

// view is the list that clients were told from a moment on.
type view struct {
	at   time.Time
	urls []string
}

// newMembers prepares a cluster on a schema of its own in the test server.
func newMembers(t *testing.T, environ ...string) *members {
	t.Helper()
	pool, schema := pgtest.EmptyPool(t) // the servers migrate it
	return membersOn(t, pool, pgtest.URL(t), schema, environ...)
}

func membersOn(t *testing.T, pool *pgxpool.Pool, databaseURL, schema string, environ ...string) *members {
	t.Helper()
	p := memberPace()
	return &members{
		t: t, pace: p, client: caller(t), sql: pool, schema: schema,
		environ: append(append(p.environ(databaseURL, schema), "ZONEKEEPER_DRAIN=0s"), environ...),
	}
}

// launch starts a server and follows its list from the moment it listens; a later environment wins.
func (m *members) launch(environ ...string) *member {
	m.t.Helper()
	one := &member{process: launch(m.t, append(slices.Clone(m.environ), environ...)...)}
	m.all = append(m.all, one)
	return one
}

func (m *members) start(environ ...string) *member {
	m.t.Helper()
	one := m.launch(environ...)
	one.await()
	return one
}

func (s *member) await() {
	s.t.Helper()
	s.awaitListening()
	s.follow()
}

// form starts n servers at once and waits until each is ready and lists all.
func (m *members) form(n int, environ ...string) []*member {
	m.t.Helper()
	servers := make([]*member, n)
	for i := range servers {
		servers[i] = m.launch(environ...)
	}
	for _, s := range servers {
		s.await()
	}
	m.agree(30*time.Second, servers...)
	return servers
}

// agree waits until these servers are ready and every list is exactly them.
func (m *members) agree(bound time.Duration, servers ...*member) {
	m.t.Helper()
	m.within(bound, "every server lists exactly the living", func() bool {
		for _, s := range servers {
			if !s.ready(m.client) || !slices.Equal(s.zoneNow(), sorted(urlsOf(servers))) {
				return false
			}
		}
		return true
	})
}

func urlsOf(servers []*member) (urls []string) {
	for _, s := range servers {
		urls = append(urls, s.eurekaURL())
	}
	return urls
}

func sorted(urls []string) []string { return slices.Sorted(slices.Values(urls)) }

// pausedSince tells whether the server noticed since a moment that it had got no time to run.
func (s *member) pausedSince(since time.Time) bool {
	return slices.ContainsFunc(s.lines(), func(l logLine) bool { return l.Message == "this process was paused" && l.Time.After(since) })
}

// within waits until something holds, at most for bound, and returns how long it took.
func (m *members) within(bound time.Duration, what string, holds func() bool) time.Duration {
	m.t.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		require.Less(m.t, time.Since(began), bound, what)
		<-tick.C
	}
	return time.Since(began)
}

// pass lets time go by: that of a fault, or in which something must not happen.
func (m *members) pass(d time.Duration) { <-time.After(d) }

// unharmed asserts that since a moment none of these servers ever dropped another of them, for clients or as a peer.
func (m *members) unharmed(since time.Time, servers ...*member) {
	m.t.Helper()
	for _, s := range servers {
		for _, other := range servers {
			at, gone := s.goneSince(other.eurekaURL(), since)
			require.False(m.t, gone, "%s told clients at %s that %s is gone", s.base, at, other.base)
			at, gone = s.droppedSince(other.eurekaURL(), since)
			require.False(m.t, gone, "%s dropped %s at %s", s.base, other.base, at)
		}
	}
}

// scan reads one row of the cluster's schema.
func (m *members) scan(sql string, into ...any) {
	m.t.Helper()
	require.NoError(m.t, m.sql.QueryRow(m.t.Context(), sql).Scan(into...))
}

// number is a scan that takes its time: the pool's connections may have been lost in an outage.
func (m *members) number(sql string) (n int) {
	m.t.Helper()
	var err error
	for range 50 {
		if err = m.sql.QueryRow(m.t.Context(), sql).Scan(&n); err == nil {
			return n
		}
		<-time.After(20 * time.Millisecond)
	}
	require.NoError(m.t, err)
	return n
}

func (m *members) exec(sql string, args ...any) {
	m.t.Helper()
	_, err := m.sql.Exec(m.t.Context(), sql, args...)
	require.NoError(m.t, err)
}

func (s *member) signal(sig syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(sig))
}
