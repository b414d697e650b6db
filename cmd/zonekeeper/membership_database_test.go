package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// databaseURL is what the servers of this cluster are given.
func (m *members) databaseURL() string { return strings.TrimPrefix(m.environ[0], "ZONEKEEPER_DB_URL=") }

// T11, T17, T18, and T4 without a database: PostgreSQL is stopped. Meanwhile one server crashes and one is told to stop; another had
// crashed long before, and its row is still there. Nobody else is missed for a moment, the outage is declared once, those who died in it
// go soon after its end, and the one who died before it never comes back, not even to a newcomer who believes the grace.
func TestMembershipDatabaseOutage(t *testing.T) {
	postgres := newStoppable(t)
	m := membersOn(t, pgtest.Open(t, postgres.url, migrations.DefaultSchema), postgres.url, migrations.DefaultSchema, "ZONEKEEPER_DRAIN=300ms")
	servers := m.form(8)
	longDead, leaver, victim, living := servers[0], servers[1], servers[2], servers[3:]
	gone := func(s *member, url string) bool { return !s.serves(url) && !s.lists(url) }
	longDead.kill()
	m.within(5*m.pace.ttl, "the first is dead for everybody, by any clock", func() bool {
		return !slices.ContainsFunc(servers[1:], func(s *member) bool { return !gone(s, longDead.eurekaURL()) }) &&
			m.number("SELECT count(*) FROM peer_status WHERE status = 'silent'") == 1
	})
	naive := m.control(living...)
	from := time.Now()
	postgres.stop()
	m.pass(m.pace.outage / 3)

	stopped := time.Now()
	leaver.stop()
	require.Less(t, time.Since(stopped), 3*time.Second+300*time.Millisecond, "it stops, drain and all, without waiting for the database")
	killed := time.Now()
	victim.kill()
	m.pass(m.pace.outage * 2 / 3)
	for _, s := range living {
		at, ok := s.goneSince(leaver.eurekaURL(), stopped)
		require.True(t, ok)
		require.LessOrEqual(t, at.Sub(stopped), 3*time.Second)
		at, ok = s.goneSince(victim.eurekaURL(), killed)
		require.True(t, ok)
		require.LessOrEqual(t, at.Sub(killed), 3*time.Second, "probes see a crash without the database")
	}

	postgres.start()
	back := time.Now()
	m.within(4*time.Second, "every heartbeat recovers", func() bool {
		return !slices.ContainsFunc(living, func(s *member) bool {
			_, text := s.request(m.client, http.MethodGet, "/api/v1/status", "")
			return !strings.Contains(text, `"state":"ok"`)
		})
	})
	recovered := time.Since(back)
	fresh := m.start()
	m.within(m.pace.ttl+2*m.pace.heartbeat+m.pace.poll*11/10+2*time.Second-time.Since(back), "those who died in the outage are gone", func() bool {
		return !slices.ContainsFunc(append(living, fresh), func(s *member) bool {
			return !gone(s, leaver.eurekaURL()) || !gone(s, victim.eurekaURL())
		})
	})
	t.Logf("heartbeats recovered %v after the database, the dead were gone after %v", recovered, time.Since(back))
	m.agree(5*time.Second, append(slices.Clone(living), fresh)...)
	m.pass(m.pace.ttl) // the grace is over
	m.unharmed(from, living...)
	for _, s := range append(living, fresh) {
		_, served := s.listedSince(longDead.eurekaURL(), from)
		_, listed := s.addedSince(longDead.eurekaURL(), from)
		require.False(t, served || listed, "%s took the long dead back", s.base)
	}
	require.Equal(t, 1, m.number("SELECT outages FROM clusters"), "declared once")
	require.Equal(t, len(living)+1, m.number("SELECT count(*) FROM live_peers"))
	naive.failed(t)
}

// T13: one server's way to the database swallows everything. Its lease runs out, but it answers: it stays on every warm list, is shown
// as suspect, takes nobody else for dead, and declares no outage. T16, shortened: then the way is only slow, which is seen in its row and
// does no harm.
func TestMembershipOneServerWithoutDatabase(t *testing.T) {
	m := newMembers(t)
	proxy, through := proxied(t, m.databaseURL())
	servers := append([]*member{m.launch("ZONEKEEPER_DB_URL=" + through)}, m.launch(), m.launch(), m.launch())
	for _, s := range servers {
		s.await()
	}
	m.agree(10*time.Second, servers...)
	naive := m.control(servers...)
	lonely := servers[0]
	from := time.Now()
	proxy.SetBlackHole(true)
	m.within(m.pace.ttl*2, "a cold reader suspects it", func() bool {
		return m.number("SELECT count(*) FROM peer_status WHERE status IN ('suspect', 'silent') AND eureka_url = '"+lonely.eurekaURL()+"'") == 1
	})
	m.pass(m.pace.ttl * 2)
	for _, s := range servers[1:] {
		_, text := s.request(m.client, http.MethodGet, "/api/v1/status", "")
		require.Contains(t, text, `"verdict":"answers, but its lease is silent"`)
	}
	require.True(t, lonely.ready(m.client), "clients need no database")
	m.unharmed(from, servers...)
	proxy.SetBlackHole(false)
	took := m.within(4*time.Second, "its row lives again", func() bool {
		return m.number("SELECT count(*) FROM live_peers WHERE phase = 'serving'") == 4
	})
	t.Logf("healed after %v", took)
	m.pass(m.pace.ttl / 2)
	slow := m.pace.ttl / 100
	proxy.SetDelay(slow)
	m.within(2*m.pace.ttl, "its row says how slow the way is", func() bool {
		return m.number("SELECT coalesce(max(lag_ms), 0) FROM live_peers WHERE eureka_url = '"+lonely.eurekaURL()+"'") >= int(2*slow.Milliseconds())
	})
	m.pass(m.pace.ttl + m.pace.poll)
	m.agree(time.Second, servers...)
	m.unharmed(from, servers...)
	require.Zero(t, m.number("SELECT outages FROM clusters"), "it was not the database")
	naive.failed(t)
}

// T27: the listening connections are killed every second, and somebody floods the channel with a thousand notifications a second of the
// greatest size. Lists stay right within a poll, and nobody reads more than twenty times a second.
func TestMembershipNotificationStorm(t *testing.T) {
	m := newMembers(t)
	var proxies []*faultProxy
	var servers []*member
	for range 3 {
		proxy, through := proxied(t, m.databaseURL())
		proxies = append(proxies, proxy)
		servers = append(servers, m.launch("ZONEKEEPER_DB_URL="+through))
	}
	for _, s := range servers {
		s.await()
	}
	m.agree(10*time.Second, servers...)

	ctx, stop := context.WithCancel(t.Context())
	var storm sync.WaitGroup
	defer storm.Wait()
	defer stop()
	repeat := func(every time.Duration, sql string, args ...any) {
		storm.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				if _, err := m.sql.Exec(ctx, sql, args...); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	repeat(time.Second, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' || $1::text || '%' AND pid <> pg_backend_pid()", m.schema)
	repeat(100*time.Millisecond, "SELECT pg_notify(peer_channel('default'), repeat('x', 7990) || n) FROM generate_series(1, 100) n")
	from := time.Now()
	for _, p := range proxies {
		p.Count(".peer_status s ON ")
	}
	poll := m.pace.poll*11/10 + 500*time.Millisecond
	for joins := 0; joins < often(4, 20) || time.Since(from) < 5*time.Second; joins++ {
		s := m.start()
		m.within(10*time.Second, "it serves", func() bool { return s.ready(m.client) })
		m.within(poll, "a join is seen", func() bool {
			return !slices.ContainsFunc(servers, func(o *member) bool { return !o.serves(s.eurekaURL()) })
		})
		s.signal(syscall.SIGTERM)
		m.within(poll, "a leave is seen", func() bool {
			return !slices.ContainsFunc(servers, func(o *member) bool { return o.serves(s.eurekaURL()) })
		})
		<-s.exited
	}
	for _, p := range proxies {
		reads := float64(p.Counted()) / time.Since(from).Seconds()
		t.Logf("%.1f reads a second", reads)
		require.LessOrEqual(t, reads, 20.0)
		require.Greater(t, reads, 2/m.pace.poll.Seconds(), "the storm did not reach it")
	}
	m.unharmed(from, servers...)
	m.agree(time.Second, servers...)
}

// T30: operators delete one row, all rows, and all leases. Everybody has a row again within 4 s, and no list shrinks. An evicted server
// leaves every list, knows it, and stays out.
func TestMembershipOperatorsMeddle(t *testing.T) {
	m := newMembers(t)
	servers := m.form(4)
	naive := m.control(servers...)
	from := time.Now()
	for _, act := range []string{
		"DELETE FROM peers WHERE eureka_url = '" + servers[0].eurekaURL() + "'",
		"DELETE FROM peers",
		"TRUNCATE peer_leases",
	} {
		m.exec(act)
		took := m.within(4*time.Second, "registered again", func() bool {
			return m.number("SELECT count(*) FROM live_peers WHERE phase = 'serving'") == 4
		})
		t.Logf("%s: mended after %v", act, took)
		m.pass(m.pace.ttl)
		m.agree(time.Second, servers...)
	}
	m.unharmed(from, servers...)
	naive.failed(t)

	evicted, rest := servers[0], servers[1:]
	m.exec("SELECT evict(peer_id, 'bad disk', '1 hour') FROM peers WHERE living AND eureka_url = '" + evicted.eurekaURL() + "'")
	m.within(4*time.Second, "it is out of every list", func() bool {
		return !slices.ContainsFunc(rest, func(s *member) bool { return s.serves(evicted.eurekaURL()) || s.lists(evicted.eurekaURL()) })
	})
	m.within(4*time.Second, "and knows it", func() bool { return !evicted.ready(m.client) })
	_, why := evicted.request(m.client, http.MethodGet, "/readyz?verbose", "")
	require.Contains(t, why, "an operator sent us away")
	m.pass(3 * m.pace.ttl)
	m.agree(time.Second, rest...)
	require.Zero(t, m.number("SELECT count(*) FROM peers WHERE living AND eureka_url = '"+evicted.eurekaURL()+"'"), "it stays out")
	require.Equal(t, http.StatusOK, evicted.answers(m.client, http.MethodGet, "/livez"), "and does not crash")
	m.unharmed(from, rest...)
}
