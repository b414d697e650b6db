package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// simChecks is what the checks remember between two looks, by server and client.
type simChecks struct {
	was     map[simPair]bool             // visible at the last look
	seen    map[simPair]registry.Version // last version seen there
	lost    map[simPair]time.Time        // a renewing client is missing there since
	tomb    map[simPair]registry.Version // tombstone seen there since the client was cancelled
	missing map[[2]*simServer]time.Time  // a living server is missing in another's list since
	listed  map[[2]*simServer]string     // the incarnation of a server that was last in another's list
}

type simPair struct {
	s *simServer
	c *simClient
}

func newSimChecks() simChecks {
	return simChecks{
		map[simPair]bool{}, map[simPair]registry.Version{}, map[simPair]time.Time{}, map[simPair]registry.Version{},
		map[[2]*simServer]time.Time{}, map[[2]*simServer]string{},
	}
}

// check is one look at everything, every second.
func (w *simWorld) check() {
	w.mu.Lock()
	now := time.Now()
	if w.disturbed > 0 {
		w.lastCut = now
	}
	if w.dbTrouble > 0 {
		w.lastDB = now
	}
	w.mu.Unlock()
	for _, s := range w.standing() {
		if s.paused() || !s.serving() || s.since() < 3*time.Second {
			continue
		}
		s.mu.Lock()
		if s.servingAt.IsZero() {
			s.servingAt = now
		}
		s.mu.Unlock()
		for _, c := range w.clients {
			w.checkClient(s, c, now)
		}
		w.checkMembers(s, now)
		w.checkNameServers(s)
		if s.namesrvServing() {
			if s.routesAt.IsZero() {
				s.routesAt = now
			}
			for _, b := range w.brokers {
				w.checkRoutes(s, b, now)
			}
		}
	}
}

func (w *simWorld) checkClient(s *simServer, c *simClient, now time.Time) {
	entry, known := s.app.registry.Entry(c.key)
	known = known && !entry.Version.IsZero()
	visible := known && !entry.Tombstone
	pair := simPair{s, c}
	m := &w.checks
	if known {
		m.seen[pair] = entry.Version
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.mu.Lock()
	lastCut, lastCrash := w.lastCut, w.lastCrash
	w.mu.Unlock()

	good := c.alive && !c.okSince.IsZero() && now.Sub(c.lastOK) <= 35*time.Second && now.Sub(c.joiner) > simLease
	if good && !visible && m.was[pair] && now.Sub(c.okSince) > 2*time.Second && m.lost[pair].IsZero() {
		m.lost[pair] = now
	}
	if visible || !good {
		delete(m.lost, pair)
	}
	m.was[pair] = visible
	since, isLost := m.lost[pair]
	switch {
	case isLost && !entry.Tombstone && now.Sub(since) > 2*time.Second &&
		(since.Sub(c.okSince) > 35*time.Second || m.seen[pair].Compare(c.version) >= 0):
		w.fail("live lease lost", "client %d at %s since %s", c.id, s.addr, since.Sub(simEpoch))
	case isLost && entry.Tombstone && now.Sub(later(later(since, lastCut), lastCrash)) > 75*time.Second:
		w.fail("live client hidden by an old tombstone", "client %d at %s since %s", c.id, s.addr, since.Sub(simEpoch))
	}
	if good && !visible && !entry.Tombstone && now.Sub(lastCut) > 45*time.Second && s.since() > 45*time.Second &&
		now.Sub(c.okSince) > 10*time.Second && now.Sub(lastCrash) > 45*time.Second {
		w.fail("renewing client not visible though all is well", "client %d at %s, answered since %s", c.id, s.addr, c.okSince.Sub(simEpoch))
	}
	if good && visible && now.Sub(lastCut) > 60*time.Second && now.Sub(c.okSince) > 40*time.Second && now.Sub(lastCrash) > 60*time.Second && s.since() > 60*time.Second &&
		entry.Age > 75*time.Second {
		w.fail("renewals do not arrive", "client %d at %s: age %s", c.id, s.addr, entry.Age)
	}

	if !c.cancelled {
		delete(m.tomb, pair)
	} else if entry.Tombstone {
		m.tomb[pair] = entry.Version
	}
	if v, ok := m.tomb[pair]; ok && c.cancelled && c.cleanly && visible && v.Compare(c.tombstone) >= 0 {
		w.fail("cancelled instance back", "client %d at %s: tombstone %v, now %v", c.id, s.addr, v, entry.Version)
	}
	if c.cancelled && c.cleanly && visible && now.Sub(c.lastHeard) > 20*time.Second && now.Sub(lastCut) > 60*time.Second && now.Sub(lastCrash) > 60*time.Second {
		w.fail("cancelled instance still there", "client %d at %s, cancelled %s ago", c.id, s.addr, now.Sub(c.lastHeard))
	}
	if !c.alive && visible && now.Sub(later(later(c.lastHeard, lastCut), lastCrash)) > 2*simLease+60*time.Second+simMaxPause {
		w.fail("dead client visible long after all healed", "client %d at %s, last heard %s ago", c.id, s.addr, now.Sub(c.lastHeard))
	}
}

const simMaxPause = 92 * time.Second

// checkMembers holds one server's list of peers against the truth.
func (w *simWorld) checkMembers(s *simServer, now time.Time) {
	peers := map[string]peerstore.Peer{}
	for _, p := range s.app.list.Peers() {
		if _, twice := peers[p.Addresses.Eureka]; twice {
			w.fail("two claimants of one address in a list", "%s lists %s twice", s.addr, p.Addresses.Eureka)
		}
		peers[p.Addresses.Eureka] = p
	}
	if len(s.app.list.Serving()) == 0 && s.since() > 10*time.Second {
		w.fail("empty server list", "at %s", s.addr)
	}
	w.mu.Lock()
	all, lastCut, lastDB := slices.Clone(w.all), w.lastCut, w.lastDB
	w.mu.Unlock()
	downAt := map[string]time.Time{} // of an address: when its last incarnation ended
	for _, o := range all {
		o.mu.Lock()
		if end := o.downAt; !o.up && end.After(downAt[o.addr]) {
			downAt[o.addr] = end
		}
		o.mu.Unlock()
	}
	addresses := w.addresses()
	for _, o := range all {
		if o == s {
			continue
		}
		pair := [2]*simServer{s, o}
		p, listed := peers["http://"+o.addr+"/eureka/"]
		settled := o.since() > 20*time.Second && s.since() > 20*time.Second && now.Sub(lastCut) > 20*time.Second
		// A newcomer, or one that had to register again, needs the database to be found; whoever was listed stays listed without it.
		findable := now.Sub(lastDB) > 30*time.Second || w.checks.listed[pair] == o.app.heart.Self().ID
		switch up := o.running(); {
		case up && !listed && settled && findable:
			if w.checks.missing[pair].IsZero() {
				w.checks.missing[pair] = now
			} else if now.Sub(w.checks.missing[pair]) > 3*time.Second {
				w.fail("living server removed", "%s does not list %s", s.addr, o.addr)
			}
		case !up && listed && !slices.Contains(addresses, o.addr) && now.Sub(later(later(downAt[o.addr], lastDB), lastCut)) > 45*time.Second && s.since() > 45*time.Second:
			w.fail("dead server kept", "%s lists %s, down for %s", s.addr, o.addr, now.Sub(downAt[o.addr]))
		default:
			if listed {
				w.checks.listed[pair] = p.ID
			}
			delete(w.checks.missing, pair)
		}
	}
}

// final: after a long quiet all servers must agree with each other and with the truth.
func (w *simWorld) final() {
	up := w.standing()
	var want []string
	for _, s := range up {
		want = append(want, "http://"+s.addr+"/eureka/")
	}
	slices.Sort(want)
	for _, s := range up {
		if !s.serving() {
			w.fail("not serving in the end", "%s is %s", s.addr, s.app.phase())
		}
		var got []string
		for _, p := range s.app.list.Serving() {
			got = append(got, p.Addresses.Eureka)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			w.fail("server lists differ from the truth", "%s lists %s, want %s", s.addr, strings.Join(got, " "), strings.Join(want, " "))
		}
		if a, b := s.app.registry.Digest(), up[0].app.registry.Digest(); a != b {
			w.fail("registries differ", "digest %x at %s, %x at %s", a, s.addr, b, up[0].addr)
		}
		if !maps.Equal(s.app.registry.DigestByApp(), up[0].app.registry.DigestByApp()) {
			w.fail("registries differ by application", "%s and %s", s.addr, up[0].addr)
		}
		for _, c := range w.clients {
			e, ok := s.app.registry.Entry(c.key)
			visible := ok && !e.Version.IsZero() && !e.Tombstone
			c.mu.Lock()
			if visible != c.alive {
				w.fail("visible is not alive", "client %d at %s: visible %v, alive %v", c.id, s.addr, visible, c.alive)
			}
			c.mu.Unlock()
		}
	}
}
