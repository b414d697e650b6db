package replication

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// A Replicator copies changes between this server and its peers. It is safe for concurrent use.
type Replicator struct {
	cfg      Config
	feed     *feed
	hearing  *hearing
	vouching *vouching
	receiver *receiver
	java     []*javaSender
	totals   Totals
	streams  atomic.Uint64 // number of the newest stream

	mu      sync.Mutex
	senders map[string]*running // by peer id
}

// running is a sender with its goroutine.
type running struct {
	*sender
	cancel context.CancelFunc
	ended  chan struct{}
}

// New checks cfg and returns a Replicator that does nothing until Run.
func New(cfg Config) (*Replicator, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	r := &Replicator{cfg: cfg, feed: newFeed(), senders: make(map[string]*running)}
	r.hearing, r.vouching = newHearing(cfg), newVouching(cfg.Now)
	r.hearing.vouch = r.vouching
	r.receiver = newReceiver(&r.cfg, r.hearing, &r.totals, r.peerOpened)
	for _, raw := range cfg.JavaPeers {
		j, err := newJavaSender(&r.cfg, r.feed, &r.totals, r.hearing.synced, raw)
		if err != nil {
			return nil, err
		}
		r.java = append(r.java, j)
	}
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(newMetrics(r)); err != nil {
			return nil, fmt.Errorf("replication: register metrics: %w", err)
		}
	}
	return r, nil
}

// Enqueue takes a change of the registry to copy; it is registry.Config.OnChange. It costs the same for any number of peers and
// never blocks.
func (r *Replicator) Enqueue(c registry.Change) { r.feed.append(c, r.cfg.Now()) }

// Run keeps one stream to every listed peer, and batches to every Java server, until ctx ends. It returns nil then.
func (r *Replicator) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { r.runVouching(ctx) })
	for _, j := range r.java {
		wg.Go(func() { j.run(ctx) })
	}
	defer r.follow(ctx, nil)
	for {
		changed := r.cfg.Changed()
		r.follow(ctx, r.cfg.Peers())
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// follow starts a sender for every new peer and stops those of peers that are gone. A peer is one incarnation: a new one at the
// same address gets a new sender.
func (r *Replicator) follow(ctx context.Context, peers []peerstore.Peer) {
	if ctx.Err() == nil {
		r.hearing.list(peers)
		r.receiver.forget(func(id string) bool {
			return slices.ContainsFunc(peers, func(p peerstore.Peer) bool { return p.ID == id })
		})
	}
	r.mu.Lock()
	var gone []*running
	for id, s := range r.senders {
		if !slices.ContainsFunc(peers, func(p peerstore.Peer) bool { return p.ID == id && p.BaseURL() == s.url }) {
			s.cancel()
			gone = append(gone, s)
			delete(r.senders, id)
		}
	}
	for _, p := range peers {
		if _, ok := r.senders[p.ID]; ok || ctx.Err() != nil {
			continue
		}
		senderCtx, cancel := context.WithCancel(ctx)
		s := &running{sender: r.newSender(p), cancel: cancel, ended: make(chan struct{})}
		r.senders[p.ID] = s
		go func() {
			defer close(s.ended)
			s.run(senderCtx)
		}()
	}
	r.mu.Unlock()
	for _, s := range gone {
		<-s.ended
	}
}

// sender returns the sender to a listed peer, or nil.
func (r *Replicator) sender(id string) *sender {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.senders[id]; ok {
		return s.sender
	}
	return nil
}

// peerOpened is told when a peer opens its stream to us.
func (r *Replicator) peerOpened(id string) {
	if s := r.sender(id); s != nil {
		s.arrived()
	}
}

// Synced reports whether this server hears every listed peer and has copied each, at least one if any was ever listed, and whether
// each Java server was asked once for what it has. It is false until Run has read the list, and while it is about to follow a newer
// one: whoever waits for both might else see servers come to an empty list and take it for copied.
func (r *Replicator) Synced() bool {
	for _, p := range r.cfg.Peers() {
		if r.sender(p.ID) == nil {
			return false
		}
	}
	for _, j := range r.java {
		if !j.asked.Load() {
			return false
		}
	}
	return r.hearing.synced()
}

// SyncUp waits until Synced, or ctx ends with its error.
func (r *Replicator) SyncUp(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !r.Synced() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Flush waits until everything enqueued before has been answered by every peer with an open stream, and by every Java server that
// answers at all, or ctx ends. A peer that cannot be reached is not waited for: it will compare with the others.
func (r *Replicator) Flush(ctx context.Context) error {
	r.mu.Lock()
	var waiting []<-chan struct{}
	for _, s := range r.senders {
		waiting = append(waiting, s.flushed())
	}
	r.mu.Unlock()
	for _, j := range r.java {
		waiting = append(waiting, j.flushed())
	}
	for _, done := range waiting {
		if done == nil {
			continue
		}
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// errPaused ends every stream after a pause of this process.
var errPaused = errors.New("this process was paused")

// Paused tells that this process did not run for gap: streams in both directions are dropped, with what was buffered in them, and
// opened anew, which compares everything.
func (r *Replicator) Paused(gap time.Duration) {
	// In this order: a stream that opens between the two is refused at its next call and opened again. The other way round it
	// would go on, and never be heard.
	r.hearing.dropped(gap)
	r.receiver.drop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.senders {
		s.drop(errPaused)
	}
}

// Hearing tells the registry what its evictions may rest on.
func (r *Replicator) Hearing() registry.Hearing { return r.hearing }

// Totals returns the counters of this Replicator.
func (r *Replicator) Totals() *Totals { return &r.totals }

// Status tells about each listed peer, in the order of their ids, then about each Java server, for people, rows and metrics.
func (r *Replicator) Status() []PeerStatus {
	r.mu.Lock()
	var list []PeerStatus
	for _, s := range r.senders {
		list = append(list, s.status())
	}
	r.mu.Unlock()
	for i := range list {
		r.hearing.describe(&list[i])
		r.receiver.describe(&list[i])
	}
	slices.SortFunc(list, func(a, b PeerStatus) int { return cmp.Compare(a.ID, b.ID) })
	for _, j := range r.java {
		list = append(list, j.status())
	}
	return list
}
