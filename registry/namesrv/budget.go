package namesrv

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

const (
	// patience is how long a half frame may stand in the way of others. An honest peer's frame is whole within it on any network
	// that can carry a broker.
	patience = 5 * time.Second
	// A host with no more than few half frames under way need not wait for one that has more than many.
	few, many = 4, 16
)

// budget is what all connections together may hold of frames that do not fit their small buffers.
//
// Who finds it spent waits, unread, until something is given back. What whole frames hold is given back as soon as they are handled,
// before their answers are written. If only half frames hold something, the one that began first may grow beyond the budget, so that
// one becomes whole. A half frame that stands in the way for longer than patience loses its connection, oldest first, and so does at
// once one of a host that has very many of them under way when a host that has few asks. So brokers that register all at once take turns,
// and whoever sends half frames on purpose loses them.
type budget struct {
	total int64

	mu     sync.Mutex
	used   int64
	half   int64              // the part of used that half frames hold; the rest belongs to frames that are being handled
	halves list.List          // of *conn, in the order in which their frames began to hold something
	byHost map[netip.Addr]int // how many of halves
	freed  chan struct{}      // closed and replaced when something was given back
}

// holding is the part of a connection in the budget, under its lock.
type holding struct {
	bytes int64
	place *list.Element // in halves; nil while a whole frame is being handled
	since time.Time
}

func newBudget(total int64) *budget {
	return &budget{total: total, byHost: make(map[netip.Addr]int), freed: make(chan struct{})}
}

// take waits until a connection may hold n bytes more for its half frame. The error says that it may not.
func (b *budget) take(c *conn, n int) error {
	deadline := c.began.Add(c.s.cfg.FrameTimeout)
	for {
		freed, wait, ok := b.try(c, int64(n))
		switch {
		case ok:
			return nil
		case c.why.Load() != nil:
			return causeMemory
		case !time.Now().Before(deadline):
			return causeSlow
		}
		again := time.NewTimer(min(wait, time.Until(deadline)))
		select {
		case <-freed:
		case <-again.C:
		case <-c.s.ended:
			again.Stop()
			return causeLeft
		}
		again.Stop()
	}
}

// try takes the bytes if they are there. If not, it says what to wait for, and for how long at most.
func (b *budget) try(c *conn, n int64) (freed <-chan struct{}, wait time.Duration, ok bool) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.used+n > b.total {
		first := b.first()
		switch {
		case first == nil:
			return b.freed, patience, false // for frames that are being handled
		case first == c && b.used == b.half:
			b.grant(c, n, now)
			return nil, 0, true
		case b.standsInTheWay(first, c, now):
			first.drop(causeMemory)
			b.giveBack(first, first.held.bytes)
			b.unlist(first)
		default:
			return b.freed, max(patience-now.Sub(first.held.since), time.Millisecond), false
		}
	}
	b.grant(c, n, now)
	return nil, 0, true
}

func (b *budget) first() *conn {
	if e := b.halves.Front(); e != nil {
		return e.Value.(*conn)
	}
	return nil
}

// standsInTheWay reports whether the half frame that began first has to give way to another connection's.
func (b *budget) standsInTheWay(first, other *conn, now time.Time) bool {
	if first == other {
		return false
	}
	return now.Sub(first.held.since) >= patience || (b.byHost[other.host()] <= few && b.byHost[first.host()] > many)
}

func (b *budget) grant(c *conn, n int64, now time.Time) {
	b.list(c, now)
	b.used += n
	b.half += n
	c.held.bytes += n
}

// whole says that the frame for which a connection holds something is complete, and now being handled.
func (b *budget) whole(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unlist(c)
}

// settle takes back n bytes of a frame that was handled. What the connection still holds, it holds for the next one.
func (b *budget) settle(c *conn, n int) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.giveBack(c, int64(n))
	if c.held.bytes > 0 {
		b.list(c, now)
	} else {
		b.unlist(c)
	}
}

// forget takes back everything: the connection has ended.
func (b *budget) forget(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.giveBack(c, c.held.bytes)
	b.unlist(c)
}

func (b *budget) giveBack(c *conn, n int64) {
	n = min(n, c.held.bytes) // one that was dropped has nothing left to give
	if n == 0 {
		return
	}
	if c.held.place != nil {
		b.half -= n
	}
	c.held.bytes -= n
	b.used -= n
	close(b.freed)
	b.freed = make(chan struct{})
}

func (b *budget) list(c *conn, now time.Time) {
	if c.held.place == nil {
		c.held.place, c.held.since = b.halves.PushBack(c), now
		b.half += c.held.bytes
		b.byHost[c.host()]++
	}
}

func (b *budget) unlist(c *conn) {
	if c.held.place != nil {
		b.halves.Remove(c.held.place)
		c.held.place = nil
		b.half -= c.held.bytes
		if b.byHost[c.host()]--; b.byHost[c.host()] == 0 {
			delete(b.byHost, c.host())
		}
	}
}

// bytes is what is held now.
func (b *budget) bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// host is where the connection comes from as nobody can pretend: the address of its socket, whatever a proxy says.
func (c *conn) host() netip.Addr { return c.source.peer.Addr() }
