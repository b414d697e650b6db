package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// simNet is a network in memory with hosts, links that can be cut or slow in one direction, and processes that
// can be frozen. All waiting is on timers and channels, so that virtual time passes while everybody waits.
type simNet struct {
	mu        sync.Mutex
	rand      *rand.Rand
	listeners map[string]*simListener // by host:port
	cut       map[[2]string]bool      // from host to host: nothing passes, nothing is refused
	slow      map[[2]string]time.Duration
	frozen    map[string]bool
	conns     map[*simConn]struct{}
	changed   chan struct{} // closed whenever a link heals or a host thaws
}

func newSimNet(r *rand.Rand) *simNet {
	return &simNet{
		rand: r, listeners: map[string]*simListener{}, cut: map[[2]string]bool{}, slow: map[[2]string]time.Duration{},
		frozen: map[string]bool{}, conns: map[*simConn]struct{}{}, changed: make(chan struct{}),
	}
}

func (n *simNet) wakeLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// SetCut stops or restores everything that travels from one host to another.
func (n *simNet) SetCut(from, to string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]string{from, to}] = on
	n.wakeLocked()
}

// SetSlow adds a delay to everything that travels from one host to another; 0 restores the usual one.
func (n *simNet) SetSlow(from, to string, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slow[[2]string{from, to}] = d
}

// Freeze holds everything that a host sends or would receive, as when its process is stopped.
func (n *simNet) Freeze(host string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.frozen[host] = on
	n.wakeLocked()
}

// Heal restores every link and thaws every host.
func (n *simNet) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
	clear(n.slow)
	clear(n.frozen)
	n.wakeLocked()
}

// Kill resets every connection of a host and forgets its listeners, as the end of its process does.
func (n *simNet) Kill(host string) {
	n.mu.Lock()
	var mine []*simConn
	for c := range n.conns {
		if c.host == host || c.peer == host {
			mine = append(mine, c)
		}
	}
	for addr, l := range n.listeners {
		if l.host == host {
			delete(n.listeners, addr)
			l.close()
		}
	}
	n.wakeLocked()
	n.mu.Unlock()
	for _, c := range mine {
		c.reset()
	}
}

// blocked reports whether a byte from one host may not reach another now, and a channel that tells when to ask again.
func (n *simNet) blocked(from, to string) (bool, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[[2]string{from, to}] || n.frozen[from] || n.frozen[to], n.changed
}

func (n *simNet) delay(from, to string) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Millisecond + time.Duration(n.rand.Int64N(int64(20*time.Millisecond))) + n.slow[[2]string{from, to}]
}

// Listen opens a listener of a host at host:port.
func (n *simNet) Listen(host, port string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &simListener{net: n, host: host, addr: net.JoinHostPort(host, port), conns: make(chan net.Conn, 128), closed: make(chan struct{})}
	n.listeners[l.addr] = l
	return l
}

// Dialer returns the dial function of a host.
func (n *simNet) Dialer(host string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, addr string) (net.Conn, error) {
		to, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("dial %q: %w", addr, err)
		}
		for { // a cut link swallows the first packet; it is sent again until it arrives or the caller gives up
			off, changed := n.blocked(host, to)
			back, changedBack := n.blocked(to, host)
			if !off && !back {
				break
			}
			select {
			case <-changed:
			case <-changedBack:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		select {
		case <-time.After(n.delay(host, to)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		n.mu.Lock()
		l := n.listeners[addr]
		n.mu.Unlock()
		if l == nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		}
		there, here := n.pair(host, to)
		select {
		case l.conns <- there:
			return here, nil
		case <-l.closed:
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (n *simNet) pair(from, to string) (there, here *simConn) {
	out, in := newSimPipe(n, from, to), newSimPipe(n, to, from)
	here = &simConn{net: n, host: from, peer: to, read: in, write: out}
	there = &simConn{net: n, host: to, peer: from, read: out, write: in}
	n.mu.Lock()
	n.conns[here], n.conns[there] = struct{}{}, struct{}{}
	n.mu.Unlock()
	return there, here
}

type simListener struct {
	net    *simNet
	host   string
	addr   string
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *simListener) close() { l.once.Do(func() { close(l.closed) }) }

func (l *simListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *simListener) Close() error {
	l.net.mu.Lock()
	if l.net.listeners[l.addr] == l {
		delete(l.net.listeners, l.addr)
	}
	l.net.mu.Unlock()
	l.close()
	return nil
}

func (l *simListener) Addr() net.Addr { return simAddr(l.addr) }

type simAddr string

func (simAddr) Network() string  { return "tcp" }
func (a simAddr) String() string { return string(a) }

// simPipe is one direction of a connection: bytes in flight with the time at which they arrive.
type simPipe struct {
	net      *simNet
	from, to string
	mu       sync.Mutex
	flight   []simChunk
	last     time.Time // arrival of the newest chunk: the order is kept
	closed   bool      // by the writer: end of file after what is in flight
	broken   bool
	wake     chan struct{}
}

type simChunk struct {
	at   time.Time
	data []byte
}

func newSimPipe(n *simNet, from, to string) *simPipe {
	return &simPipe{net: n, from: from, to: to, wake: make(chan struct{}, 1)}
}

func (p *simPipe) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *simPipe) put(b []byte) error {
	d := p.net.delay(p.from, p.to)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken || p.closed {
		return os.NewSyscallError("write", syscall.EPIPE)
	}
	at := time.Now().Add(d)
	if at.Before(p.last) {
		at = p.last
	}
	p.last = at
	p.flight = append(p.flight, simChunk{at, append([]byte(nil), b...)})
	p.signal()
	return nil
}

func (p *simPipe) end(broken bool) {
	p.mu.Lock()
	p.closed = true
	p.broken = p.broken || broken
	p.mu.Unlock()
	p.signal()
}

// take copies what has arrived, or says how long to wait for the next byte (0: until woken).
func (p *simPipe) take(b []byte) (n int, wait time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return 0, 0, os.NewSyscallError("read", syscall.ECONNRESET)
	}
	if len(p.flight) == 0 {
		if p.closed {
			return 0, 0, io.EOF
		}
		return 0, 0, nil
	}
	c := &p.flight[0]
	if d := time.Until(c.at); d > 0 {
		return 0, d, nil
	}
	n = copy(b, c.data)
	if c.data = c.data[n:]; len(c.data) == 0 {
		p.flight = p.flight[1:]
	}
	return n, 0, nil
}

// simConn is one end of a connection.
type simConn struct {
	net         *simNet
	host, peer  string
	read, write *simPipe

	mu       sync.Mutex
	deadline time.Time // for reading
	moved    chan struct{}
}

func (c *simConn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		deadline := c.deadline
		if c.moved == nil {
			c.moved = make(chan struct{})
		}
		moved := c.moved
		c.mu.Unlock()
		if !deadline.IsZero() && time.Until(deadline) <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		blocked, healed := c.net.blocked(c.peer, c.host)
		var wait time.Duration
		if !blocked {
			n, d, err := c.read.take(b)
			if n > 0 || err != nil {
				return n, err
			}
			wait = d
		}
		var arrive, expire <-chan time.Time
		if wait > 0 {
			arrive = time.After(wait)
		}
		if !deadline.IsZero() {
			expire = time.After(time.Until(deadline))
		}
		select {
		case <-arrive:
		case <-expire:
		case <-healed:
		case <-moved:
		case <-c.read.wake:
		}
	}
}

func (c *simConn) Write(b []byte) (int, error) {
	if err := c.write.put(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *simConn) forget() {
	c.net.mu.Lock()
	delete(c.net.conns, c)
	c.net.mu.Unlock()
}

func (c *simConn) Close() error {
	c.forget()
	c.write.end(false)
	c.read.end(true)
	c.SetReadDeadline(time.Now())
	return nil
}

func (c *simConn) reset() {
	c.forget()
	c.write.end(true)
	c.read.end(true)
}

func (c *simConn) LocalAddr() net.Addr  { return simAddr(net.JoinHostPort(c.host, "0")) }
func (c *simConn) RemoteAddr() net.Addr { return simAddr(net.JoinHostPort(c.peer, "0")) }

func (c *simConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.moved != nil {
		close(c.moved)
	}
	c.moved = make(chan struct{})
	return nil
}

// SetWriteDeadline is accepted: writing never waits here.
func (c *simConn) SetWriteDeadline(time.Time) error { return nil }

func (c *simConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }
