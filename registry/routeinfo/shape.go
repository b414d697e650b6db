package routeinfo

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync/atomic"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// queues is what a broker has of a topic, as it was registered.
type queues struct{ read, write, perm, flag int32 }

func (q queues) compare(o queues) int {
	return cmp.Or(cmp.Compare(q.read, o.read), cmp.Compare(q.write, o.write), cmp.Compare(q.perm, o.perm), cmp.Compare(q.flag, o.flag))
}

// A row says that some sources of a broker tell the same of a topic. Sources that differ have a row each.
type row struct {
	b    *broker
	mask uint64 // bit n: the source in slot n tells so
	// stamp is the number of the data version under which our own source last carried the topic (source.stampOf); 0
	// without one.
	stamp uint32
	queues
}

func (r row) told(slot int) bool { return r.mask&(1<<slot) != 0 }

func (r row) compare(o row) int {
	return cmp.Or(cmp.Compare(r.b.number, o.b.number), r.queues.compare(o.queues))
}

// A shape is a set of rows, sorted. Topics with equal rows share it, and with it their encoded answers, which do not name
// the topic: in a cluster whose brokers have all topics alike, there are but a few shapes.
type shape struct {
	rows    []row // never changed
	split   bool  // sources of one broker differ
	place   int32 // in shapes.all
	topics  []*topic
	answers answers
}

const minRoom = 64 // topics, for which it is not worth while to give room back

// add and remove keep the topics that have the shape, each at its place.
func (s *shape) add(tp *topic) {
	tp.shape, tp.place = s, int32(len(s.topics))
	s.topics = append(s.topics, tp)
}

func (s *shape) remove(tp *topic) {
	last := len(s.topics) - 1
	s.topics[tp.place], s.topics[last].place = s.topics[last], tp.place
	s.topics[last] = nil
	s.topics = s.topics[:last]
	if last > 0 && cap(s.topics) > minRoom && last < cap(s.topics)/4 {
		s.topics = slices.Clone(s.topics) // else one topic that stays behind would hold the room for all that it was with
	}
}

// of are the rows of one broker.
func (s *shape) of(b *broker) []row {
	first := slices.IndexFunc(s.rows, func(r row) bool { return r.b == b })
	if first < 0 {
		return nil
	}
	last := first + 1
	for last < len(s.rows) && s.rows[last].b == b {
		last++
	}
	return s.rows[first:last]
}

// answers are what is derived from the rows of a shape, or of one special topic, until the next generation.
type answers struct {
	view   atomic.Pointer[view]
	bodies [2]atomic.Pointer[encoded] // by remoting.Dialect
}

// encoded is a route ready to be sent; body is nil when there is none to send.
type encoded struct {
	gen  uint64
	body []byte
}

// A telling is what one source says of one topic: that it has it so, or that it has it not.
type telling struct {
	b     *broker
	slot  int
	drop  bool
	stamp uint32
	queues
}

// edit returns the rows after a telling, and whether that source says something else than before. Rows come back nil when
// nothing at all is different.
func edit(rows []row, e telling) (edited []row, changed bool) {
	at := slices.IndexFunc(rows, func(r row) bool { return r.b == e.b && r.told(e.slot) })
	switch {
	case at < 0 && e.drop:
		return nil, false
	case at >= 0 && !e.drop && rows[at].queues == e.queues && (e.slot != ownSlot || rows[at].stamp == e.stamp):
		return nil, false
	}
	changed = at < 0 || e.drop || rows[at].queues != e.queues
	edited = make([]row, 0, len(rows)+1)
	for i, r := range rows {
		if i == at {
			r.mask &^= 1 << e.slot
			if e.slot == ownSlot {
				r.stamp = 0
			}
			if r.mask == 0 {
				continue
			}
		}
		edited = append(edited, r)
	}
	if e.drop {
		return edited, changed
	}
	place, found := slices.BinarySearchFunc(edited, row{b: e.b, queues: e.queues}, row.compare)
	if !found {
		edited = slices.Insert(edited, place, row{b: e.b, queues: e.queues})
	}
	edited[place].mask |= 1 << e.slot
	if e.slot == ownSlot {
		edited[place].stamp = e.stamp
	}
	return edited, changed
}

// shapes keeps one shape for each set of rows in use.
type shapes struct {
	byRows map[string]*shape
	all    []*shape // those of byRows, each at its place
	splits int
	none   *shape // of a topic that is about to get its first row, or has lost its last
	key    []byte

	// The last edit: most tellings of a registration take topics from the same shape to the same.
	from, to *shape
	telling  telling
	changed  bool
}

func newShapes() shapes {
	return shapes{byRows: make(map[string]*shape), none: &shape{}}
}

// after returns the shape that a telling makes of another, and whether that source says something else than before.
func (s *shapes) after(from *shape, e telling) (*shape, bool) {
	if s.from == from && s.telling == e && len(s.to.topics) > 0 {
		return s.to, s.changed
	}
	rows, changed := edit(from.rows, e)
	to := from
	if rows != nil {
		to = s.find(rows)
	}
	s.from, s.to, s.telling, s.changed = from, to, e, changed
	return to, changed
}

func (s *shapes) find(rows []row) *shape {
	if len(rows) == 0 {
		return s.none
	}
	s.encode(rows)
	known := s.byRows[string(s.key)]
	if known == nil {
		known = &shape{rows: slices.Clip(rows), place: int32(len(s.all))}
		for i := 1; i < len(rows) && !known.split; i++ {
			known.split = rows[i].b == rows[i-1].b
		}
		s.splits += count(known.split)
		s.byRows[string(s.key)] = known
		s.all = append(s.all, known)
	}
	return known
}

func (s *shapes) encode(rows []row) {
	s.key = s.key[:0]
	for _, r := range rows {
		s.key = binary.LittleEndian.AppendUint32(s.key, r.b.number)
		s.key = binary.LittleEndian.AppendUint64(s.key, r.mask)
		s.key = binary.LittleEndian.AppendUint32(s.key, r.stamp)
		for _, n := range [...]int32{r.read, r.write, r.perm, r.flag} {
			s.key = binary.LittleEndian.AppendUint32(s.key, uint32(n))
		}
	}
}

// move gives a topic another shape, and forgets the one that no topic has any more.
func (s *shapes) move(tp *topic, to *shape) {
	old := tp.shape
	old.remove(tp)
	to.add(tp)
	if len(old.topics) > 0 || old == s.none {
		return
	}
	s.encode(old.rows)
	delete(s.byRows, string(s.key))
	s.splits -= count(old.split)
	last := s.all[len(s.all)-1]
	s.all[old.place], last.place = last, old.place
	s.all[len(s.all)-1] = nil
	s.all = s.all[:len(s.all)-1]
}

// of are the shapes with a row of a broker.
func (s *shapes) of(b *broker) []*shape {
	var found []*shape
	for _, known := range s.all {
		if known.of(b) != nil {
			found = append(found, known)
		}
	}
	return found
}

// topics are all topics. The body must not change them.
func (s *shapes) topics(yield func(*topic) bool) {
	for _, known := range s.all {
		for _, tp := range known.topics {
			if !yield(tp) {
				return
			}
		}
	}
}

func queuesOf(c *remoting.TopicConfig) queues {
	return queues{read: c.ReadQueues, write: c.WriteQueues, perm: c.Perm, flag: c.SysFlag}
}
