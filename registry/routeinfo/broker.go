package routeinfo

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const (
	ownSlot  = 0
	maxSlots = 64 // sources of one broker; what more servers say of it is not kept
)

// A broker is one address of a cluster with all sources that tell of it. It is here as long as it has one.
type broker struct {
	key     BrokerKey
	number  uint32    // in the order of arrival at this server
	sources []*source // by slot; nil for a free slot
	best    *source   // the one that is believed about everything but topics, which all sources add to
	group   *group
	died    time.Time // latest moment at which a server saw it go
}

func (b *broker) own() *source { return b.sources[ownSlot] }

func (b *broker) source(server string) *source {
	for _, s := range b.sources[1:] {
		if s != nil && s.server == server {
			return s
		}
	}
	return nil
}

// add puts a source into a free slot. It is false when there is none.
func (b *broker) add(s *source) bool {
	if s.server != "" {
		s.slot = slices.Index(b.sources[1:], nil) + 1
		if s.slot == ownSlot {
			if len(b.sources) == maxSlots {
				return false
			}
			s.slot = len(b.sources)
			b.sources = append(b.sources, nil)
		}
	}
	b.sources[s.slot] = s
	b.choose()
	return true
}

// choose finds the source that is believed.
func (b *broker) choose() {
	b.best = nil
	for _, s := range b.sources {
		if s != nil && (b.best == nil || s.outranks(b.best)) {
			b.best = s
		}
	}
}

// since is when the broker came: the longest that any server has held it.
func (b *broker) since() time.Time {
	first := b.best.since
	for _, s := range b.sources {
		if s != nil && s.since.Before(first) {
			first = s.since
		}
	}
	return first
}

// told returns what is believed of a topic among rows of this broker, not counting masked sources: what it said last over its
// own connection, else what goes with the newest version, else the greater. It is false when nobody tells of it.
func (b *broker) told(rows []row, masked uint64) (queues, bool) {
	var found *row
	var by *source
	for i := range rows {
		r := &rows[i]
		s := b.newest(r.mask &^ masked)
		switch {
		case s == nil:
		case r.told(ownSlot) && r.stamp == b.own().stamp:
			return r.queues, true
		case by == nil || cmp.Or(compareVersions(s.version, by.version), r.queues.compare(found.queues)) > 0:
			found, by = r, s
		}
	}
	if found == nil {
		return queues{}, false
	}
	return found.queues, true
}

// newest is the source with the newest version among some, nil for none.
func (b *broker) newest(mask uint64) (newest *source) {
	for ; mask != 0; mask &= mask - 1 {
		if s := b.sources[bits.TrailingZeros64(mask)]; newest == nil || compareVersions(s.version, newest.version) > 0 {
			newest = s
		}
	}
	return newest
}

func (t *Table) addBroker(k BrokerKey) *broker {
	t.lastNumber++
	// What arrives late from a server that is gone soon must not outlive what we saw ourselves.
	b := &broker{key: k, number: t.lastNumber, sources: make([]*source, 1), died: t.deaths[k]}
	delete(t.deaths, k)
	if n := t.feed.departed[k]; n != nil && n.departure.at.After(b.died) {
		b.died = n.departure.at
	}
	t.brokers[k] = b
	return b
}

// drop removes a source with all that it told. died is when the broker was seen to go there. The caller settles the broker afterwards.
func (t *Table) drop(b *broker, s *source, died time.Time) {
	for tp := range t.carried(b, s.slot) {
		t.reshape(tp, telling{b: b, slot: s.slot, drop: true})
	}
	t.setMappings(s, nil)
	if s.direct() {
		t.unlink(b, s)
		t.feed.gone(b.key, s, died)
	} else {
		t.feed.remove(s.node)
	}
	b.sources[s.slot] = nil
	b.choose()
}

// settle brings a broker's place up to date after its sources have changed: in its group, or nowhere.
func (t *Table) settle(b *broker) {
	if b.best == nil {
		delete(t.brokers, b.key)
		t.remember(b.key, b.died)
		if b.group != nil {
			t.leave(b)
		}
		return
	}
	if k := (groupKey{b.key.Cluster, b.best.name}); b.group == nil || b.group.key != k {
		if b.group != nil {
			t.leave(b)
		}
		t.join(b, k)
	}
	before := b.group.hash
	b.group.settle()
	if b.group.hash != before || t.shapes.splits > 0 {
		t.regroup()
	}
}

// link notes which connection a broker's newest registration came over.
func (t *Table) link(b *broker, s *source, conn ConnID) {
	if s.conn == conn {
		return
	}
	t.unlink(b, s)
	s.conn = conn
	if conn == 0 {
		return
	}
	if t.byConn[conn] == nil {
		t.byConn[conn] = make(map[*broker]struct{})
	}
	t.byConn[conn][b] = struct{}{}
}

func (t *Table) unlink(b *broker, s *source) {
	delete(t.byConn[s.conn], b)
	if len(t.byConn[s.conn]) == 0 {
		delete(t.byConn, s.conn)
	}
	s.conn = 0
}

// setMappings replaces what a source says of static topics.
func (t *Table) setMappings(s *source, mappings map[string]*remoting.QueueMapping) {
	for name := range s.mappings {
		t.mapped[name]--
		if t.mapped[name] == 0 {
			delete(t.mapped, name)
		}
	}
	touched := s.mappings
	s.mappings, s.mapped = mappings, extent{}
	for name, m := range mappings {
		s.mapped = s.mapped.plus(extentOf(m))
		t.mapped[name]++
		t.classify(name)
	}
	for name := range touched {
		t.classify(name)
	}
}
