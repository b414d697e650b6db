package pgstore_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// proxy stands between a store and PostgreSQL.
type proxy struct {
	target string
	pooled bool        // tell clients another process id than the session's, as poolers do
	hole   atomic.Bool // swallow everything, as a firewall that has forgotten the connection does

	listener net.Listener
	running  sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

// through starts a proxy to the test server and returns it and the URL that leads through it.
func through(t *testing.T, pooled bool) (*proxy, string) {
	t.Helper()
	target, err := url.Parse(pgtest.URL(t))
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{target: target.Host, pooled: pooled, listener: l}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		p.running.Wait()
	})
	target.Host = l.Addr().String()
	return p, target.String()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.running.Go(func() { p.copy(server, client); server.Close() })
		p.running.Go(func() {
			if p.pooled {
				renumber(client, server)
			}
			p.copy(client, server)
			client.Close()
		})
	}
}

func (p *proxy) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if p.hole.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// renumber passes the messages of a login on and changes the process id in BackendKeyData ('K').
func renumber(to io.Writer, from io.Reader) {
	head := make([]byte, 5)
	for head[0] != 'Z' { // ReadyForQuery
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if head[0] == 'K' {
			binary.BigEndian.PutUint32(body, binary.BigEndian.Uint32(body)+1_000_000)
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return
		}
	}
}

// Behind a pooler listening is not tried: its notifications would go to whoever has the session next.
func TestPoolerIsNoticed(t *testing.T) {
	_, schema := pgtest.Pool(t)
	_, pooledURL := through(t, true)
	_, plainURL := through(t, false)
	for _, c := range []struct {
		url    string
		mode   pgstore.Pooler
		noWake bool
	}{
		{plainURL, pgstore.PoolerAuto, false}, {pooledURL, pgstore.PoolerAuto, true},
		{plainURL, pgstore.PoolerOn, true}, {pooledURL, pgstore.PoolerOff, false},
	} {
		_, s := connect(t, c.url, pgstore.Config{Schema: schema, Pooler: c.mode, OpTimeout: 10 * time.Second})
		register(t, s)
		woken, ended := watch(t.Context(), s)
		if c.noWake {
			require.ErrorIs(t, <-ended, peerstore.ErrNoWatch)
			continue
		}
		<-woken
	}
	_, err := pgstore.New(nil, pgstore.Config{Pooler: "perhaps"})
	require.ErrorContains(t, err, "auto, on or off")
}

// T15: the path to the database swallows packets, for longer than the pool has connections to lose. Calls end by their deadline, and
// the first one afterwards works, on a new connection.
func TestHalfOpenConnections(t *testing.T) {
	_, schema := pgtest.Pool(t)
	p, through := through(t, false)
	_, s := connect(t, through+"&connect_timeout=1", pgstore.Config{Schema: schema, OpTimeout: 20 * time.Second, MaxConns: 4})
	peer := register(t, s)
	for range 3 {
		p.hole.Store(true)
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			require.ErrorIs(t, s.Heartbeat(ctx, peer.ID, ttl, peerstore.Stats{}), pgstore.ErrTimeout)
		}
		p.hole.Store(false)
		require.NoError(t, s.Heartbeat(t.Context(), peer.ID, ttl, peerstore.Stats{}))
		require.NoError(t, s.Heartbeat(t.Context(), peer.ID, ttl, peerstore.Stats{}))
	}
}
