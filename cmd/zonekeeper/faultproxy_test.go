package main

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// faultProxy carries TCP connections to a target and breaks them on command: what a network between a server and PostgreSQL, or
// between a server and its advertised address, can do to them.
type faultProxy struct {
	listener net.Listener
	target   atomic.Pointer[string] // host:port
	delay    atomic.Int64           // of every chunk in each direction, in nanoseconds
	hole     atomic.Bool            // swallow everything, as a firewall that has forgotten the connection does
	ended    chan struct{}
	running  sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	lose   []byte // the reply to a statement with this text is lost
	losing int    // how many more of them
	marked []byte // statements with this text are counted
	seen   int
}

// newFaultProxy starts a proxy to host:port.
func newFaultProxy(t *testing.T, target string) *faultProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &faultProxy{listener: l, conns: make(map[net.Conn]bool), ended: make(chan struct{})}
	p.SetTarget(target)
	p.running.Go(p.accept)
	t.Cleanup(func() {
		close(p.ended)
		l.Close()
		p.Reset()
		p.running.Wait()
	})
	return p
}

// proxied starts a proxy to a database and returns it with the URL that leads through it.
func proxied(t *testing.T, databaseURL string) (*faultProxy, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	p := newFaultProxy(t, u.Host)
	u.Host = p.Addr()
	return p, u.String()
}

func (p *faultProxy) Addr() string             { return p.listener.Addr().String() }
func (p *faultProxy) SetTarget(address string) { p.target.Store(&address) }
func (p *faultProxy) SetDelay(d time.Duration) { p.delay.Store(int64(d)) }
func (p *faultProxy) SetBlackHole(on bool)     { p.hole.Store(on) }

// LoseReplies drops the reply to the next n statements that contain text, after the server committed them, and the connection with it.
func (p *faultProxy) LoseReplies(text string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose, p.losing = []byte(text), n
}

// Lost is how many replies are still to be lost.
func (p *faultProxy) Lost() (left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.losing
}

// Count begins to count statements that contain text; Counted is how many there were since.
func (p *faultProxy) Count(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marked, p.seen = []byte(text), 0
}

func (p *faultProxy) Counted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// Reset breaks every connection with a reset.
func (p *faultProxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		c.Close()
	}
}

func (p *faultProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.carry(client) })
	}
}

// carry is one connection, from its beginning to its end.
func (p *faultProxy) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", *p.target.Load())
	if err != nil {
		if tcp, ok := client.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a closed port answers with a reset
		}
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, client)
		delete(p.conns, server)
		p.mu.Unlock()
	}()
	var losing atomic.Bool
	done := make(chan struct{}, 2)
	p.running.Go(func() {
		p.pass(server, client, func(chunk []byte) bool { p.look(chunk, &losing); return true })
		done <- struct{}{}
	})
	p.running.Go(func() {
		p.pass(client, server, func(chunk []byte) bool {
			// ReadyForQuery, outside a transaction: the server has committed, and would say so now.
			if losing.Load() && bytes.HasSuffix(chunk, []byte{'Z', 0, 0, 0, 5, 'I'}) {
				done <- struct{}{}
			}
			return !losing.Load()
		})
		done <- struct{}{}
	})
	<-done // one direction's end is both's
}

// look counts what passes towards the server and notices whose reply is to be lost.
func (p *faultProxy) look(chunk []byte, losing *atomic.Bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.marked) > 0 {
		p.seen += bytes.Count(chunk, p.marked)
	}
	if p.losing > 0 && bytes.Contains(chunk, p.lose) {
		p.losing--
		losing.Store(true)
	}
}

func (p *faultProxy) pass(to, from net.Conn, keep func(chunk []byte) bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if d := time.Duration(p.delay.Load()); d > 0 {
			select {
			case <-time.After(d):
			case <-p.ended:
				return
			}
		}
		if !keep(buf[:n]) || p.hole.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
