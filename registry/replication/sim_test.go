package replication

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// client is a simulated Eureka client that renews every 30 s at the server it likes, and elsewhere when that one is gone.
type client struct {
	key    registry.Key
	dirty  int64
	alive  bool
	server int
	heard  time.Time // by some server
	next   time.Time
}

// sim runs random faults against random clients, then heals, and looks whether all agree.
type sim struct {
	*testing.T
	w       *world
	hosts   []string
	clients []*client
}

func (s *sim) pick(n int) int { return int(s.w.float() * float64(n)) }

// at returns the server that a client calls now, or nil.
func (s *sim) at(c *client) *node {
	nodes := s.w.running()
	if len(nodes) == 0 {
		return nil
	}
	return nodes[c.server%len(nodes)]
}

func (s *sim) beat(c *client) {
	n := s.at(c)
	if n == nil {
		return
	}
	if n.renew(c.key, c.dirty) == registry.NotFound {
		n.register(c.key.App, c.key.ID, c.dirty)
	}
	c.heard, c.next = time.Now(), time.Now().Add(30*time.Second)
}

func (s *sim) clientEvent() {
	c := s.clients[s.pick(len(s.clients))]
	n := s.at(c)
	switch s.pick(6) {
	case 0: // dies, or comes back
		c.alive = !c.alive
		c.next = time.Now()
	case 1: // says goodbye
		if c.alive && n.reg.Cancel(c.key, registry.FromClient) == nil {
			c.alive = false
		}
	case 2: // new content
		if c.alive {
			c.dirty++
			n.register(c.key.App, c.key.ID, c.dirty)
			c.heard = time.Now()
		}
	case 3: // moves
		c.server = s.pick(1000)
	case 4: // an operator
		nodes := s.w.running()
		nodes[s.pick(len(nodes))].reg.SetStatus(c.key, eureka.OutOfService, 0, registry.FromClient)
	case 5:
		nodes := s.w.running()
		nodes[s.pick(len(nodes))].reg.ClearStatus(c.key, eureka.Unknown, 0, registry.FromClient)
	}
}

func (s *sim) fault() {
	a, b := s.hosts[s.pick(len(s.hosts))], s.hosts[s.pick(len(s.hosts))]
	switch s.pick(5) {
	case 0, 1:
		if a != b {
			s.w.setCut(a, b, true)
			if s.pick(2) == 0 {
				s.w.setCut(b, a, true)
			}
		}
	case 2:
		s.heal()
	case 3:
		s.w.setSlow(a, b, time.Duration(s.pick(800))*time.Millisecond)
	case 4: // a server dies and comes back
		nodes := s.w.running()
		if len(nodes) > 2 {
			n := nodes[s.pick(len(nodes))]
			s.w.kill(n, time.Duration(s.pick(13))*time.Second)
			s.w.start(n.host)
		}
	}
}

func (s *sim) heal() {
	for _, a := range s.hosts {
		for _, b := range s.hosts {
			s.w.setCut(a, b, false)
			s.w.setSlow(a, b, 0)
		}
	}
}

func (s *sim) beats() {
	for _, c := range s.clients {
		if c.alive && !c.next.After(time.Now()) {
			s.beat(c)
		}
	}
}

func (s *sim) run(d time.Duration, faults bool) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		s.beats()
		if faults && s.pick(8) == 0 {
			s.clientEvent()
		}
		if faults && s.pick(20) == 0 {
			s.fault()
		}
	}
}

func (s *sim) visibleAsAlive() bool {
	for _, n := range s.w.running() {
		for _, c := range s.clients {
			if n.has(c.key) != c.alive {
				return false
			}
		}
	}
	return true
}

// agreeOnLiving compares what clients that renew registered and what operators said of them. The dead go from each server when it is
// sure of it, which is not everywhere in the same second. So does, for a moment, one whose last renewals died with the server that
// heard them: with less than 15 s left of the lease as the others know it, who does not have it does not take it.
func (s *sim) agreeOnLiving() bool {
	nodes := s.w.running()
	for _, c := range s.clients {
		first, _ := nodes[0].reg.Entry(c.key)
		for _, n := range nodes[1:] {
			e, _ := n.reg.Entry(c.key)
			if c.alive && max(e.Age, first.Age) < 75*time.Second && (e.Version != first.Version || e.Override != first.Override || e.Tombstone != first.Tombstone) {
				return false
			}
		}
	}
	return true
}

func TestRandomFaultsHeal(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed+100, nil)
				w.setLose(0.01)
				defer w.stopAll()
				s := &sim{T: t, w: w, hosts: []string{"a", "b", "c", "d", "e"}[:3+int(seed)%3]}
				for _, h := range s.hosts {
					w.start(h)
				}
				w.within(3*time.Second, "synced", w.synced)
				for i := range 20 {
					s.clients = append(s.clients, &client{key: registry.Key{App: fmt.Sprintf("APP%d", i%4), ID: fmt.Sprint(i)}, dirty: 1000, alive: true, server: i})
				}
				s.run(5*time.Minute, true)
				s.heal()
				w.setLose(0)
				s.run(5*time.Second, false)
				w.within(3*time.Second, "agreed soon after healing", s.agreeOnLiving)
				s.run(5*time.Minute, false)
				require.True(t, w.agree())
				require.True(t, w.synced())
				require.True(t, s.visibleAsAlive())
			})
		})
	}
}

// The planted bug must be noticed: with changes that overtake each other, while the stream claims to be complete, servers evict
// clients that renew.
func TestUnorderedQueueLosesLeases(t *testing.T) {
	lost := func(t *testing.T, unordered bool) (missing int) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 7, func(c *Config) { c.Faults.Unordered = unordered })
			defer w.stopAll()
			a, b := w.start("a"), w.start("b")
			w.within(2*time.Second, "synced", w.synced)
			var keys []registry.Key
			for i := range 20 {
				keys = append(keys, a.register("ORDERS", fmt.Sprint(i), 1000))
			}
			time.Sleep(4 * time.Minute / 2)
			for range 20 {
				for _, k := range keys {
					if a.renew(k, 1000) == registry.NotFound {
						a.register(k.App, k.ID, 1000)
					}
				}
				time.Sleep(30 * time.Second)
				for _, k := range keys {
					if !b.has(k) {
						missing++
					}
				}
			}
		})
		return missing
	}
	require.Zero(t, lost(t, false))
	require.NotZero(t, lost(t, true))
}
