package routeinfo

import "slices"

// A view is what clients see of a topic: a row for each broker group that has it, by name and cluster.
type view struct {
	gen  uint64
	rows []visible
	hash uint64
}

type visible struct {
	g *group
	b *broker // the provider
	queues
	perm int32 // what is left of queues.perm
}

// view returns what clients see of a topic. The caller holds the lock, if only for reading.
func (t *Table) view(tp *topic) *view {
	kept := &tp.answers().view
	if v := kept.Load(); v != nil && v.gen == t.gen {
		return v
	}
	v := &view{gen: t.gen, rows: t.visible(tp)}
	h := offset
	for _, r := range v.rows {
		h = h.number(r.g.hash).number(uint64(uint32(r.read))).number(uint64(uint32(r.write))).number(uint64(uint32(r.perm))).number(uint64(uint32(r.flag)))
	}
	v.hash = h.finish()
	kept.Store(v)
	return v
}

// visible picks the rows of providers. Rows of one broker lie together.
func (t *Table) visible(tp *topic) []visible {
	var found []visible
	for all := tp.shape.rows; len(all) > 0; {
		b := all[0].b
		n := 1
		for n < len(all) && all[n].b == b {
			n++
		}
		rows := all[:n]
		all = all[n:]
		if g := b.group; g.provider() == b {
			if q, ok := b.told(rows, t.hidden(tp.name, b)); ok {
				found = append(found, visible{g, b, q, g.perm(q.perm)})
			}
		}
	}
	slices.SortFunc(found, func(a, b visible) int { return a.g.compareName(b.g) })
	return found
}

// hidden are the sources, by slot, that tell of the topic under a version at which it was deleted. Our own connection is not
// among them: what it told was taken back.
func (t *Table) hidden(topic string, b *broker) (mask uint64) {
	d := t.deleted(topic, b.key.Cluster)
	if d == nil {
		return 0
	}
	for _, s := range b.sources {
		if s != nil && !s.direct() && d.holds(s.name, s.version) {
			mask |= 1 << s.slot
		}
	}
	return mask
}
