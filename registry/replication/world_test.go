package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// A world is some servers that replicate to each other over net/http and net.Pipe, in virtual time. Links can be cut, in one
// direction, or made slow; answers can be lost; servers can be killed, frozen out of the list and started again.
type world struct {
	t       *testing.T
	options func(*Config)
	lease   int // seconds

	mu      sync.Mutex
	rand    *rand.Rand
	nodes   map[string]*node // by host, running ones
	epochs  int64
	cut     map[[2]string]bool
	slow    map[[2]string]time.Duration
	lose    float64       // share of the answers that are lost
	healed  chan struct{} // closed whenever a link changes
	changed chan struct{} // closed whenever the list changes
}

// node is one incarnation of one server.
type node struct {
	w     *world
	host  string
	peer  peerstore.Peer
	reg   *registry.Registry
	rep   *Replicator
	sign  *peerstore.Signer
	conns chan net.Conn
	ended chan struct{} // its listener is closed
	end   sync.Once
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func newWorld(t *testing.T, seed uint64, options func(*Config)) *world {
	return &world{
		t: t, options: options, lease: 90, rand: rand.New(rand.NewPCG(seed, 1)), nodes: map[string]*node{}, cut: map[[2]string]bool{},
		slow: map[[2]string]time.Duration{}, healed: make(chan struct{}), changed: make(chan struct{}),
	}
}

func (w *world) float() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.Float64()
}

// start starts a server and lists it at all others at once.
func (w *world) start(host string) *node {
	w.mu.Lock()
	w.epochs++
	n := &node{
		w: w, host: host, conns: make(chan net.Conn), ended: make(chan struct{}), sign: peerstore.NewSigner([]byte("secret")),
		peer: peerstore.Peer{ID: fmt.Sprintf("%s-%d", host, w.epochs), Epoch: w.epochs, Phase: peerstore.PhaseServing, Addresses: peerstore.Addresses{Eureka: "http://" + host + ":8761/eureka/"}},
	}
	w.mu.Unlock()
	n.sign.SetSelf(peerstore.Caller{PeerID: n.peer.ID, Epoch: n.peer.Epoch})
	var err error
	n.reg, err = registry.New(registry.Config{
		Epoch: n.peer.Epoch, Preserve: registry.Off, Rand: rand.New(rand.NewPCG(uint64(n.peer.Epoch), 2)),
		OnChange: func(c registry.Change) { n.rep.Enqueue(c) },
		OnPause:  func(gap time.Duration) { n.rep.Paused(gap) },
	})
	require.NoError(w.t, err)
	cfg := Config{
		Registry: n.reg, Self: func() peerstore.Identity { return peerstore.IdentityOf(n.peer, "uuid") }, Peers: n.others, Changed: w.listChanged,
		Signer: n.sign, Transport: n.transport(), Rand: w.float,
	}
	if w.options != nil {
		w.options(&cfg)
	}
	n.rep, err = New(cfg)
	require.NoError(w.t, err)
	n.reg.SetHearing(n.rep.Hearing())

	ctx, stop := context.WithCancel(w.t.Context())
	server := &http.Server{Handler: n, BaseContext: func(net.Listener) context.Context { return ctx }}
	n.stop = func() { stop(); server.Close() }
	n.done.Go(func() { server.Serve(n) })
	n.done.Go(func() { n.reg.Run(ctx) })
	n.done.Go(func() { n.rep.Run(ctx) })
	w.mu.Lock()
	w.nodes[host] = n
	w.mu.Unlock()
	w.relist()
	return n
}

// kill ends a server at once; the others' lists lose it after a delay.
func (w *world) kill(n *node, listed time.Duration) {
	n.stop()
	n.done.Wait()
	time.Sleep(listed)
	w.mu.Lock()
	if w.nodes[n.host] == n {
		delete(w.nodes, n.host)
	}
	w.mu.Unlock()
	w.relist()
}

func (w *world) stopAll() {
	for _, n := range w.running() {
		n.stop()
		n.done.Wait()
	}
}

func (w *world) running() []*node {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*node
	for _, n := range w.nodes {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b *node) int { return int(a.peer.Epoch - b.peer.Epoch) })
	return list
}

func (w *world) relist() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) listChanged() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

func (n *node) others() []peerstore.Peer {
	var list []peerstore.Peer
	for _, o := range n.w.running() {
		if o.host != n.host {
			list = append(list, o.peer)
		}
	}
	return list
}

// setCut stops or restores what travels from one host to another.
func (w *world) setCut(from, to string, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[[2]string{from, to}] = on
	close(w.healed)
	w.healed = make(chan struct{})
}

func (w *world) setSlow(from, to string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow[[2]string{from, to}] = d
}

// setLose sets the share of the answers that are lost after the call was served.
func (w *world) setLose(share float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = share
}

func (w *world) loses() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lose > 0 && w.rand.Float64() < w.lose
}

// link tells whether a link is cut, when to ask again, and how slow it is.
func (w *world) link(from, to string) (bool, <-chan struct{}, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[[2]string{from, to}], w.healed, time.Millisecond + w.slow[[2]string{from, to}]
}

// Accept, Close and Addr make a node the listener of its own server.
func (n *node) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.ended:
		return nil, net.ErrClosed
	}
}

func (n *node) Close() error {
	n.end.Do(func() { close(n.ended) })
	return nil
}

func (n *node) Addr() net.Addr { return &net.TCPAddr{} }

// ServeHTTP does what httpapi does: bound the body, verify the signature, hand over.
func (n *node) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, req.Body, 16<<20))
	if err != nil {
		rw.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	from, err := n.sign.Verify(req, body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusUnauthorized)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	switch req.URL.Path {
	case StreamPath:
		n.rep.ServeStream(rw, req, from)
	case VouchPath:
		n.rep.ServeVouch(rw, req, from)
	default:
		rw.WriteHeader(http.StatusNotFound)
	}
}

// transport is a node's way out. An answer may be lost after the call was served.
func (n *node) transport() http.RoundTripper {
	t := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if err := n.w.pass(ctx.Done(), n.host, host); err != nil {
			return nil, err
		}
		n.w.mu.Lock()
		to := n.w.nodes[host]
		n.w.mu.Unlock()
		if to == nil {
			return nil, syscall.ECONNREFUSED
		}
		near, far := net.Pipe()
		closed := make(chan struct{})
		var once sync.Once
		end := func() { once.Do(func() { close(closed) }) }
		select {
		case to.conns <- &linked{far, n.w, host, n.host, closed, end}:
			return &linked{near, n.w, n.host, host, closed, end}, nil
		case <-to.ended:
			return nil, syscall.ECONNREFUSED
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	n.w.t.Cleanup(t.CloseIdleConnections)
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		res, err := t.RoundTrip(req)
		if err == nil && n.w.loses() {
			res.Body.Close()
			return nil, errors.New("connection reset")
		}
		return res, err
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// pass waits while a link is cut, then as long as it is slow.
func (w *world) pass(done <-chan struct{}, from, to string) error {
	for {
		cut, healed, slow := w.link(from, to)
		if !cut {
			t := time.NewTimer(slow)
			defer t.Stop()
			select {
			case <-t.C:
				return nil
			case <-done:
				return net.ErrClosed
			}
		}
		select {
		case <-healed:
		case <-done:
			return net.ErrClosed
		}
	}
}

// linked is one end of a connection; what it writes passes its link.
type linked struct {
	net.Conn
	w        *world
	from, to string
	closed   chan struct{} // either end
	end      func()
}

func (c *linked) Write(b []byte) (int, error) {
	if err := c.w.pass(c.closed, c.from, c.to); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *linked) Close() error {
	c.end()
	return c.Conn.Close()
}

// ---- clients ----

func (w *world) instance(app, id string, dirty int64) *eureka.Instance {
	return &eureka.Instance{
		InstanceID: id, HostName: "host", App: app, IPAddr: "10.0.0.1", Status: eureka.Up, Port: eureka.Port{Number: 8080, Enabled: true},
		DataCenterInfo: &eureka.DataCenterInfo{Name: "MyOwn"}, VIPAddress: app, LastDirtyTimestamp: dirty,
		LeaseInfo: eureka.LeaseInfo{RenewalIntervalInSecs: w.lease / 3, DurationInSecs: w.lease},
	}
}

func (n *node) register(app, id string, dirty int64) registry.Key {
	require.NoError(n.w.t, n.reg.Register(n.w.instance(app, id, dirty), registry.FromClient))
	return registry.Key{App: app, ID: id}
}

func (n *node) renew(k registry.Key, dirty int64) registry.RenewOutcome {
	return n.reg.Renew(k, registry.Renewal{Dirty: dirty, HasDirty: true}, registry.FromClient)
}

func (n *node) has(k registry.Key) bool {
	e, ok := n.reg.Entry(k)
	return ok && !e.Tombstone && !e.Version.IsZero()
}

// within waits for a condition in virtual time and fails if it does not come.
func (w *world) within(d time.Duration, what string, cond func() bool) time.Duration {
	w.t.Helper()
	start := time.Now()
	for !cond() {
		if time.Since(start) > d {
			for _, n := range w.running() {
				w.t.Logf("%s: digest %x, instances %d, %+v", n.peer.ID, n.reg.Digest(), n.reg.Stats().Instances, n.rep.Status())
			}
			require.FailNow(w.t, "not in time", "%s within %v", what, d)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(start)
}

// agree reports whether all running servers show the same.
func (w *world) agree() bool {
	nodes := w.running()
	for _, n := range nodes {
		if n.reg.Digest() != nodes[0].reg.Digest() {
			return false
		}
	}
	return true
}

func (w *world) synced() bool {
	for _, n := range w.running() {
		if !n.rep.Synced() {
			return false
		}
	}
	return true
}

func newPeer(id string) peerstore.Peer { return peerstore.Peer{ID: id, Epoch: 7} }
