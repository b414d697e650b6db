package replication

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

const (
	// After an error a peer is asked again after a wait between these, doubled each time and jittered; a call of the peer ends it.
	firstRouteRetry = 250 * time.Millisecond
	lastRouteRetry  = 5 * time.Second
	// emptyPause is the wait after answers without news that were not held back, as of a peer that is shutting down.
	emptyPause = 250 * time.Millisecond
)

// A puller asks one incarnation of one peer for its routes.
type puller struct {
	r      *Routes
	id     string
	url    string
	log    *slog.Logger
	cancel context.CancelFunc
	ended  chan struct{}
	awake  chan struct{} // ends a wait

	// Of the goroutine of run alone.
	feed, cursor uint64
	copying      bool // a full copy is under way
	retry        time.Duration
	empty        int // answers in a row that told nothing at once

	mu        sync.Mutex
	peer      peerstore.Peer
	heard     bool      // its feed reaches us
	since     time.Time // of heard
	copied    bool      // all that it had at some time has arrived
	anew      bool      // forget the cursor
	agreement agreement
	err       error
}

func newPuller(r *Routes, peer peerstore.Peer, cancel context.CancelFunc) *puller {
	return &puller{
		r: r, id: peer.ID, url: peer.BaseURL(), log: r.cfg.Log.With("peer", peer.ID, "url", peer.BaseURL()), cancel: cancel,
		ended: make(chan struct{}), awake: make(chan struct{}, 1), retry: firstRouteRetry, peer: peer, since: r.cfg.Now(),
	}
}

// run asks until ctx ends. A peer that nobody asks any more is not heard.
func (p *puller) run(ctx context.Context) {
	cfg := &p.r.cfg
	for ctx.Err() == nil {
		began := cfg.Now()
		q := p.question()
		a, err := p.ask(ctx, q)
		if err == nil {
			err = p.take(q, &a)
		}
		var pause time.Duration
		switch {
		case ctx.Err() != nil:
		case err != nil:
			p.failed(err)
			pause = time.Duration(float64(p.retry) * (0.5 + cfg.Rand()/2))
			p.retry = min(2*p.retry, lastRouteRetry)
		default:
			p.retry = firstRouteRetry
			if p.hasty(&a, cfg.Now().Sub(began) >= q.Wait/2) {
				pause = min(emptyPause, q.Wait)
			}
		}
		if pause > 0 && !p.rest(ctx, pause) {
			break
		}
	}
	p.setHeard(false)
}

// hasty reports whether this is not the first answer in a row that tells nothing and was not held back.
func (p *puller) hasty(a *routeAnswer, held bool) bool {
	if held || a.More || len(a.Items) > 0 {
		p.empty = 0
		return false
	}
	p.empty++
	return p.empty > 1
}

// rest waits, shorter if the peer calls. It is false if ctx ended.
func (p *puller) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.awake:
	case <-ctx.Done():
		return false
	}
	return true
}

// question says what to ask next.
func (p *puller) question() routeCall {
	hears := p.r.askable()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.anew {
		p.anew, p.feed, p.cursor = false, 0, 0
	}
	return routeCall{
		Feed: p.feed, Cursor: p.cursor, Wait: p.agreement.within(p.r.cfg.Keepalive), Compare: p.agreement.due(p.r.cfg.Now()), Hears: hears,
	}
}

// take inherits what an answer brings.
func (p *puller) take(q routeCall, a *routeAnswer) error {
	cfg := &p.r.cfg
	switch {
	case a.Reset:
		p.copying = true
	case a.Feed != q.Feed || a.Next < q.Cursor:
		return fmt.Errorf("%w: feed %d at %d does not continue %d at %d", errWire, a.Feed, a.Next, q.Feed, q.Cursor)
	}
	if cfg.Faults.Lossy && !p.copying {
		a.Items = lose(a.Items, cfg.Rand)
	}
	p.feed, p.cursor = a.Feed, a.Next
	complete := p.copying && !a.More
	now := cfg.Now()
	p.setHeard(true)
	if !cfg.Table.Inherit(p.id, a.Items, a.Reset, complete, now) && !p.copying {
		p.unknown(now)
	}
	p.r.totals.Received.Add(uint64(len(a.Items)))
	if complete {
		p.copying = false
		p.r.totals.Copies.Add(1)
	}
	if a.Compare {
		p.compared(a.Digest, cfg.Table.Digest(), now)
	}
	p.answered(complete, len(a.Items) > 0 && !a.Compare)
	return nil
}

// lose is what RouteFaults.Lossy does.
func lose(items []routeinfo.Item, rand func() float64) []routeinfo.Item {
	kept := items[:0]
	for _, x := range items {
		if rand() < 0.5 {
			kept = append(kept, x)
		}
	}
	return kept
}

// ask puts one question to the peer.
func (p *puller) ask(ctx context.Context, q routeCall) (routeAnswer, error) {
	cfg := &p.r.cfg
	ctx, cancel := context.WithTimeout(ctx, cfg.Silence)
	defer cancel()
	body, err := exchange(ctx, cfg.Transport, cfg.Signer, p.id, p.url+RoutesPath, appendRouteCall(nil, q), maxRouteBody)
	if err != nil {
		return routeAnswer{}, err
	}
	return decodeRouteAnswer(body)
}
