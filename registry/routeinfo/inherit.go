package routeinfo

import (
	"cmp"
	"maps"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A peer is one of our other servers, by what it told us.
type peer struct {
	heard   bool
	copying bool   // a full copy is on its way
	copy    uint64 // number of the last one
	stale   bool   // its own feed does not continue what is here
}

func (t *Table) peer(server string) *peer {
	p := t.peers[server]
	if p == nil {
		p = &peer{}
		t.peers[server] = p
	}
	return p
}

// heard says whether we would know if the source told otherwise by now.
func (t *Table) heard(s *source) bool {
	if s.direct() {
		return true
	}
	p := t.peers[s.server]
	return p != nil && p.heard
}

// SetHeard says whether we hear a server: whether its feed reaches us. What one that is not heard had said holds until it
// expires, but not against the word of those that are.
func (t *Table) SetHeard(server string, heard bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.peer(server)
	if p.heard == heard {
		return
	}
	p.heard = heard
	if heard {
		return
	}
	p.stale = p.stale || p.copying // a copy that is broken off says nothing of what it did not name
	p.copying = false
	for _, b := range t.sortedBrokers() {
		if b.source(server) != nil && !b.died.IsZero() {
			t.die(b, b.died, now)
		}
	}
}

// forgetPeers forgets servers of which nothing is left.
func (t *Table) forgetPeers() {
	left := make(map[string]bool)
	for _, b := range t.brokers {
		for _, s := range b.sources {
			if s != nil {
				left[s.server] = true
			}
		}
	}
	maps.DeleteFunc(t.peers, func(server string, p *peer) bool { return !p.heard && !p.copying && !left[server] })
}

// Inherit takes a batch of a server's feed, in order. A full copy goes from the batch with reset to the one with complete;
// what it did not name of that server goes. Of what the server knows from others, only that counts which comes from servers
// that we do not hear ourselves. The table keeps parts of the items.
//
// It is false when the batch does not continue what is known here of that server, so that a full copy is needed: Since with
// feed 0. What it says counts all the same, as far as it goes.
func (t *Table) Inherit(server string, items []Item, reset, complete bool, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if server == "" || server == t.self {
		return true
	}
	p := t.peer(server)
	if reset {
		p.copying, p.stale = true, false
		p.copy++
	}
	t.quiet = p.copying
	defer func() { t.quiet = false }()
	understood := !p.stale
	for i := range items {
		in := inherited{t: t, Item: &items[i], server: server, p: p, now: now}
		understood = in.take() && understood
	}
	if complete && p.copying {
		p.copying = false
		t.forgetUnnamed(server, p.copy, now)
	}
	return understood
}

// forgetUnnamed takes away what a full copy did not name.
func (t *Table) forgetUnnamed(server string, copy uint64, now time.Time) {
	for _, b := range t.sortedBrokers() {
		if s := b.source(server); s != nil && s.copy != copy {
			t.lose(b, s, time.Time{}, now)
		}
	}
}

// inherited is one item on its way into the table.
type inherited struct {
	*Item
	t      *Table
	server string // that sent it
	p      *peer
	now    time.Time
}

// take is false when a full copy is needed.
func (in *inherited) take() bool {
	switch in.Kind {
	case Said:
		if in.Word != nil {
			in.t.mergeWord(*in.Word)
		}
		return true
	case Gone:
		return in.gone()
	case Renewed:
		return in.renewed()
	case Content:
		return in.content()
	default:
		return true
	}
}

func (in *inherited) source() (*broker, *source) {
	b := in.t.brokers[in.Key]
	if b == nil {
		return nil, nil
	}
	return b, b.source(in.server)
}

// gone counts although the server may have held the broker only while we did not hear it: others still tell of it, perhaps.
func (in *inherited) gone() bool {
	died := in.now.Add(-in.Age)
	switch b, s := in.source(); {
	case s != nil:
		in.t.lose(b, s, died, in.now)
	case b != nil:
		in.t.die(b, died, in.now)
	case in.Age <= unheardBound:
		in.t.remember(in.Key, died)
	}
	return true
}

func (in *inherited) renewed() bool {
	_, s := in.source()
	if s == nil {
		return in.Source != ""
	}
	in.alive(s)
	return true
}

// alive notes a sign of life.
func (in *inherited) alive(s *source) {
	if at := in.now.Add(-in.Age); at.After(s.renewed) {
		s.renewed = at
	}
	s.word = in.now
	if in.Source != "" {
		s.word = s.renewed // nobody knows better
	}
	s.copy = in.p.copy
}

func (in *inherited) content() bool {
	t := in.t
	if in.Broker == nil || in.Broker.Name == "" || in.Key.Addr == "" || in.Key.Cluster == "" {
		return true
	}
	if in.Source == in.server {
		in.Source = ""
	}
	if in.Source != "" && !in.passedOn() {
		return true
	}
	b, s := in.source()
	if s == nil && !in.Broker.Full {
		return false
	}
	if (b == nil && len(t.brokers) >= t.limits.brokers) || !t.room(in.Broker.Topics) {
		t.cfg.Log.Warn("broker of another server not kept, there are too many", "peer", in.server, "broker", in.Key.Addr)
		return true
	}
	before := t.lowest(groupKey{in.Key.Cluster, in.Broker.Name})
	if b == nil {
		b = t.addBroker(in.Key)
	}
	if s == nil {
		s = &source{server: in.server}
		if !b.add(s) {
			return true // enough others tell of it
		}
	}
	in.mirror(b, s)
	b.choose()
	t.settle(b)
	t.arrived(b, before)
	return true
}

// passedOn makes the item one of the server that it comes from originally. It is false when we know better.
func (in *inherited) passedOn() bool {
	origin := in.t.peers[in.Source]
	if in.Source == in.t.self || !in.Broker.Full || (origin != nil && (origin.heard || origin.copying)) {
		return false
	}
	in.server = in.Source
	in.p = in.t.peer(in.Source)
	renewed := in.now.Add(-in.Age)
	if _, s := in.source(); s != nil && !renewed.After(s.renewed) {
		return false
	}
	if in.Age > min(cmp.Or(max(in.Broker.Timeout, 0), defaultTimeout), unheardBound) || in.t.dead(in.Key, renewed) {
		return false // it is over, or would come back by way of a server that did not see it go
	}
	in.p.stale = true
	return true
}

// mirror makes the source what the item says.
func (in *inherited) mirror(b *broker, s *source) {
	t, x := in.t, in.Broker
	in.alive(s)
	if s.version != x.Version {
		t.unbury()
	}
	s.name, s.haAddr, s.zone, s.id, s.acting = x.Name, x.HAAddr, x.Zone, x.ID, x.ActingMaster
	s.timeout, s.version, s.filters = x.Timeout, x.Version, x.FilterServers
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	s.since = in.now.Add(-x.Since)
	if x.Full && s.topics > 0 {
		in.dropAbsent(b, s)
	}
	for _, name := range x.Removed {
		in.remove(b, s, name)
	}
	for i := range x.Topics {
		t.tell(x.Topics[i].Name, telling{b: b, slot: s.slot, queues: queuesOf(&x.Topics[i])})
	}
	var mappings map[string]*remoting.QueueMapping
	for i := range x.Mappings {
		if mappings == nil {
			mappings = make(map[string]*remoting.QueueMapping, len(x.Mappings))
		}
		mappings[x.Mappings[i].Topic] = &x.Mappings[i]
	}
	if mappings != nil || s.mappings != nil {
		t.setMappings(s, mappings)
	}
	t.feed.content(b, s)
}

func (in *inherited) dropAbsent(b *broker, s *source) {
	named := make(map[string]bool, len(in.Broker.Topics))
	for i := range in.Broker.Topics {
		named[in.Broker.Topics[i].Name] = true
	}
	for tp := range in.t.carried(b, s.slot) {
		if !named[tp.name] {
			in.remove(b, s, tp.name)
		}
	}
}

// remove takes back what the source told of one topic, and what was taken over from other servers and never confirmed by the
// broker itself.
func (in *inherited) remove(b *broker, s *source, topic string) {
	t := in.t
	if !t.tell(topic, telling{b: b, slot: s.slot, drop: true}) {
		return
	}
	tp, own := t.topics[topic], b.own()
	if tp == nil || own == nil || own.adopted == 0 {
		return
	}
	for _, r := range tp.shape.of(b) {
		if r.told(ownSlot) && r.stamp == own.adopted {
			t.reshape(tp, telling{b: b, slot: ownSlot, drop: true})
			t.feed.changed(own, topic)
			own.payload = 0
			return
		}
	}
}
