package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
)

// T1: a server that joins is on every other server's lists, by notification within 250 ms, by polling alone within one poll. T4's
// graceful leave is measured on the way: each of the joiners is told to stop.
func TestMembershipJoin(t *testing.T) {
	for _, c := range []struct {
		name, pooler string
		joins        int
		bound        time.Duration
	}{
		{"by notification", "off", often(50, 50), 250 * time.Millisecond},
		{"by polling", "on", often(8, 50), memberPace().poll*11/10 + 300*time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMembers(t, "ZONEKEEPER_DB_POOLER="+c.pooler)
			standing := m.form(7)
			var peers, clients, leaves []time.Duration
			var leaving []*member
			for extra := c.joins / 2; len(peers) < c.joins*len(standing); {
				var join, told, leave []time.Duration
				stall := watchStalls(t)
				s := m.start()
				url := s.eurekaURL()
				m.within(20*time.Second, "the joiner is listed", func() bool {
					return !slices.ContainsFunc(standing, func(o *member) bool { return !o.serves(url) || !o.lists(url) })
				})
				m.within(5*time.Second, "its phases are written", func() bool {
					return m.number("SELECT count(*) FROM peer_events WHERE kind = 'serving' AND url = '"+url+"'") == 1
				})
				var joined, served time.Time
				m.scan(`SELECT max(at) FILTER (WHERE kind = 'joining'), max(at) FILTER (WHERE kind = 'serving') FROM peer_events
					WHERE url = '`+url+`'`, &joined, &served)
				stopped := time.Now()
				s.signal(syscall.SIGTERM)
				m.within(20*time.Second, "it is gone", func() bool {
					return !slices.ContainsFunc(standing, func(o *member) bool { return o.serves(url) })
				})
				for _, o := range standing {
					changes := o.listings()
					i := slices.IndexFunc(changes, func(l listing) bool { return l.url == url && l.listed })
					join = append(join, changes[i].at.Sub(joined))
					at, _ := o.listedSince(url, joined)
					told = append(told, at.Sub(served))
					at, _ = o.goneSince(url, stopped)
					leave = append(leave, at.Sub(stopped))
				}
				leaving = append(leaving, s)
				if len(leaving) > 1 { // not more than eight and one that ends
					<-leaving[0].exited
					require.Zero(t, leaving[0].cmd.ProcessState.ExitCode())
					leaving = leaving[1:]
				}
				if stalled := stall(); stalled > 50*time.Millisecond && extra > 0 {
					extra-- // this machine had no time for anybody: once more
					continue
				}
				peers, clients, leaves = append(peers, join...), append(clients, told...), append(leaves, leave...)
			}
			t.Logf("p99 of %d: on the list of peers %v after its row, told to clients %v after it serves, gone %v after SIGTERM",
				len(peers), percentile(peers, 99), percentile(clients, 99), percentile(leaves, 99))
			require.LessOrEqual(t, percentile(peers, 99), c.bound)
			require.LessOrEqual(t, percentile(clients, 99), c.bound)
			require.LessOrEqual(t, percentile(leaves, 99), c.bound)
		})
	}
}

// T2: eight servers start at the same moment on an empty database. The schema is made once, nobody stumbles, and all see all.
func TestMembershipColdStart(t *testing.T) {
	for range often(3, 200) {
		m := newMembers(t)
		began := time.Now()
		servers := make([]*member, 8)
		for i := range servers {
			servers[i] = m.launch()
		}
		for _, s := range servers {
			s.await()
		}
		m.agree(5*time.Second-time.Since(began), servers...)
		t.Logf("all see all after %v", time.Since(began))
		require.Equal(t, 8, m.number("SELECT count(*) FROM peers"), "one row per process")
		require.Equal(t, 8, m.number("SELECT count(*) FROM live_peers WHERE phase = 'serving'"))
		require.Equal(t, int(migrations.Latest()), m.number("SELECT count(*) FROM goose_db_version WHERE version_id > 0"), "each migration once")
		for _, s := range servers {
			for _, l := range s.lines() {
				require.NotEqual(t, "ERROR", l.Level, "%s: %s", s.base, l.text)
				require.NotEqual(t, "waiting for the database", l.Message, "%s: %s", s.base, l.text)
				require.NotContains(t, l.text, "SQLSTATE", s.base)
			}
			s.kill()
		}
	}
}

// T3: the reply to register is lost on the way after the database has committed it, for half of the servers, twice. Each ends with the
// one row that it had from the first attempt on.
func TestMembershipLostRegisterReply(t *testing.T) {
	m := newMembers(t)
	var unlucky []*faultProxy
	servers := make([]*member, 8)
	for i := range servers {
		var environ []string
		if i%2 == 0 {
			proxy, through := proxied(t, strings.TrimPrefix(m.environ[0], "ZONEKEEPER_DB_URL="))
			proxy.LoseReplies(m.schema+".register(", 2)
			unlucky = append(unlucky, proxy)
			environ = append(environ, "ZONEKEEPER_DB_URL="+through)
		}
		servers[i] = m.launch(environ...)
	}
	for _, s := range servers {
		s.await()
	}
	m.agree(15*time.Second, servers...)
	for _, proxy := range unlucky {
		require.Zero(t, proxy.Lost(), "the replies were lost")
	}
	require.Equal(t, 8, m.number("SELECT count(*) FROM peers"), "one row each, no second incarnation")
	require.Equal(t, 8, m.number("SELECT count(*) FROM peer_events WHERE kind = 'joining'"))
	for _, s := range servers {
		for _, line := range s.lines() {
			require.NotContains(t, line.text, "duplicate key")
		}
	}
}

// T4: each of eight is told to stop, one after the other, as shipped with a drain: it leaves every list at once, answers on while it
// drains, and exits with 0. TestMembershipDatabaseOutage has the stop without a database.
func TestMembershipLeave(t *testing.T) {
	m := newMembers(t, "ZONEKEEPER_DRAIN=300ms")
	servers := m.form(8)
	var took []time.Duration
	for len(servers) > 1 {
		leaver, rest := servers[0], servers[1:]
		stopped := time.Now()
		leaver.signal(syscall.SIGTERM)
		m.within(10*time.Second, "it is gone", func() bool {
			return !slices.ContainsFunc(rest, func(s *member) bool { _, gone := s.goneSince(leaver.eurekaURL(), stopped); return !gone })
		})
		for _, s := range rest {
			at, _ := s.goneSince(leaver.eurekaURL(), stopped)
			took = append(took, at.Sub(stopped))
		}
		leaver.stop()
		require.Equal(t, 1, m.number("SELECT count(*) FROM peers WHERE phase = 'left' AND eureka_url = '"+leaver.eurekaURL()+"'"))
		servers = rest
	}
	t.Logf("out of the others' lists after p99 %v", percentile(took, 99))
	require.LessOrEqual(t, percentile(took, 99), 250*time.Millisecond)
	servers[0].stop()
	require.Zero(t, m.number("SELECT count(*) FROM live_peers"))
}

// T5: crashes at random moments of the victim's heartbeat. Clients are told within 3 s; the peers' lists keep it while its lease could
// still be renewed, and not longer.
func TestMembershipCrash(t *testing.T) {
	m := newMembers(t)
	standing := m.form(6)
	began := time.Now()
	var served, peers []time.Duration
	for range often(3, 25) { // two victims at a time
		victims := []*member{m.start(), m.start()}
		m.agree(20*time.Second, append(victims, standing...)...)
		killed := make([]time.Time, len(victims))
		for i, v := range victims {
			m.pass(rand.N(m.pace.heartbeat))
			killed[i] = time.Now()
			v.kill()
		}
		m.within(m.pace.removal()+10*time.Second, "the dead are gone", func() bool {
			return !slices.ContainsFunc(standing, func(s *member) bool { return s.lists(victims[0].eurekaURL()) || s.lists(victims[1].eurekaURL()) })
		})
		for i, v := range victims {
			for _, s := range standing {
				at, gone := s.goneSince(v.eurekaURL(), killed[i])
				require.True(t, gone)
				served = append(served, at.Sub(killed[i]))
				at, gone = s.droppedSince(v.eurekaURL(), killed[i])
				require.True(t, gone)
				if s.pausedSince(killed[i].Add(-m.pace.ttl)) {
					continue // this machine left it no time: it rightly trusts no silence for a lease
				}
				peers = append(peers, at.Sub(killed[i]))
			}
		}
	}
	require.NotEmpty(t, peers)
	t.Logf("out of clients' lists after at most %v, out of peers after %v to %v", slices.Max(served), slices.Min(peers), slices.Max(peers))
	require.LessOrEqual(t, slices.Max(served), 3*time.Second)
	require.LessOrEqual(t, slices.Max(peers), m.pace.removal())
	require.GreaterOrEqual(t, slices.Min(peers), m.pace.ttl*6/10, "a lease is trusted for its length")
	m.unharmed(began, standing...)
}

// T6: all servers die at once and as many start at other addresses, as when a deployment is replaced as a whole. The rows of the
// dead hold up nobody, and vanish with their leases.
func TestMembershipReplaced(t *testing.T) {
	m := newMembers(t, "ZONEKEEPER_PEER_HEARTBEAT=2s", "ZONEKEEPER_PEER_TTL=7s", "ZONEKEEPER_PEER_POLL=1400ms")
	old := m.form(8)
	for _, s := range old {
		s.kill()
	}
	began := time.Now()
	fresh := make([]*member, 8)
	for i := range fresh {
		fresh[i] = m.launch()
	}
	for _, s := range fresh {
		s.await()
	}
	took := m.within(5*time.Second, "the new ones serve, and list each other", func() bool {
		return !slices.ContainsFunc(fresh, func(s *member) bool {
			return !s.ready(m.client) || slices.ContainsFunc(fresh, func(o *member) bool { return !s.serves(o.eurekaURL()) })
		})
	})
	require.Less(t, time.Since(began), 6*time.Second, "long before the leases of the dead ran out: %v", took)
	m.within(9*time.Second-time.Since(began)+time.Second, "no old address is left", func() bool {
		return !slices.ContainsFunc(fresh, func(s *member) bool {
			return len(s.zoneNow()) != 8 || slices.ContainsFunc(old, func(o *member) bool { return s.lists(o.eurekaURL()) || s.serves(o.eurekaURL()) })
		})
	})
	t.Logf("served after %v, the dead forgotten after %v", took, time.Since(began))
}

// T7: servers are replaced one by one, at their own address and at new ones. No list is ever shorter than all but the one, and none
// has an address twice (which every test here checks).
func TestMembershipRollingRestart(t *testing.T) {
	for _, c := range []struct {
		name string
		same bool
	}{{"same addresses", true}, {"new addresses", false}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMembers(t)
			servers := m.form(5)
			began := time.Now()
			for i, old := range servers {
				old.stop()
				var environ []string
				if c.same {
					environ = []string{"ZONEKEEPER_HTTP_LISTEN=" + strings.TrimPrefix(old.base, "http://")}
				}
				servers[i] = m.start(environ...)
				m.agree(10*time.Second, servers...)
			}
			for _, s := range m.all {
				complete := false
				for _, v := range s.seen() {
					complete = complete || len(v.urls) >= 4
					require.False(t, complete && len(v.urls) < 4, "%s told clients only %v, %v after the beginning", s.base, v.urls, v.at.Sub(began))
				}
			}
			require.Equal(t, 5, m.number("SELECT count(*) FROM live_peers"))
			require.Equal(t, 10, m.number("SELECT count(*) FROM peers"))
		})
	}
}

// T8: a process is stopped and goes on. For less than a lease it stays a peer; for longer it is removed, also from what clients are
// told, and is back within 3 s. Waking, it takes nobody's silence for death.
func TestMembershipPause(t *testing.T) {
	m := newMembers(t)
	servers := m.form(5)
	paused, rest := servers[4], servers[:4]
	url := paused.eurekaURL()
	pause := func(d time.Duration) (from time.Time) {
		from = time.Now()
		paused.signal(syscall.SIGSTOP)
		m.pass(d)
		paused.signal(syscall.SIGCONT)
		return from
	}

	from := pause(m.pace.ttl * 8 / 10)
	m.agree(3*time.Second, servers...)
	m.pass(m.pace.poll * 2)
	for _, s := range rest {
		_, dropped := s.droppedSince(url, from)
		require.False(t, dropped, "less than a lease of silence")
	}

	naive := m.control(paused)
	long := max(m.pace.ttl*3/2, 3*time.Second) + 3*time.Second // a probe takes a second to fail, twice
	from = pause(long)
	resumed := time.Now()
	for _, s := range rest {
		at, gone := s.goneSince(url, from)
		require.True(t, gone, "clients are told")
		require.LessOrEqual(t, at.Sub(from), 5*time.Second)
		_, dropped := s.droppedSince(url, from)
		require.True(t, dropped, "longer than a lease")
	}
	m.within(3*time.Second-time.Since(resumed), "back", func() bool {
		return !slices.ContainsFunc(rest, func(s *member) bool { return !s.serves(url) || !s.lists(url) })
	})
	m.pass(m.pace.ttl + m.pace.poll) // its guard against its own pause ends, and still nobody is gone
	m.agree(3*time.Second, servers...)
	for _, s := range rest {
		_, dropped := paused.droppedSince(s.eurekaURL(), from)
		_, hidden := paused.goneSince(s.eurekaURL(), from)
		require.False(t, dropped || hidden, "waking, it removed %s", s.base)
	}
	m.unharmed(from, rest...)
	naive.failed(t)
}
