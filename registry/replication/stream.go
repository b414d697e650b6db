package replication

import (
	"context"
	"errors"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

const (
	// notAppliedWait is how soon a sender comes back to a peer that has not copied everything yet.
	notAppliedWait = 100 * time.Millisecond
	// pumpInterval is how often changes are taken from the feed while a call is under way.
	pumpInterval = 100 * time.Millisecond
)

var errOverflow = errors.New("the peer is too slow: more changes wait than fit")

// A stream is one opening of a sender's stream. One goroutine owns it.
type stream struct {
	s       *sender
	self    string // our peer id at the opening
	number  uint64
	next    uint64 // sequence number
	opened  bool
	cursor  *cursor
	queue   *queue
	lost    bool       // changes that did not fit: only a new stream can make up for them
	fault   *overtaken // nil but under Faults.Unordered
	batch   []fed      // reused
	body    []byte     // reused
	leases  []leased   // still to be told
	leasing bool       // the last piece of them has not been sent

	copies    copies
	digestDue time.Time // zero: as soon as possible
	composed  time.Time // when the call under way was composed, or the next one was begun to be
	answered  time.Time // when the last answer came
	applied   bool      // the peer has copied us
	more      bool      // it has more to ask
	flushing  []chan<- struct{}
}

// leased is a lease as it was when the stream opened.
type leased struct {
	key     registry.Key
	version registry.Version
	renewed time.Time
}

func newStream(s *sender) *stream {
	st := &stream{s: s, number: s.number(), cursor: s.feed.follow(), queue: newQueue(s.cfg.MaxQueue)}
	if s.cfg.Faults.Unordered {
		st.fault = newOvertaken(s.cfg.Rand)
	}
	return st
}

func (st *stream) close() {
	st.cursor.close()
	for _, done := range st.flushing {
		close(done)
	}
}

// run opens the stream and serves it until something ends it.
func (st *stream) run(ctx context.Context) error {
	st.self, st.composed = st.s.cfg.Self().PeerID, st.s.cfg.Now()
	// The first call carries nothing. Its answer proves that the peer is the one meant, and is the moment from which it counts
	// how old the rest can be.
	if err := st.call(ctx, nil, false); err != nil {
		return err
	}
	st.opened = true
	st.s.opened()
	// The cursor stands before this look at the leases, so nothing falls between.
	now := st.s.cfg.Now()
	st.leasing = true
	st.s.cfg.Registry.Ages(func(k registry.Key, v registry.Version, age time.Duration) bool {
		st.leases = append(st.leases, leased{k, v, now.Add(-age)})
		return true
	})
	for {
		// Before the feed is read: what was heard by now is in the feed.
		st.composed = st.s.cfg.Now()
		if err := st.pump(); err != nil {
			return err
		}
		if st.s.cfg.Self().PeerID != st.self {
			return errReset
		}
		st.flushing = append(st.flushing, st.s.takeFlush()...)
		frames, drained := st.compose()
		if err := st.call(ctx, frames, drained); err != nil {
			return err
		}
		if drained {
			for _, done := range st.flushing {
				close(done)
			}
			st.flushing = nil
		}
		if err := st.idle(ctx); err != nil {
			return err
		}
	}
}

// pump moves what the feed holds into the queue.
func (st *stream) pump() error {
	changes, complete := st.cursor.read(st.batch[:0])
	st.batch = changes[:0]
	if !complete && !st.lost {
		st.lost = true
		st.s.totals.Overflows.Add(1)
	}
	if st.lost {
		return errOverflow
	}
	for _, c := range changes {
		x := queued{Key: c.Key, Content: c.Kind != registry.LeaseRenewed, Version: c.Version, Since: c.at, Renewed: c.at}
		if st.fault != nil && st.fault.keep(x, c.at) {
			continue
		}
		if err := st.enqueue(x); err != nil {
			return err
		}
	}
	if st.fault != nil {
		for _, x := range st.fault.release(st.s.cfg.Now()) {
			if err := st.enqueue(x); err != nil {
				return err
			}
		}
	}
	s := st.s
	s.mu.Lock()
	s.queue, s.oldest = st.queue.len(), st.queue.oldest()
	s.mu.Unlock()
	return nil
}

func (st *stream) enqueue(x queued) error {
	if st.queue.push(x) {
		return nil
	}
	st.lost = true
	st.s.totals.Overflows.Add(1)
	return errOverflow
}

// idle waits until there is something to send, or until a keepalive is due.
func (st *stream) idle(ctx context.Context) error {
	for {
		if err := st.pump(); err != nil {
			return err
		}
		d := st.due()
		if d <= 0 {
			return nil
		}
		// With renewals waiting already, only content ends the wait early.
		news := st.cursor.wait(st.queue.len() > 0)
		t := time.NewTimer(d)
		select {
		case <-news:
		case <-t.C:
		case <-st.s.urge:
			t.Stop()
			return nil
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		t.Stop()
	}
}

// due is how long the next call may wait.
func (st *stream) due() time.Duration {
	if st.leasing || st.more || st.copies.pending() || st.queue.content > 0 || len(st.flushing) > 0 {
		return 0
	}
	now := st.s.cfg.Now()
	d := st.answered.Add(st.s.cfg.Keepalive).Sub(now)
	if !st.applied {
		d = min(d, st.answered.Add(notAppliedWait).Sub(now))
	}
	d = min(d, st.digestDue.Sub(now))
	if st.queue.len() > 0 {
		d = min(d, st.queue.oldest().Add(st.s.cfg.RenewalDelay).Sub(now))
	}
	return d
}
