package replication

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// feedSize is how many changes the feed holds. A reader that falls further behind has lost some, which it is told.
const feedSize = 1 << 14

// A feed is where all changes pass on their way from a client's request to the senders. It is a ring that every sender reads at its
// own pace, so that the request pays for one append, not for one per peer.
type feed struct {
	readers atomic.Int32 // nobody listens: nothing is kept

	mu      sync.Mutex
	ring    []fed
	head    uint64        // changes ever appended: the position of the next one
	any     chan struct{} // closed at the next change; nil while nobody waits
	content chan struct{} // closed at the next change that is not a renewal

	contentHead uint64 // position after the last change that is not a renewal
	ready       chan struct{}
}

// fed is a change and when it was appended.
type fed struct {
	registry.Change
	at time.Time
}

func newFeed() *feed {
	f := &feed{ready: make(chan struct{})}
	close(f.ready)
	return f
}

// append takes a change. It never blocks for longer than another append.
func (f *feed) append(c registry.Change, now time.Time) {
	if f.readers.Load() == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		return
	}
	f.ring[f.head%feedSize] = fed{c, now}
	f.head++
	if f.any != nil {
		close(f.any)
		f.any = nil
	}
	if c.Kind == registry.LeaseRenewed {
		return
	}
	f.contentHead = f.head
	if f.content != nil {
		close(f.content)
		f.content = nil
	}
}

// A cursor reads a feed from the moment of its making. It belongs to one goroutine.
type cursor struct {
	feed *feed
	pos  uint64
}

// follow returns a cursor at the end of the feed: everything appended from now on comes through it.
func (f *feed) follow() *cursor {
	f.readers.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make([]fed, feedSize)
	}
	return &cursor{feed: f, pos: f.head}
}

// close ends a cursor.
func (c *cursor) close() { c.feed.readers.Add(-1) }

// read appends to dst what came since the last read; complete is false if some of it was overwritten before it was read.
func (c *cursor) read(dst []fed) (changes []fed, complete bool) {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	complete = true
	if behind := c.feed.head - c.pos; behind > feedSize {
		c.pos, complete = c.feed.head-feedSize, false
	}
	for ; c.pos < c.feed.head; c.pos++ {
		dst = append(dst, c.feed.ring[c.pos%feedSize])
	}
	return dst, complete
}

// wait returns a channel that is closed once there is something to read; for onlyContent, something that is not a renewal.
func (c *cursor) wait(onlyContent bool) <-chan struct{} {
	f := c.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	ch, end := &f.any, f.head
	if onlyContent {
		ch, end = &f.content, f.contentHead
	}
	if c.pos < end {
		return f.ready
	}
	if *ch == nil {
		*ch = make(chan struct{})
	}
	return *ch
}
