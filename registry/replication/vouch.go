package replication

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

const (
	maxPending     = 10_000                 // instances that wait to be asked about
	vouchGather    = 100 * time.Millisecond // questions of one eviction scan go together
	vouchInterval  = time.Second            // between two rounds
	testimonyValid = 5 * time.Second
	maxWitnesses   = 3 // asked in one round, drawn at random
)

// vouching asks heard peers about instances whose lease is over here, in place of the servers that are not heard here. The
// registry asks again at every scan for evictions; what it learns is that a fresh answer is there, or not yet.
type vouching struct {
	now func() time.Time

	mu          sync.Mutex
	pending     map[registry.Key]verdict
	testimonies map[registry.Key]testified
	wake        chan struct{}
}

// verdict is what the registry is about to do: evict this version, whose lease was over at end.
type verdict struct {
	version registry.Version
	end     time.Time
}

func (d verdict) equal(o verdict) bool { return d.version == o.version && d.end.Equal(o.end) }

// testified are the servers in whose place somebody vouched for a verdict.
type testified struct {
	verdict
	at      time.Time
	servers []string
}

func newVouching(now func() time.Time) *vouching {
	return &vouching{now: now, pending: make(map[registry.Key]verdict), testimonies: make(map[registry.Key]testified), wake: make(chan struct{}, 1)}
}

// vouched reports whether there is fresh testimony for every missing server; if not, it will be asked for.
func (w *vouching) vouched(k registry.Key, v registry.Version, end time.Time, missing []string) bool {
	d := verdict{v, end}
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.testimonies[k]
	if ok && t.equal(d) && w.now().Sub(t.at) <= testimonyValid && containsAll(t.servers, missing) {
		return true
	}
	if len(missing) == 0 {
		return true
	}
	if _, ok := w.pending[k]; !ok && len(w.pending) >= maxPending {
		return false
	}
	w.pending[k] = d
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return false
}

func containsAll(have, want []string) bool {
	for _, x := range want {
		if !slices.Contains(have, x) {
			return false
		}
	}
	return true
}

// take removes from what is pending as many verdicts as one question holds, and forgets old testimony.
func (w *vouching) take() map[registry.Key]verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for k, t := range w.testimonies {
		if now.Sub(t.at) > testimonyValid {
			delete(w.testimonies, k)
		}
	}
	batch := make(map[registry.Key]verdict, min(len(w.pending), maxAsk))
	size := 0
	for k, d := range w.pending {
		if size += len(k.App) + len(k.ID); len(batch) == maxAsk || size > softBody && len(batch) > 0 {
			select {
			case w.wake <- struct{}{}:
			default:
			}
			break
		}
		batch[k] = d
		delete(w.pending, k)
	}
	return batch
}

// add notes that somebody vouched in place of servers.
func (w *vouching) add(k registry.Key, d verdict, servers []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	t, ok := w.testimonies[k]
	if !ok || !t.equal(d) || now.Sub(t.at) > testimonyValid {
		t = testified{verdict: d, at: now}
	}
	for _, id := range servers {
		if !slices.Contains(t.servers, id) {
			t.servers = append(slices.Clip(t.servers), id)
		}
	}
	w.testimonies[k] = t
}

// runVouching asks until ctx ends.
func (r *Replicator) runVouching(ctx context.Context) {
	for {
		select {
		case <-r.vouching.wake:
		case <-ctx.Done():
			return
		}
		if !sleep(ctx, vouchGather) {
			return
		}
		r.ask(ctx, r.vouching.take())
		if !sleep(ctx, vouchInterval-vouchGather) {
			return
		}
	}
}

// ask puts one batch to a few of the peers that are heard, at the same time.
func (r *Replicator) ask(ctx context.Context, batch map[registry.Key]verdict) {
	var latest time.Time
	q := question{}
	now := r.cfg.Now()
	for k, d := range batch {
		if d.end.After(latest) {
			latest = d.end
		}
		q.Asked = append(q.Asked, asked{Key: k, Version: d.version, Ended: now.Sub(d.end)})
	}
	missing, ok := r.hearing.missing(latest)
	if !ok || len(missing) == 0 || len(q.Asked) == 0 {
		return
	}
	q.Missing = missing[:min(len(missing), maxList)]
	witnesses := r.hearing.hearsNow()
	for i := range witnesses { // shuffle
		j := i + int(r.cfg.Rand()*float64(len(witnesses)-i))
		witnesses[i], witnesses[j] = witnesses[j], witnesses[i]
	}
	var wg sync.WaitGroup
	for _, id := range witnesses[:min(len(witnesses), maxWitnesses)] {
		s := r.sender(id)
		if s == nil {
			continue
		}
		wg.Go(func() {
			t, err := s.vouch(ctx, q)
			if err == nil {
				r.weigh(q, batch, s.peer.Epoch, t)
			}
		})
	}
	wg.Wait()
}

// weigh takes a testimony. A lease that lives on at the witness lives on here too; one that is over there, or gone, speaks for the
// servers that the witness had heard by the time it was over, or hears.
func (r *Replicator) weigh(q question, batch map[registry.Key]verdict, epoch int64, t testimony) {
	for i, a := range t.Answers {
		k, v := q.Asked[i].Key, q.Asked[i].Version
		if a.State == registry.Alive || a.State == registry.SameAndOver {
			r.cfg.Registry.MergeRenewal(epoch, k, v, a.Age, true)
		}
		var servers []string
		for j, heard := range t.Heard {
			if heard >= 0 && (a.State == registry.Gone || a.State == registry.SameAndOver && heard <= a.Ended) {
				servers = append(servers, q.Missing[j])
			}
		}
		if len(servers) > 0 {
			r.vouching.add(k, batch[k], servers)
		}
	}
}

// testify answers a question of a peer.
func (r *Replicator) testify(q question) testimony {
	// In this order: what had been heard before the leases are looked at is in them, and ages counted from before are no
	// younger than they say.
	now := r.cfg.Now()
	t := testimony{Answers: make([]witnessed, 0, len(q.Asked))}
	for _, id := range q.Missing {
		t.Heard = append(t.Heard, r.hearing.witness(id))
	}
	for _, a := range q.Asked {
		w := r.cfg.Registry.Witness(a.Key, a.Version, now.Add(-a.Ended))
		x := witnessed{State: w.State, Age: w.Age}
		if w.State == registry.SameAndOver {
			x.Ended = max(0, now.Sub(w.End))
		}
		t.Answers = append(t.Answers, x)
	}
	return t
}

// sleep waits; false means that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
