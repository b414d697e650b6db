package routeinfo

import "time"

// Bounds of a feed.
const (
	// maxDeparted is how many departures a feed remembers. Beyond it a new feed begins, and every puller copies in full.
	maxDeparted = 10_000
	// maxDelta is how many topics of one broker are told one by one; after more changes the broker is told in full.
	maxDelta = 1_024
	// maxSeq is what a cursor has room for. Beyond it a new feed begins.
	maxSeq = 1<<31 - 1
)

// A feed is a list of everything that other servers are told, each thing once, in the order of its last change. A puller that
// has seen everything up to a number has yet to see what stands behind it; one that begins sees all, which is a full copy.
// So nothing has to be kept for a puller, however slow it is.
type feed struct {
	id       uint64
	seq      uint64
	ring     node // ring.next is the oldest node
	departed map[BrokerKey]*node
	signal   chan struct{} // closed by the next change; nil while nobody waits for it
}

// A node is the place of one thing in a feed.
type node struct {
	next, prev *node
	seq        uint64

	// A broker by one source. Sources of other servers are told in full copies only.
	b       *broker
	s       *source
	content uint64 // seq of the last change of more than the time of its last renewal
	full    uint64 // pullers that have not seen up to here get it in full
	deltas  []delta
	told    time.Time // when a renewal was put into the feed last
	pending bool      // there was another one since

	word *wordEntry

	departure *departure
}

type delta struct {
	seq   uint64
	topic string
}

type departure struct {
	key BrokerKey
	at  time.Time
}

func newFeed(id uint64) feed {
	return feed{id: id, departed: make(map[BrokerKey]*node)}
}

// push makes a node the newest.
func (f *feed) push(n *node) {
	f.move(n)
	if f.signal != nil {
		close(f.signal)
		f.signal = nil
	}
}

func (f *feed) move(n *node) {
	if f.seq == maxSeq {
		f.renumber()
	}
	if f.ring.next == nil {
		f.ring.next, f.ring.prev = &f.ring, &f.ring
	}
	f.remove(n)
	f.seq++
	n.seq = f.seq
	n.prev, n.next = f.ring.prev, &f.ring
	n.prev.next, n.next.prev = n, n
}

// renumber begins a new feed with small numbers.
func (f *feed) renumber() {
	f.id, f.seq = f.id+1, 0
	for n := f.ring.next; n != &f.ring; n = n.next {
		f.seq++
		n.seq, n.content, n.full, n.deltas = f.seq, f.seq, f.seq, nil
	}
}

// remove takes a node out. One that is not in the feed, or nil, is left alone.
func (f *feed) remove(n *node) {
	if n == nil || n.next == nil {
		return
	}
	n.prev.next, n.next.prev = n.next, n.prev
	n.next, n.prev = nil, nil
}

// content says that a broker's source is new or has changed as a whole, but for its topics.
func (f *feed) content(b *broker, s *source) {
	if s.node == nil {
		s.node = &node{b: b, s: s}
		if d := f.departed[b.key]; d != nil && s.direct() {
			f.remove(d)
			delete(f.departed, b.key)
		}
	}
	if !s.direct() {
		f.move(s.node) // nobody waits for it
		return
	}
	f.push(s.node)
	s.node.content = s.node.seq
	if s.node.full == 0 {
		s.node.full = s.node.seq
	}
	s.node.told, s.node.pending = s.renewed, false
}

// changed says that our own source of a broker tells otherwise of one topic.
func (f *feed) changed(s *source, topic string) {
	n := s.node
	if n == nil || n.s != s {
		return // its content comes in full
	}
	f.push(n)
	n.content = n.seq
	if len(n.deltas) == maxDelta {
		n.deltas, n.full = nil, n.seq
		return
	}
	n.deltas = append(n.deltas, delta{n.seq, topic})
}

// renewed says that the broker of our own source is alive. Renewals that come fast are told together.
func (f *feed) renewed(s *source) {
	n := s.node
	if s.renewed.Sub(n.told) < s.renewalGap() {
		n.pending = true
		return
	}
	f.push(n)
	n.told, n.pending = s.renewed, false
}

// ripe puts renewals into the feed that have been held back for long enough.
func (f *feed) ripe(s *source, now time.Time) {
	if s.node.pending && now.Sub(s.node.told) >= s.renewalGap() {
		f.push(s.node)
		s.node.told, s.node.pending = now, false
	}
}

// gone says that we do not hold a broker any more.
func (f *feed) gone(key BrokerKey, s *source, died time.Time) {
	f.remove(s.node)
	if len(f.departed) >= maxDeparted {
		for _, n := range f.departed {
			f.remove(n)
		}
		clear(f.departed)
		f.id++
	}
	n := f.departed[key]
	if n == nil {
		n = &node{}
		f.departed[key] = n
	}
	n.departure = &departure{key, died}
	f.push(n)
}

// word says that a word is new or another.
func (f *feed) word(e *wordEntry) *node {
	n := e.node
	if n == nil {
		n = &node{word: e}
	}
	f.push(n)
	return n
}

// after is the oldest node that a puller has not seen, nil when it has seen all.
func (f *feed) after(seq uint64) *node {
	var first *node
	for n := f.ring.prev; n != nil && n != &f.ring && n.seq > seq; n = n.prev {
		first = n
	}
	return first
}

// Changed is closed when there is something new in the feed. Take it before calling Since, else what comes between is missed.
func (t *Table) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.feed.signal == nil {
		t.feed.signal = make(chan struct{})
	}
	return t.feed.signal
}
