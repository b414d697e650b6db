package peerstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

// A world is a cluster in virtual time: a fake database, servers with real Heartbeaters and Lists, and a network that breaks on
// command. It must be made inside a synctest bubble.
type world struct {
	t      *testing.T
	db     *peerstoretest.Fake
	naive  *naiveReader
	mu     sync.Mutex
	byBase map[string]*server
	cut    map[[2]string]bool // pairs of base URLs whose HTTP path is cut
	all    []*server

	emptyUntil time.Time // until then, reads find an empty table
}

// A server is one process.
type server struct {
	w      *world
	name   string
	url    string
	path   *peerstoretest.Path
	hb     *peerstore.Heartbeater
	list   *peerstore.List
	cancel context.CancelFunc
	done   chan struct{}

	// Guarded by world.mu.
	froze      chan struct{} // not nil: SIGSTOP; closed by SIGCONT
	dead       bool
	minServing int
	removed    []string // addresses that ever left its peers
}

type option func(*peerstore.HeartbeaterConfig, *peerstore.ListConfig)

func withCache(dir string) option {
	return func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) { l.Cache = peerstore.NewDiskCache(dir) }
}

func withFaults(f peerstore.Faults) option {
	return func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) { l.Faults = f }
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, db: peerstoretest.NewFake(), byBase: make(map[string]*server), cut: make(map[[2]string]bool)}
	t.Cleanup(func() {
		for _, s := range w.all {
			s.kill()
		}
		if w.naive != nil {
			w.naive.stop()
		}
		synctest.Wait()
	})
	return w
}

// cluster starts n servers and lets them find each other.
func (w *world) cluster(n int, opts ...option) []*server {
	servers := make([]*server, n)
	for i := range servers {
		servers[i] = w.start(fmt.Sprintf("s%d", i+1), "", opts...)
	}
	time.Sleep(5 * time.Second)
	for _, s := range servers {
		require.Len(w.t, s.list.Serving(), n, s.name)
		s.watchLists()
	}
	return servers
}

// start starts a server process at a URL, by default one of its own.
func (w *world) start(name, url string, opts ...option) *server {
	if url == "" {
		url = "http://" + name + ":8761/eureka/"
	}
	s := &server{w: w, name: name, url: url, path: w.db.NewPath(), done: make(chan struct{})}
	random := rand.New(rand.NewPCG(uint64(len(w.all)), 1))
	var mu sync.Mutex
	chance := func() float64 { mu.Lock(); defer mu.Unlock(); return random.Float64() }
	hc := peerstore.HeartbeaterConfig{
		Store: s.path, Prober: prober{s}, Rand: chance,
		Peer: peerstore.Peer{Cluster: "test", Region: "default", Zone: "defaultZone", Addresses: peerstore.Addresses{Eureka: url}},
	}
	lc := peerstore.ListConfig{Store: s.path, Cluster: "test", Prober: prober{s}, Announcer: announcer{s}, Rand: chance}
	for _, o := range opts {
		o(&hc, &lc)
	}
	hc.Store = freezer{s, hc.Store}
	if lc.Store != nil {
		lc.Store = freezer{s, lc.Store}
	}
	hc.Servers = func() int { return len(s.list.Peers()) + 1 }
	s.hb = peerstore.NewHeartbeater(hc)
	lc.Self = s.hb.Self
	s.list = peerstore.NewList(lc)
	w.mu.Lock()
	w.byBase[peerstore.BaseURL(url)] = s
	w.mu.Unlock()
	w.all = append(w.all, s)

	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	var loops sync.WaitGroup
	loops.Go(func() { _ = s.hb.Run(ctx) })
	loops.Go(func() { _ = s.list.Run(ctx) })
	loops.Go(func() { // a server serves when it is registered or its list has settled
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.hb.Registered():
			case <-time.After(100 * time.Millisecond):
				if !s.list.Settled() {
					continue
				}
			}
			s.hb.SetPhase(peerstore.PhaseServing, "")
			s.list.Refresh()
			return
		}
	})
	go func() { loops.Wait(); close(s.done) }()
	return s
}

// kill is kill -9: nothing is said, the port is closed.
func (s *server) kill() {
	s.w.mu.Lock()
	gone := s.dead
	s.dead = true
	if s.w.byBase[peerstore.BaseURL(s.url)] == s {
		delete(s.w.byBase, peerstore.BaseURL(s.url))
	}
	s.w.mu.Unlock()
	if gone {
		return
	}
	s.thaw()
	s.path.SetCut(true)
	s.cancel()
	<-s.done
}

// stop is SIGTERM without a drain.
func (s *server) stop() {
	s.cancel()
	<-s.done
	s.kill()
}

// freeze is SIGSTOP as far as others and its own calls can tell; thaw is SIGCONT.
func (s *server) freeze() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.froze = make(chan struct{})
}

func (s *server) thaw() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.froze != nil {
		close(s.froze)
		s.froze = nil
	}
}

// stopped waits out a freeze, as a stopped process would: without looking at any deadline.
func (s *server) stopped() {
	s.w.mu.Lock()
	froze := s.froze
	s.w.mu.Unlock()
	if froze != nil {
		<-froze
	}
}

// watchLists records the worst that this server's lists go through.
func (s *server) watchLists() {
	s.w.mu.Lock()
	s.minServing = len(s.list.Serving())
	s.w.mu.Unlock()
	go func() {
		before := s.list.Peers()
		for {
			changed := s.list.Changed()
			peers, serving := s.list.Peers(), s.list.Serving()
			s.w.mu.Lock()
			s.minServing = min(s.minServing, len(serving))
			for _, p := range before {
				if !slices.ContainsFunc(peers, func(q peerstore.Peer) bool { return q.Addresses == p.Addresses }) {
					s.removed = append(s.removed, p.Addresses.Eureka)
				}
			}
			before = peers
			s.w.mu.Unlock()
			select {
			case <-changed:
			case <-s.done:
				return
			}
		}
	}()
}

// removals are the addresses that ever left this server's peers.
func (s *server) removals() []string {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return slices.Clone(s.removed)
}

// worst is the shortest list that this server ever told its clients.
func (s *server) worst() int {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.minServing
}

func (s *server) lists(url string) bool  { return contains(s.list.Peers(), url) }
func (s *server) serves(url string) bool { return contains(s.list.Serving(), url) }

func contains(peers []peerstore.Peer, url string) bool {
	return slices.ContainsFunc(peers, func(p peerstore.Peer) bool { return p.Addresses.Eureka == url })
}

// within waits until the condition holds, at most for limit, and returns how long it took.
func (w *world) within(limit time.Duration, what string, holds func() bool) time.Duration {
	w.t.Helper()
	start := time.Now()
	for !holds() {
		require.Less(w.t, time.Since(start), limit, what)
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(start)
}

// everywhere tells whether a predicate holds on all living servers but those excepted.
func (w *world) everywhere(holds func(*server) bool, except ...*server) bool {
	for _, s := range w.all {
		if !s.dead && !slices.Contains(except, s) && !holds(s) {
			return false
		}
	}
	return true
}

// prober is one server's view of the network.
type prober struct{ from *server }

func (p prober) Probe(ctx context.Context, base string) (peerstore.Identity, error) {
	w := p.from.w
	p.from.stopped()
	time.Sleep(time.Millisecond)
	w.mu.Lock()
	to, here := w.byBase[base], peerstore.BaseURL(p.from.url)
	cut := w.cut[[2]string{here, base}] || w.cut[[2]string{base, here}]
	frozen := to != nil && to.froze != nil
	w.mu.Unlock()
	switch {
	case cut || frozen:
		<-ctx.Done()
		return peerstore.Identity{}, ctx.Err()
	case to == nil:
		return peerstore.Identity{}, fmt.Errorf("dial %s: %w", base, syscall.ECONNREFUSED)
	}
	return peerstore.IdentityOf(to.hb.Self(), to.list.ClusterUUID()), nil
}

// announcer delivers announcements without HTTP: whoever is reached believes the sender.
type announcer struct{ from *server }

func (a announcer) Announce(ctx context.Context, base, to string, ann peerstore.Announcement) (peerstore.AnnounceAnswer, error) {
	id, err := prober(a).Probe(ctx, base)
	if err != nil {
		return peerstore.AnnounceAnswer{}, err
	}
	if id.PeerID != to {
		return peerstore.AnnounceAnswer{}, peerstore.ErrNotForMe
	}
	a.from.w.mu.Lock()
	s := a.from.w.byBase[base]
	a.from.w.mu.Unlock()
	return s.list.Announce(peerstore.Caller{PeerID: ann.Peer.ID, Epoch: ann.Peer.Epoch}, ann)
}

// freezer stops a server's calls to the store while it is frozen, before and after the call.
type freezer struct {
	s *server
	peerstore.Store
}

func (f freezer) Register(ctx context.Context, p peerstore.Peer, ttl time.Duration) (peerstore.Registration, error) {
	f.s.stopped()
	defer f.s.stopped()
	return f.Store.Register(ctx, p, ttl)
}

func (f freezer) Heartbeat(ctx context.Context, id string, ttl time.Duration, s peerstore.Stats) error {
	f.s.stopped()
	defer f.s.stopped()
	return f.Store.Heartbeat(ctx, id, ttl, s)
}

func (f freezer) Rows(ctx context.Context, cluster string) (peerstore.View, error) {
	f.s.stopped()
	defer f.s.stopped()
	f.s.w.mu.Lock()
	empty := time.Now().Before(f.s.w.emptyUntil)
	f.s.w.mu.Unlock()
	if empty {
		return peerstore.View{}, nil
	}
	return f.Store.Rows(ctx, cluster)
}

func (f freezer) DeclareOutage(ctx context.Context, id string, grace time.Duration) (bool, error) {
	f.s.stopped()
	defer f.s.stopped()
	return f.Store.DeclareOutage(ctx, id, grace)
}

// A naiveReader polls beside the real lists and counts live servers that the naive evaluation would have removed.
type naiveReader struct {
	mu    sync.Mutex
	wrong int
	stop  func()
}

// control starts the control group for these servers, which the test will not harm.
func (w *world) control(live ...*server) *naiveReader {
	ctx, cancel := context.WithCancel(context.Background())
	n := &naiveReader{}
	ended := make(chan struct{})
	n.stop = sync.OnceFunc(func() { cancel(); <-ended })
	w.naive = n
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			call, done := context.WithTimeout(ctx, time.Second)
			view, err := w.db.Rows(call, "test")
			done()
			if err == nil {
				ids := peerstoretest.Naive(view)
				n.mu.Lock()
				for _, s := range live {
					if !slices.Contains(ids, s.hb.Self().ID) {
						n.wrong++
					}
				}
				n.mu.Unlock()
			}
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
	return n
}

// failed asserts that the control group did harm: the fault was real.
func (n *naiveReader) failed(t *testing.T) {
	t.Helper()
	n.stop()
	require.Positive(t, n.wrong, "the naive evaluation survived: the fault was not injected")
}

// switched is a store whose reads go elsewhere from some moment on, as through a proxy that leads to a former primary.
type switched struct {
	peerstore.Store
	other *peerstoretest.Fake
	after time.Time
}

func (s *switched) Rows(ctx context.Context, cluster string) (peerstore.View, error) {
	if time.Now().After(s.after) {
		return s.other.Rows(ctx, cluster)
	}
	return s.Store.Rows(ctx, cluster)
}
