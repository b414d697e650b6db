package peerstoretest

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// Register implements peerstore.Store.
func (p *Path) Register(ctx context.Context, peer peerstore.Peer, ttl time.Duration) (peerstore.Registration, error) {
	if peer.Cluster == "" || peer.ID == "" || peer.Addresses.Eureka == "" {
		return peerstore.Registration{}, errors.New("register: cluster, id and address are required")
	}
	return answer(ctx, p, func(s *state, now time.Time) (peerstore.Registration, error) { return s.register(peer, ttl, now) })
}

// Heartbeat implements peerstore.Store.
func (p *Path) Heartbeat(ctx context.Context, id string, ttl time.Duration, stats peerstore.Stats) error {
	return p.call(ctx, func(s *state, now time.Time) error { return s.heartbeat(id, ttl, stats, now) })
}

// SetPhase implements peerstore.Store.
func (p *Path) SetPhase(ctx context.Context, id string, phase peerstore.Phase, _ string) error {
	return p.call(ctx, func(s *state, now time.Time) error { return s.setPhase(id, phase, now) })
}

// SetNamesrvPhase implements peerstore.Store.
func (p *Path) SetNamesrvPhase(ctx context.Context, id string, phase peerstore.Phase) error {
	return p.call(ctx, func(s *state, _ time.Time) error { return s.setNamesrvPhase(id, phase) })
}

// Rows implements peerstore.Store.
func (p *Path) Rows(ctx context.Context, name string) (peerstore.View, error) {
	return answer(ctx, p, func(s *state, now time.Time) (peerstore.View, error) {
		return s.view(name, p.fake.timeline, now), nil
	})
}

// DeclareOutage implements peerstore.Store.
func (p *Path) DeclareOutage(ctx context.Context, id string, grace time.Duration) (bool, error) {
	return answer(ctx, p, func(s *state, now time.Time) (bool, error) { return s.declareOutage(id, grace, now), nil })
}

// Prune implements peerstore.Store.
func (p *Path) Prune(ctx context.Context, name string) (int, error) {
	return answer(ctx, p, func(s *state, now time.Time) (int, error) { return s.prune(name, now), nil })
}

// answer is Path.call for a call that answers something. What commits after the caller gave up must not touch the answer.
func answer[T any](ctx context.Context, p *Path, commit func(*state, time.Time) (T, error)) (T, error) {
	got := make(chan T, 1)
	err := p.call(ctx, func(s *state, now time.Time) error {
		v, err := commit(s, now)
		got <- v
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return <-got, nil
}

// A watcher is one listening connection.
type watcher struct {
	cluster string
	version int64
	wake    chan struct{} // capacity 1
	gone    chan struct{}
}

// notify wakes the watchers of clusters whose version moved. The lock is held.
func (f *Fake) notify() {
	for w := range f.watchers {
		c, ok := f.now.clusters[w.cluster]
		if !ok || c.version == w.version {
			continue
		}
		w.version = c.version
		select {
		case w.wake <- struct{}{}:
		default: // one is pending already
		}
	}
}

// dropWatchers breaks all listening connections. The lock is held.
func (f *Fake) dropWatchers() {
	for w := range maps.Keys(f.watchers) {
		close(w.gone)
		delete(f.watchers, w)
	}
}

// Watch implements peerstore.Store.
func (p *Path) Watch(ctx context.Context, name string, wake func()) error {
	if err := p.arrive(ctx); err != nil {
		return err
	}
	w := &watcher{cluster: name, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	f := p.fake
	f.mu.Lock()
	if c, ok := f.now.clusters[name]; ok {
		w.version = c.version
	}
	w.wake <- struct{}{} // listening has begun
	f.watchers[w] = struct{}{}
	changed := f.changed
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.watchers, w)
		f.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.gone:
			return ErrDown
		case <-changed:
			p.mu.Lock()
			cut := p.cut
			p.mu.Unlock()
			if cut {
				return ErrDown
			}
			f.mu.Lock()
			changed = f.changed
			f.mu.Unlock()
		case <-w.wake:
			p.mu.Lock()
			hole := p.hole
			p.mu.Unlock()
			if !hole && !f.isFrozen() {
				wake()
			}
		}
	}
}

func (f *Fake) isFrozen() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.frozen
}

// A Fake is a Store over a path without faults of its own.

// Register implements peerstore.Store.
func (f *Fake) Register(ctx context.Context, p peerstore.Peer, ttl time.Duration) (peerstore.Registration, error) {
	return f.NewPath().Register(ctx, p, ttl)
}

// Heartbeat implements peerstore.Store.
func (f *Fake) Heartbeat(ctx context.Context, id string, ttl time.Duration, s peerstore.Stats) error {
	return f.NewPath().Heartbeat(ctx, id, ttl, s)
}

// SetPhase implements peerstore.Store.
func (f *Fake) SetPhase(ctx context.Context, id string, phase peerstore.Phase, reason string) error {
	return f.NewPath().SetPhase(ctx, id, phase, reason)
}

// SetNamesrvPhase implements peerstore.Store.
func (f *Fake) SetNamesrvPhase(ctx context.Context, id string, phase peerstore.Phase) error {
	return f.NewPath().SetNamesrvPhase(ctx, id, phase)
}

// Rows implements peerstore.Store.
func (f *Fake) Rows(ctx context.Context, cluster string) (peerstore.View, error) {
	return f.NewPath().Rows(ctx, cluster)
}

// DeclareOutage implements peerstore.Store.
func (f *Fake) DeclareOutage(ctx context.Context, id string, grace time.Duration) (bool, error) {
	return f.NewPath().DeclareOutage(ctx, id, grace)
}

// Prune implements peerstore.Store.
func (f *Fake) Prune(ctx context.Context, cluster string) (int, error) {
	return f.NewPath().Prune(ctx, cluster)
}

// Watch implements peerstore.Store.
func (f *Fake) Watch(ctx context.Context, cluster string, wake func()) error {
	return f.NewPath().Watch(ctx, cluster, wake)
}
