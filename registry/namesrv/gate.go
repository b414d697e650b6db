package namesrv

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// gate lets so many requests through at a time. What a request becomes in memory stands in no fixed relation to what was sent, so
// the number of those that have become something is what is bounded. The others wait as the bytes they came as, which the budget
// counts.
//
// Hosts take turns, and connections of one host stand in line: whoever opens thousands of them delays his own.
type gate struct {
	mu     sync.Mutex
	free   int
	inside int
	most   int // of inside, ever
	hosts  list.List
	byHost map[netip.Addr]*list.Element // in hosts
}

// queue is who waits from one host.
type queue struct {
	host  netip.Addr
	turns list.List // of chan struct{}, closed when it is somebody's turn
}

func newGate(n int) *gate { return &gate{free: n, byHost: make(map[netip.Addr]*list.Element)} }

// enter waits until the connection's request may be handled; leave has to follow then. The error is why it is not: errBusy, or that
// the connection or the server ends.
func (g *gate) enter(c *conn) error {
	turn := g.ask(c.host())
	if turn == nil {
		return nil
	}
	late := time.NewTimer(c.s.cfg.FrameTimeout)
	defer late.Stop()
	var err error
	select {
	case <-turn:
		return nil
	case <-late.C:
		err = errBusy
	case <-c.over:
		err = causePeer // drop knows better
	case <-c.s.ended:
		err = causeLeft
	}
	g.withdraw(c.host(), turn)
	return err
}

// ask enters if there is room, and returns nil. Otherwise it stands in line.
func (g *gate) ask(host netip.Addr) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free > 0 {
		g.free--
		g.admit()
		return nil
	}
	e := g.byHost[host]
	if e == nil {
		e = g.hosts.PushBack(&queue{host: host})
		g.byHost[host] = e
	}
	turn := make(chan struct{})
	e.Value.(*queue).turns.PushBack(turn)
	return turn
}

func (g *gate) admit() {
	g.inside++
	g.most = max(g.most, g.inside)
}

// leave makes room, for the one that has waited longest at the host whose turn it is.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass()
}

func (g *gate) pass() {
	g.inside--
	e := g.hosts.Front()
	if e == nil {
		g.free++
		return
	}
	q := e.Value.(*queue)
	turn := q.turns.Remove(q.turns.Front()).(chan struct{})
	g.hosts.MoveToBack(e)
	g.tidy(e)
	g.admit()
	close(turn)
}

// withdraw leaves the line, or the room if it was one's turn meanwhile.
func (g *gate) withdraw(host netip.Addr, turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn:
		g.pass()
		return
	default:
	}
	e := g.byHost[host]
	q := e.Value.(*queue)
	for t := q.turns.Front(); t != nil; t = t.Next() {
		if t.Value == turn {
			q.turns.Remove(t)
			break
		}
	}
	g.tidy(e)
}

// tidy forgets a host from which nobody waits.
func (g *gate) tidy(e *list.Element) {
	if q := e.Value.(*queue); q.turns.Len() == 0 {
		g.hosts.Remove(e)
		delete(g.byHost, q.host)
	}
}
