package namesrv_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pipeNet is a network in memory: everything that waits in it waits on timers and conditions, so that virtual time passes.
type pipeNet struct {
	mu        sync.Mutex
	listeners map[string]*pipeListener
	lastPort  uint16
	window    int // bytes that one direction of a connection holds
}

func newPipeNet() *pipeNet {
	return &pipeNet{listeners: make(map[string]*pipeListener), lastPort: 30000, window: 64 << 10}
}

func (n *pipeNet) listen(t testing.TB, address string) *pipeListener {
	t.Helper()
	ln := &pipeListener{net: n, address: address, arrived: make(chan net.Conn, 1024), done: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[address] != nil {
		t.Fatalf("address %s is taken", address)
	}
	n.listeners[address] = ln
	return ln
}

// dialFrom connects from a host of one's choice.
func (n *pipeNet) dialFrom(host, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ln := n.listeners[address]
	if ln == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	n.lastPort++
	to := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))
	from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), n.lastPort))
	there, back := newHalf(n.window), newHalf(n.window)
	select {
	case ln.arrived <- &pipeConn{in: there, out: back, local: to, remote: from}:
		return &pipeConn{in: back, out: there, local: from, remote: to}, nil
	case <-ln.done:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
}

// Dial has the form of namesrv.Config.Dial.
func (n *pipeNet) Dial(_ context.Context, _, address string) (net.Conn, error) {
	return n.dialFrom("127.0.0.1", address)
}

type pipeListener struct {
	net     *pipeNet
	address string
	arrived chan net.Conn
	done    chan struct{}
	once    sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		delete(l.net.listeners, l.address)
		l.net.mu.Unlock()
		close(l.done)
	})
	return nil
}

func (l *pipeListener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.address))
}

// pipeConn is one end of a connection.
type pipeConn struct {
	in, out       *half
	local, remote net.Addr
}

func (c *pipeConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *pipeConn) Write(p []byte) (int, error) { return c.out.write(p) }
func (c *pipeConn) LocalAddr() net.Addr         { return c.local }
func (c *pipeConn) RemoteAddr() net.Addr        { return c.remote }

func (c *pipeConn) Close() error {
	c.in.abandon()
	c.out.end()
	c.in.closeEnd(&c.in.reader)
	c.out.closeEnd(&c.out.writer)
	return nil
}

func (c *pipeConn) CloseWrite() error {
	c.out.end()
	return nil
}

func (c *pipeConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
func (c *pipeConn) SetReadDeadline(t time.Time) error  { return c.in.setDeadline(&c.in.reader, t) }
func (c *pipeConn) SetWriteDeadline(t time.Time) error { return c.out.setDeadline(&c.out.writer, t) }

func (c *pipeConn) SetReadBuffer(n int) error  { return c.in.setSocket(n) }
func (c *pipeConn) SetWriteBuffer(n int) error { return c.out.setSocket(n) }

// half is one direction.
type half struct {
	mu     sync.Mutex
	change *sync.Cond
	buf    []byte
	limit  int
	ended  bool // nothing more is written
	gone   bool // nobody reads any more
	writes int  // calls of write
	socket int  // what was asked of the system for the buffer of the server's socket

	reader, writer pipeEnd
}

type pipeEnd struct {
	timer  *time.Timer
	late   bool
	closed bool
}

func newHalf(limit int) *half {
	h := &half{limit: limit}
	h.change = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.reader.closed:
			return 0, net.ErrClosed
		case h.reader.late:
			return 0, os.ErrDeadlineExceeded
		case len(h.buf) > 0:
			n := copy(p, h.buf)
			h.buf = h.buf[n:]
			h.change.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		}
		h.change.Wait()
	}
}

func (h *half) write(p []byte) (written int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes++
	for {
		switch {
		case h.writer.closed:
			return written, net.ErrClosed
		case h.writer.late:
			return written, os.ErrDeadlineExceeded
		case h.gone:
			return written, syscall.EPIPE
		case len(p) == 0:
			return written, nil
		case len(h.buf) < h.limit:
			n := min(len(p), h.limit-len(h.buf))
			h.buf = append(h.buf, p[:n]...)
			p, written = p[n:], written+n
			h.change.Broadcast()
			continue
		}
		h.change.Wait()
	}
}

func (h *half) setSocket(n int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.socket = n
	return nil
}

func (h *half) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.change.Broadcast()
}

func (h *half) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = true
	h.change.Broadcast()
}

func (h *half) closeEnd(e *pipeEnd) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.closed = true
	if e.timer != nil {
		e.timer.Stop()
	}
	h.change.Broadcast()
}

func (h *half) setDeadline(e *pipeEnd, t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.closed {
		return net.ErrClosed
	}
	if e.timer != nil {
		e.timer.Stop()
	}
	e.timer, e.late = nil, false
	if t.IsZero() {
		return nil
	}
	wait := time.Until(t)
	if wait <= 0 {
		e.late = true
		h.change.Broadcast()
		return nil
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if e.timer == timer {
			e.late = true
			h.change.Broadcast()
		}
	})
	e.timer = timer
	return nil
}
