package replication

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A routeSim runs random faults against name servers and random lives of brokers, and watches that nobody who talks to a server is
// missing there, and that nobody stays who died longer ago than its timeout.
type routeSim struct {
	*testing.T
	w       *routeWorld
	began   time.Time
	hosts   []string
	brokers []*livingBroker
}

// A livingBroker registers every 30 s with the servers of its list that run.
type livingBroker struct {
	*simBroker
	own    string // a topic that nobody else has and no operator deletes
	more   map[string]bool
	list   []string // hosts
	alive  bool
	frozen bool // connections stand, nothing is said
	next   time.Time
	told   time.Time // its servers
	died   time.Time // or froze
}

func newRouteSim(t *testing.T, seed uint64, hosts int) *routeSim {
	s := &routeSim{T: t, began: time.Now(), w: newRouteWorld(t, seed, nil)}
	for i := range hosts {
		s.hosts = append(s.hosts, string(rune('a'+i)))
		s.w.startServer(s.hosts[i])
	}
	s.w.soon(3*time.Second, "copied", s.w.copied)
	for i := range 8 {
		own := fmt.Sprintf("own-%d", i)
		b := &livingBroker{simBroker: s.w.newBroker(fmt.Sprintf("broker-%d", i/2), int64(i%2), own, "shared"), own: own, more: map[string]bool{}, alive: true}
		if i%2 == 1 { // topics of slaves do not count: a broker group of its own
			b.reg.Name, b.reg.ID = fmt.Sprintf("broker-s%d", i), 0
		}
		s.choose(b)
		s.brokers = append(s.brokers, b)
	}
	return s
}

func (s *routeSim) note(format string, args ...any) {
	s.Logf("%v "+format, append([]any{time.Since(s.began)}, args...)...)
}

func (s *routeSim) pick(n int) int { return int(s.w.float() * float64(n)) }

// choose gives a broker a list of some servers.
func (s *routeSim) choose(b *livingBroker) {
	b.list = nil
	for _, h := range s.hosts {
		if s.pick(2) == 0 {
			b.list = append(b.list, h)
		}
	}
	if len(b.list) == 0 {
		b.list = []string{s.hosts[s.pick(len(s.hosts))]}
	}
}

// beat registers with the servers of the list; those that have left it are told nothing, their connections stand until one side closes.
func (s *routeSim) beat(b *livingBroker) {
	for srv := range b.conns {
		if s.w.servers[srv.host] != srv {
			delete(b.conns, srv)
		} else if !slices.Contains(b.list, srv.host) {
			b.disconnect(srv)
		}
	}
	told := false
	for _, h := range b.list {
		if srv := s.w.servers[h]; srv != nil {
			s.note("%s registers at %s over %d", b.reg.Addr, h, b.conns[srv])
			b.register(srv)
			told = true
		}
	}
	b.told, b.next = time.Now(), time.Now().Add(30*time.Second)
	if !told {
		s.choose(b)
		b.next = time.Now().Add(time.Second)
	}
}

func (s *routeSim) brokerEvent() {
	b := s.brokers[s.pick(len(s.brokers))]
	what := s.pick(6)
	s.note("%s: event %d, alive %v, frozen %v, at %v", b.reg.Addr, what, b.alive, b.frozen, b.list)
	switch what {
	case 0: // kill -9, or back again
		if b.alive && !b.frozen {
			b.alive, b.died = false, time.Now()
			b.kill()
		} else if !b.alive {
			b.alive, b.next = true, time.Now()
		}
	case 1: // stops talking, or goes on
		if b.alive {
			b.frozen = !b.frozen
			b.died, b.next = time.Now(), time.Now()
		}
	case 2: // loses one connection
		b.disconnect(s.w.servers[s.hosts[s.pick(len(s.hosts))]])
		b.next = time.Now()
	case 3:
		s.choose(b)
		b.next = time.Now()
	case 4:
		if s.pick(2) == 0 { // it does not carry any more what it carried
			clear(b.more)
		}
		b.more[fmt.Sprintf("topic-%d", s.pick(4))] = true
		b.change(append([]string{b.own, "shared"}, slices.Sorted(maps.Keys(b.more))...)...)
		b.next = time.Now()
	case 5:
		s.operator(b)
	}
}

// operator says a word to some server.
func (s *routeSim) operator(b *livingBroker) {
	all := s.w.all()
	table, now, key := all[s.pick(len(all))].table, time.Now(), fmt.Sprint(s.pick(3))
	switch s.pick(5) {
	case 0:
		require.NoError(s, table.PutKV("ns", key, fmt.Sprint(s.pick(1000)), "sim", now))
	case 1:
		table.DeleteKV("ns", key, "sim", now)
	case 2:
		table.WipeWrite(b.reg.Name, "sim", now)
	case 3:
		table.AddWrite(b.reg.Name, "sim", now)
	case 4:
		table.DeleteTopic(fmt.Sprintf("topic-%d", s.pick(4)), "", "sim", now)
	}
}

func (s *routeSim) fault() {
	a, b := s.hosts[s.pick(len(s.hosts))], s.hosts[s.pick(len(s.hosts))]
	what := s.pick(6)
	s.note("fault %d between %s and %s", what, a, b)
	switch what {
	case 0, 1:
		if a != b {
			s.w.setCut(a, b, true)
			if s.pick(2) == 0 {
				s.w.setCut(b, a, true)
			}
		}
	case 2, 3:
		s.heal()
	case 4:
		s.w.setSlow(a, b, time.Duration(s.pick(800))*time.Millisecond)
	case 5: // a server dies and comes back
		if all := s.w.all(); len(all) > 2 {
			srv := all[s.pick(len(all))]
			s.w.crash(srv, time.Duration(s.pick(13))*time.Second)
			s.w.startServer(srv.host)
			for _, b := range s.brokers {
				b.next = time.Now().Add(time.Duration(s.pick(15)) * time.Second) // they see the connection break
			}
		}
	}
}

func (s *routeSim) heal() {
	for _, a := range s.hosts {
		for _, b := range s.hosts {
			s.w.setCut(a, b, false)
			s.w.setSlow(a, b, 0)
		}
	}
}

func (s *routeSim) run(d time.Duration, faults bool) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		for _, b := range s.brokers {
			if b.alive && !b.frozen && !b.next.After(time.Now()) {
				s.beat(b)
			}
		}
		synctest.Wait()
		s.watch()
		if faults && s.pick(8) == 0 {
			s.brokerEvent()
		}
		if faults && s.pick(20) == 0 {
			s.fault()
		}
	}
}

// longestStay is how long a broker may be shown that was last heard just before it died: its timeout, what is granted to a server that is
// heard and would tell its end itself, a scan, and slow links.
const longestStay = 120*time.Second + 15*time.Second + 5*time.Second + 5*time.Second

// watch checks what must hold at any time, whatever the faults.
func (s *routeSim) watch() {
	for _, b := range s.brokers {
		for _, srv := range s.w.all() {
			shown := b.routed(srv, b.own)
			_, direct := b.conns[srv]
			switch {
			case direct && b.alive && !b.frozen && b.told.After(b.died):
				require.True(s, shown, "%s talks to %s and is missing there", b.reg.Name, srv.host)
			case (!b.alive || b.frozen) && time.Since(b.died) > longestStay:
				require.False(s, shown, "%s is gone for %v and still on %s", b.reg.Name, time.Since(b.died), srv.host)
			}
		}
	}
}

// visible reports whether every server shows exactly the brokers that live, the frozen ones aside.
func (s *routeSim) visible() bool {
	for _, b := range s.brokers {
		if b.frozen {
			continue
		}
		if b.alive && !b.everywhere(b.own) || !b.alive && !b.nowhere(b.own) {
			return false
		}
	}
	return true
}

// same requires that servers answer alike, to the byte.
func (s *routeSim) same() {
	all := s.w.all()
	topics := []string{"shared", "topic-0", "topic-1", "topic-2", "topic-3"}
	for _, b := range s.brokers {
		topics = append(topics, b.own)
	}
	for _, srv := range all[1:] {
		require.Equal(s, string(all[0].table.ClusterInfo()), string(srv.table.ClusterInfo()))
		for _, topic := range topics {
			first, _ := all[0].table.Route([]byte(topic), remoting.Quoted)
			body, _ := srv.table.Route([]byte(topic), remoting.Quoted)
			require.Equal(s, string(first), string(body), topic)
		}
		first, _ := all[0].table.KVList("ns")
		body, _ := srv.table.KVList("ns")
		require.Equal(s, string(first), string(body))
	}
}

func TestRandomRouteFaultsHeal(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newRouteSim(t, seed+100, 3+int(seed)%3)
				defer s.w.stopServers()
				s.w.setLose(0.01)
				s.run(5*time.Minute, true)
				s.heal()
				s.w.setLose(0)
				s.run(10*time.Second, false)
				for _, b := range s.brokers {
					if b.alive && !b.frozen {
						require.True(t, b.everywhere(b.own), "%s lives", b.reg.Name)
					}
				}
				s.run(longestStay, false)
				require.True(t, s.visible())
				require.True(t, s.w.agreed())
				s.same()
				s.w.soon(10*time.Second, "known to agree", s.w.knownToAgree)
			})
		})
	}
}
