package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// simRouteChecks is what the checks of routes remember between two looks, by server and broker.
type simRouteChecks struct {
	missing map[simRoutePair]time.Time // a live broker is missing there since
	stale   map[simRoutePair]time.Time // a dead one is still there since
}

type simRoutePair struct {
	s *simServer
	b *simBroker
}

func newSimRouteChecks() simRouteChecks {
	return simRouteChecks{map[simRoutePair]time.Time{}, map[simRoutePair]time.Time{}}
}

const (
	simScan = 5 * time.Second // scanNotActiveBrokerInterval
	// simTold is how long a change may take to reach the other servers: links here take up to 21 ms each way, slow ones seconds.
	simTold = 3 * time.Second
	// simSettled is how long after the last trouble of links and servers everybody must have heard everybody: a stream is called broken
	// after 15 s of silence, and begun anew within 5 s.
	simSettled = 25 * time.Second
)

func (s *simServer) namesrv() string { return s.host + ":9876" }

// routes reports whether a client that asks the server for the topic is led to the broker.
func (s *simServer) routes(topic string, b *simBroker) bool {
	body, _ := s.app.namesrv.table.Route([]byte(topic), remoting.Quoted)
	return strings.Contains(string(body), `"`+b.addr+`"`)
}

func (s *simServer) namesrvServing() bool {
	return s.running() && s.app.heart.Self().NamesrvPhase == peerstore.PhaseServing
}

// checkRoutes holds what one name server tells clients about one broker against the truth.
func (w *simWorld) checkRoutes(s *simServer, b *simBroker, now time.Time) {
	visible := s.routes(simShared, b)
	if own := s.routes(b.group.own(), b); own != visible {
		w.fail("a part of a broker's topics", "broker %d at %s: %s %v, its own topic %v", b.id, s.addr, simShared, visible, own)
	}
	b.mu.Lock()
	alive, leaving, vanished, died := b.alive, b.leaving, b.vanished, b.diedAt
	direct := b.conns[s.namesrv()] != nil && now.Sub(b.answered[s.namesrv()]) <= simRegister+simBrokerRPC
	listed := map[string]bool{s.namesrv(): true}
	for _, p := range s.app.list.Peers() {
		listed[p.Addresses.Namesrv] = true
	}
	told := slices.ContainsFunc(b.seenBy, func(o *simServer) bool { return o.lasted(died.Add(simTold)) })
	held := false // by an undisturbed server that this one knows of
	for _, o := range w.standing() {
		if addr := o.namesrv(); listed[addr] && o.namesrvServing() && !o.paused() && b.conns[addr] != nil && now.Sub(b.answered[addr]) <= simRegister+simBrokerRPC &&
			now.Sub(b.answered[addr]) > simTold {
			held = true
		}
	}
	b.mu.Unlock()
	w.mu.Lock()
	lastCut, lastCrash := w.lastCut, w.lastCrash
	w.mu.Unlock()
	quiet := now.Sub(later(lastCut, lastCrash)) > simSettled && s.since() > simSettled

	pair := simRoutePair{s, b}
	since := func(m map[simRoutePair]time.Time, is bool) time.Duration {
		if !is {
			delete(m, pair)
			return 0
		}
		if m[pair].IsZero() {
			m[pair] = now
		}
		return now.Sub(m[pair])
	}
	missing := since(w.routeChecks.missing, alive && !leaving && !visible)
	stale := since(w.routeChecks.stale, !alive && visible)
	view := func() string {
		text, _ := json.Marshal(s.app.namesrv.table.Explain(b.group.own(), s.now()))
		return string(text)
	}
	switch {
	case direct && missing > simTold:
		w.fail("broker missing where it is registered", "broker %d at %s for %s: %s", b.id, s.addr, missing, view())
	case held && quiet && missing > simTold:
		w.fail("live broker missing though all is well", "broker %d at %s for %s: %s", b.id, s.addr, missing, view())
	// What only name servers saw that ended with the broker is believed until it expires, and a newcomer may be told so even of what
	// another saw.
	case !vanished && quiet && told && s.routesAt.Before(died) && now.Sub(died) > simTold+time.Second && stale > simTold:
		w.fail("dead broker kept though its connections closed", "broker %d at %s, dead for %s: %s", b.id, s.addr, now.Sub(died), view())
	case stale > 0 && now.Sub(later(later(died, lastCut), lastCrash)) > simSilence+simScan+simMaxPause+simSettled:
		w.fail("dead broker kept", "broker %d at %s, dead for %s: %s", b.id, s.addr, now.Sub(died), view())
	}
}

// checkNameServers holds what a server tells brokers and clients about name servers against what must never happen.
func (w *simWorld) checkNameServers(s *simServer) {
	clients, brokers := s.app.list.NamesrvClients(), s.app.list.NamesrvBrokers()
	if len(clients) == 0 && s.namesrvServing() && s.since() > 10*time.Second {
		w.fail("no name server for clients", "at %s", s.addr)
	}
	for _, p := range clients {
		if !slices.ContainsFunc(s.app.list.Peers(), func(q peerstore.Peer) bool { return q.ID == p.ID && q.NamesrvPhase.Living() }) {
			continue // the last good list, while there is nobody else
		}
		if !slices.ContainsFunc(brokers, func(q peerstore.Peer) bool { return q.ID == p.ID }) {
			w.fail("clients are sent where brokers are not", "%s lists %s", s.addr, p.Addresses.Namesrv)
		}
	}
}

// brokerChaos is one fault of a broker, or one word of an operator, drawn at random.
func (w *simWorld) brokerChaos() {
	r := w.rand
	b := w.brokers[r.IntN(len(w.brokers))]
	again := func(ended bool) {
		if after := time.Duration(1+r.IntN(170)) * time.Second; ended {
			w.group.Go(func() {
				if sleep(w.ctx, after) && !w.quiet() {
					b.Start()
				}
			})
		}
	}
	switch r.IntN(7) {
	case 0, 1:
		again(b.Crash())
	case 2:
		again(b.Vanish())
	case 3:
		w.group.Go(func() { b.Shutdown() })
		again(true)
	case 4:
		b.NewTopic()
	case 5:
		b.Reset()
	case 6:
		servers := w.standing()
		if len(servers) == 0 {
			return
		}
		s := servers[r.IntN(len(servers))]
		if s.paused() {
			return
		}
		table, key := s.app.namesrv.table, fmt.Sprint("key", r.IntN(3))
		var err error
		switch r.IntN(4) {
		case 0:
			err = table.PutKV("ORDER_TOPIC_CONFIG", key, fmt.Sprint("value", r.IntN(100)), "operator", s.now())
		case 1:
			err = table.DeleteKV("ORDER_TOPIC_CONFIG", key, "operator", s.now())
		case 2:
			_, err = table.WipeWrite(b.group.name(), "operator", s.now())
		case 3:
			_, err = table.AddWrite(b.group.name(), "operator", s.now())
		}
		if err != nil {
			w.fail("word refused", "at %s: %v", s.addr, err)
		}
	}
}

// finalRoutes: after a long quiet all name servers tell the same, and the truth.
func (w *simWorld) finalRoutes() {
	up := w.standing()
	var want []string
	for _, s := range up {
		want = append(want, s.namesrv())
	}
	slices.Sort(want)
	for _, s := range up {
		if !s.namesrvServing() {
			w.fail("name server not serving in the end", "%s is %s", s.addr, s.app.heart.Self().NamesrvPhase)
		}
		var got []string
		for _, p := range s.app.list.NamesrvClients() {
			got = append(got, p.Addresses.Namesrv)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			w.fail("name server lists differ from the truth", "%s lists %v, want %v", s.addr, got, want)
		}
		table, first := s.app.namesrv.table, up[0].app.namesrv.table
		if a, b := table.Digest(), first.Digest(); a != b {
			w.fail("routes differ", "digest %x at %s, %x at %s", a, s.addr, b, up[0].addr)
		}
		for _, b := range w.brokers {
			_, topics := b.group.state()
			for _, topic := range topics {
				mine, _ := table.Route([]byte(topic), remoting.Quoted)
				other, _ := first.Route([]byte(topic), remoting.Quoted)
				if string(mine) != string(other) {
					w.fail("routes of a topic differ", "%s at %s: %s; at %s: %s", topic, s.addr, mine, up[0].addr, other)
				}
			}
			b.mu.Lock()
			alive := b.alive
			b.mu.Unlock()
			if visible := s.routes(simShared, b); visible != alive {
				w.fail("routed is not alive", "broker %d at %s: routed %v, alive %v", b.id, s.addr, visible, alive)
			}
		}
		if mine, _ := table.KVList("ORDER_TOPIC_CONFIG"); true {
			if other, _ := first.KVList("ORDER_TOPIC_CONFIG"); string(mine) != string(other) {
				w.fail("words differ", "%s at %s, %s at %s", mine, s.addr, other, up[0].addr)
			}
		}
	}
}
