package replication

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// maxSessions bounds the peers whose streams are remembered. A cluster is far smaller.
const maxSessions = 1024

// errGap is the answer to a call that does not continue its stream: the sender opens a new one.
var errGap = errors.New("not the continuation of an open stream")

// A receiver holds the sessions of all peers that send to us.
type receiver struct {
	cfg     *Config
	reg     *registry.Registry
	hearing *hearing
	totals  *Totals
	// opened is told when a peer opens a stream to us: it is there, so ours to it need not wait.
	opened func(peerID string)

	generation atomic.Uint64 // raised to close every session at once

	mu       sync.Mutex
	sessions map[string]*session
	turn     turn
}

// A session is the receiving end of the newest stream of one peer. Its lock is held while a call is applied, so that a call which
// is sent again waits for the answer of the first.
type session struct {
	peer string

	mu         sync.Mutex
	epoch      int64
	stream     uint64 // 0: none yet
	generation uint64
	next       uint64 // sequence number of the next call
	answer     []byte // to the one before
	answered   time.Time
	leased     bool // the ages of all leases have come
	applied    bool
	replies    replies
	comparison comparison
}

func newReceiver(cfg *Config, h *hearing, t *Totals, opened func(string)) *receiver {
	return &receiver{cfg: cfg, reg: cfg.Registry, hearing: h, totals: t, opened: opened, sessions: make(map[string]*session)}
}

// drop closes every session: what was under way, or buffered while this process did not run, is not applied any more.
func (v *receiver) drop() { v.generation.Add(1) }

// forget drops the sessions of peers that are not listed and have been silent for long.
func (v *receiver) forget(listed func(peerID string) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.cfg.Now()
	for id, s := range v.sessions {
		if listed(id) || !s.mu.TryLock() { // one in use is not silent
			continue
		}
		if now.Sub(s.answered) > 10*v.cfg.Silence {
			delete(v.sessions, id)
		}
		s.mu.Unlock()
	}
}

// session returns the session of a peer.
func (v *receiver) session(from peerstore.Caller) (*session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s, ok := v.sessions[from.PeerID]; ok {
		return s, nil
	}
	if len(v.sessions) >= maxSessions {
		return nil, fmt.Errorf("%d peers send already", len(v.sessions))
	}
	s := &session{peer: from.PeerID}
	v.sessions[from.PeerID] = s
	return s, nil
}

// receive applies one call and returns the body of its answer.
func (v *receiver) receive(from peerstore.Caller, q request) ([]byte, error) {
	s, err := v.session(from)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream == q.Stream && s.next == q.Sequence+1 && s.generation == v.generation.Load() {
		return s.answer, nil // the answer was lost
	}
	if q.Sequence == 0 {
		err = v.open(s, from, q)
	} else {
		err = v.proceed(s, q)
	}
	if err != nil {
		return nil, err
	}
	p := response{Stream: q.Stream, Sequence: q.Sequence, Applied: s.applied}
	frames := s.replies.drain(nil, v.reg)
	p.More = !s.replies.empty()
	s.answer = append(appendResponseHead(make([]byte, 0, len(frames)+32), p), frames...)
	s.next, s.answered = q.Sequence+1, v.cfg.Now()
	return s.answer, nil
}

// open begins a stream in place of an older one. Numbers only grow, so the late opening of a stream that was given up is refused.
func (v *receiver) open(s *session, from peerstore.Caller, q request) error {
	if q.Stream <= s.stream || q.Frames != "" {
		return fmt.Errorf("%w: stream %d opens after %d", errGap, q.Stream, s.stream)
	}
	v.leaveTurn(s)
	s.epoch, s.stream, s.generation = from.Epoch, q.Stream, v.generation.Load()
	s.leased, s.applied, s.replies, s.comparison = false, false, replies{}, comparison{}
	v.hearing.opened(s.peer, s.stream)
	v.opened(s.peer)
	return nil
}

// proceed applies the next call of an open stream.
func (v *receiver) proceed(s *session, q request) error {
	now := v.cfg.Now()
	switch {
	case s.stream != q.Stream || s.generation != v.generation.Load():
		return fmt.Errorf("%w: stream %d is not open", errGap, q.Stream)
	case s.next != q.Sequence:
		return fmt.Errorf("%w: sequence %d, want %d", errGap, q.Sequence, s.next)
	case now.Sub(s.answered) > v.cfg.Silence:
		// It may have been under way for that long, so its ages cannot be trusted.
		return fmt.Errorf("%w: silent for %v", errGap, now.Sub(s.answered).Round(time.Millisecond))
	}
	// Whatever the sender heard before it had our last answer for q.Idle was queued when it composed this call.
	through := s.answered.Add(q.Idle)
	s.comparison.begun = false
	if err := v.apply(s, q); err != nil {
		s.next = 0 // closed: only a greater number opens the next one
		return err
	}
	v.keepTurn(s)
	if s.comparison.again(now) {
		s.replies.asks = append(s.replies.asks, want{Kind: wantDigest, Last: true})
	}
	if !q.Drained || !s.leased {
		through = time.Time{}
	} else if through.After(now) {
		through = now
	}
	v.hearing.accepted(s.peer, s.stream, s.applied, through)
	return nil
}
