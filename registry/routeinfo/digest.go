package routeinfo

import (
	"slices"
	"sync"
)

// A digest sums up what clients see. Of topics it keeps the sum and reckons anew only those that changed, or all after a
// change of groups.
type digest struct {
	words uint64 // guarded by Table.mu

	mu     sync.Mutex // taken by readers of the table among themselves
	gen    uint64
	dirty  []*topic
	topics uint64
	routed int
}

// soil notes that a topic changed.
func (t *Table) soil(tp *topic) {
	t.version++
	if !tp.dirty {
		tp.dirty = true
		t.digest.dirty = append(t.digest.dirty, tp)
	}
	if len(t.digest.dirty) > 2*len(t.topics)+1000 { // nobody asks for the digest
		t.digest.dirty = slices.DeleteFunc(t.digest.dirty, func(tp *topic) bool { return t.topics[tp.name] != tp })
	}
}

// Digest is the same number on two servers that show the same to clients: groups, routes, mappings, keys and wipes. It does
// not depend on the order in which they learnt it, nor on which of them holds what.
func (t *Table) Digest() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	sum, _ := t.reckon()
	return sum
}

// Stats counts what a table has.
type Stats struct {
	Topics        int // with a route
	Brokers       int // addresses
	DirectBrokers int // those over their own connection
	Words         int
	Version       uint64 // counts changes
}

// Stats counts.
func (t *Table) Stats() Stats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := Stats{Brokers: len(t.brokers), Words: len(t.words.all), Version: t.version}
	_, s.Topics = t.reckon()
	for _, b := range t.brokers {
		s.DirectBrokers += count(b.own() != nil)
	}
	return s
}

// reckon returns the digest and how many topics have a route. The caller holds the table's lock, if only for reading.
func (t *Table) reckon() (sum uint64, routed int) {
	d := &t.digest
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := slices.Values(d.dirty)
	if d.gen != t.gen {
		d.gen, changed = t.gen, t.shapes.topics
	}
	for tp := range changed {
		if t.topics[tp.name] != tp {
			continue
		}
		d.subtract(tp)
		tp.hash = t.topicHash(tp)
		d.topics += tp.hash
		d.routed += count(tp.hash != 0)
	}
	for _, tp := range d.dirty {
		tp.dirty = false
	}
	clear(d.dirty)
	d.dirty = d.dirty[:0]
	sum = d.topics + d.words
	for _, g := range t.groups {
		sum += g.hash
	}
	return sum, d.routed
}

// subtract takes a topic out of the sum.
func (d *digest) subtract(tp *topic) {
	d.topics -= tp.hash
	d.routed -= count(tp.hash != 0)
	tp.hash = 0
}

// topicHash is a topic's part of the digest, 0 without a route.
func (t *Table) topicHash(tp *topic) uint64 {
	v := t.view(tp)
	if len(v.rows) == 0 {
		return 0
	}
	h := offset.text(tp.name).number(v.hash)
	if t.mapped[tp.name] > 0 {
		h = h.number(t.mappingsHash(tp, v))
	}
	return h.finish() | 1
}

// digest is a word's part: what clients see of it is a key's value, or that a broker is wiped.
func (w Word) digest() uint64 {
	if w.Kind == 0 || w.Deleted || w.Kind == Deletion {
		return 0
	}
	return offset.number(uint64(w.Kind)).text(w.Scope).text(w.Name).text(w.Value).finish()
}

// digest is the hash of what clients see of a group beside its topics.
func (g *group) digest() uint64 {
	if len(g.holders) == 0 {
		return 0
	}
	h := offset.text(g.key.cluster).text(g.key.name).text(g.zone).flag(g.acting).flag(g.wiped)
	for _, b := range g.holders {
		h = h.number(uint64(b.best.id)).text(b.key.Addr).text(b.best.haAddr)
		for _, addr := range b.best.filters {
			h = h.text(addr)
		}
	}
	return h.finish()
}

func (t *Table) mappingsHash(tp *topic, v *view) (sum uint64) {
	for _, r := range v.rows {
		m := t.mapping(tp, r.b)
		if m == nil {
			continue
		}
		h := offset.text(tp.name).text(r.g.key.cluster).text(m.Broker).text(m.Scope).number(uint64(uint32(m.TotalQueues))).number(uint64(m.Epoch)).flag(m.Dirty)
		var pairs uint64
		for _, p := range m.Current {
			pairs += offset.number(uint64(uint32(p.Logical))<<32 | uint64(uint32(p.Physical))).finish()
		}
		sum += h.number(pairs).finish()
	}
	return sum
}
