package replication

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

const (
	// A stream that broke is opened again after a wait between these, doubled at each failure and jittered; a peer that calls us
	// ends the wait.
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Second
)

// errReset ends a stream that is opened again at once.
var errReset = errors.New("stream reset")

// A sender keeps a stream open to one incarnation of one peer.
type sender struct {
	cfg    *Config
	feed   *feed
	totals *Totals
	number func() uint64       // of the next stream
	copied func(peerID string) // told when the peer has copied us
	peer   peerstore.Peer
	url    string
	poke   chan struct{} // the peer is there: do not wait
	urge   chan struct{} // call at once: a flush waits, or the peer has begun anew
	log    *slog.Logger

	mu     sync.Mutex
	reset  context.CancelCauseFunc // ends the open stream
	open   bool
	queue  int
	oldest time.Time
	err    error
	flush  []chan<- struct{} // closed once what was enqueued before is answered
}

func (r *Replicator) newSender(p peerstore.Peer) *sender {
	return &sender{
		cfg: &r.cfg, feed: r.feed, totals: &r.totals,
		number: func() uint64 { return r.streams.Add(1) }, copied: r.receiver.checkSoon,
		peer: p, url: p.BaseURL(), poke: make(chan struct{}, 1), urge: make(chan struct{}, 1),
		log: r.cfg.Log.With("peer", p.ID, "url", p.BaseURL()),
	}
}

// run opens streams, one after the other, until ctx ends.
func (s *sender) run(ctx context.Context) {
	wait := firstRetry
	for ctx.Err() == nil {
		streamCtx, cancel := context.WithCancelCause(ctx)
		s.mu.Lock()
		s.reset = cancel
		s.mu.Unlock()
		st := newStream(s)
		err := st.run(streamCtx)
		if cause := context.Cause(streamCtx); cause != nil && ctx.Err() == nil {
			err = cause
		}
		cancel(nil)
		st.close()
		s.closed(err, st.opened, ctx.Err() != nil)
		if st.opened {
			wait = firstRetry
		}
		jittered := time.Duration(float64(wait) * (0.5 + s.cfg.Rand()/2))
		wait = min(2*wait, lastRetry)
		t := time.NewTimer(jittered)
		select {
		case <-t.C:
		case <-s.poke:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// opened tells that the stream is open.
func (s *sender) opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || !s.open {
		s.log.Info("copying to peer")
	}
	s.open, s.err = true, nil
	s.totals.Streams.Add(1)
}

// closed tells that it is not any more. Nobody waits for it longer: a new stream begins with a comparison.
func (s *sender) closed(err error, wasOpen, stopped bool) {
	if wasOpen && !stopped && !errors.Is(err, errReset) && s.cfg.Lost != nil {
		s.cfg.Lost(s.peer.ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, done := range s.flush {
		close(done)
	}
	s.flush, s.queue, s.oldest = nil, 0, time.Time{}
	if !stopped && (s.err == nil || wasOpen) {
		s.log.Warn("not copying to peer", "err", err)
	}
	s.open, s.err = false, err
}

// drop ends the open stream and has a new one opened at once.
func (s *sender) drop(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reset != nil {
		s.reset(cause)
	}
}

// arrived notes that the peer has opened a stream to us: it is there, so we need not wait; and if it dropped all streams, as after a
// pause, a call on ours finds that out now rather than at the next keepalive.
func (s *sender) arrived() {
	for _, ch := range []chan struct{}{s.poke, s.urge} {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// flushed returns a channel that is closed once everything enqueued so far was answered, or the stream closed; nil if none is open.
func (s *sender) flushed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil
	}
	done := make(chan struct{})
	s.flush = append(s.flush, done)
	select {
	case s.urge <- struct{}{}:
	default:
	}
	return done
}

// takeFlush takes over who waits for a flush.
func (s *sender) takeFlush() []chan<- struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.flush
	s.flush = nil
	return waiting
}
