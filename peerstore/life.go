package peerstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	registerRetryMin  = 100 * time.Millisecond
	registerRetryMax  = 5 * time.Second
	heartbeatRetryMin = 250 * time.Millisecond
	heartbeatRetryMax = 3 * time.Second // or a heartbeat, where that is shorter
	claimRetryMin     = time.Minute
	claimRetryMax     = time.Hour
	claimHeld         = 10 * time.Minute // after so long a claim counts as undisputed
)

// life is where our incarnation stands. It is guarded by Heartbeater.mu.
type life struct {
	self         Peer
	registration Registration
	uuid         string // of the first registration; another one is refused

	pending string // id of the incarnation that is to be registered; empty while the current one has a row
	tried   bool   // a registration of pending may have been committed

	sides [2]side // by protocol
	why   string  // why the Eureka side is asked to be what it is

	out      Phase // terminal phase that keeps us out: superseded, evicted; left after the end
	outUntil time.Time

	claims  int       // how often we claimed our address again from somebody else
	claimed time.Time // when we did last

	nextBeat time.Time
	failing  time.Time // since when heartbeats fail; zero while they succeed
	lag      time.Duration
}

// A protocol is one of those that have a phase.
type protocol uint8

const (
	eureka protocol = iota
	namesrv
)

func (p protocol) String() string { return [...]string{"eureka", "namesrv"}[p] }

// side is the phase of one protocol, on its way into the row.
type side struct {
	want     Phase     // what we are asked to be
	written  Phase     // what the row says
	next     time.Time // not before: the last try to write it failed
	failures int       // in a row
}

// peer is what we tell about ourselves.
func (l *life) peer() Peer {
	p := l.self
	p.Phase, p.NamesrvPhase = l.sides[eureka].want, l.sides[namesrv].want
	if l.out != "" {
		p.Phase = l.out
	}
	p.Reachable = true
	p.Unverified = p.Epoch <= 0
	return p
}

// rows are the ids under which the database may have living rows of ours.
func (l *life) rows() []string {
	switch {
	case l.pending == "":
		return []string{l.self.ID}
	case l.tried:
		return []string{l.pending}
	}
	return nil
}

// step does what is to be done now and says how long to wait before the next step. It returns false when the goroutine was replaced.
func (h *Heartbeater) step(ctx context.Context, generation int) (time.Duration, bool) {
	h.mu.Lock()
	l, now := h.life, h.cfg.Now()
	h.mu.Unlock()
	switch {
	case l.out != "" && now.Before(l.outUntil):
		return l.outUntil.Sub(now), true
	case l.out == PhaseSuperseded:
		return h.arbitrate(ctx, generation)
	case l.pending != "" || l.out != "":
		return h.register(ctx, generation)
	case !now.Before(l.nextBeat):
		return h.beat(ctx, generation, l)
	}
	wait := l.nextBeat.Sub(now) // beats go on while phases cannot be written
	for p, s := range l.sides {
		switch {
		case s.want == s.written:
		case now.Before(s.next):
			wait = min(wait, s.next.Sub(now))
		default:
			return h.writePhase(ctx, generation, l, protocol(p))
		}
	}
	return wait, true
}

// call runs one call to the store under its deadline.
func (h *Heartbeater) call(ctx context.Context, generation int, do func(context.Context) error) (time.Duration, error) {
	deadline := h.cfg.Settings.Deadline()
	if !h.promise(generation, deadline) {
		return 0, context.Canceled
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	start := h.cfg.Now()
	err := do(ctx)
	return h.cfg.Now().Sub(start), err
}

// register tries once to get a row for the pending incarnation. The same id is used until the answer comes, so that an attempt
// that was committed without our knowing does no harm.
func (h *Heartbeater) register(ctx context.Context, generation int) (time.Duration, bool) {
	var p Peer
	if !h.apply(generation, func() {
		if h.life.pending == "" || h.life.out != "" {
			h.life.pending, h.life.tried = h.cfg.NewID(), false
		}
		l := &h.life
		if !l.tried {
			// One word for all attempts: we may not learn which of them made the row.
			l.sides[eureka] = side{want: l.sides[eureka].want, written: PhaseJoining}
			l.sides[namesrv] = side{want: l.sides[namesrv].want, written: l.sides[namesrv].want}
		}
		l.out, l.tried = "", true
		p = l.self
		p.ID, p.Phase, p.NamesrvPhase = l.pending, l.sides[eureka].written, l.sides[namesrv].written
	}) {
		return 0, false
	}
	var reg Registration
	s := h.scaled()
	_, err := h.call(ctx, generation, func(ctx context.Context) (err error) {
		reg, err = h.cfg.Store.Register(ctx, p, s.TTL)
		return err
	})
	switch {
	case errors.Is(err, ErrSuperseded): // the row of an attempt whose answer we never saw was closed
		return h.lost(generation, err)
	case err != nil:
		return h.registerFailed(generation, err)
	}
	if wait, ok, refused := h.refuseOtherCluster(ctx, generation, p, reg); refused {
		return wait, ok
	}
	if !h.apply(generation, func() {
		p.Epoch = reg.Epoch
		l := &h.life
		l.self, l.registration, l.uuid = p, reg, reg.ClusterUUID
		l.pending, l.tried = "", false
		l.failing, l.nextBeat = time.Time{}, h.cfg.Now().Add(h.jitter(s.Heartbeat))
		h.succeeded()
		h.status.Incarnations++
		h.status.DuplicateURL = false
		p = l.peer()
	}) {
		return 0, false
	}
	h.cfg.Log.Info("registered in the database", "peer", p.ID, "epoch", p.Epoch, "url", p.Addresses.Eureka)
	if !h.promise(generation, s.Deadline()) {
		return 0, false
	}
	h.callback.Lock()
	h.cfg.OnRegistered(p, reg)
	h.callback.Unlock()
	h.once.Do(func() { close(h.registered) })
	return 0, true
}

func (h *Heartbeater) registerFailed(generation int, err error) (time.Duration, bool) {
	var wait time.Duration
	return wait, h.apply(generation, func() {
		wait = fullJitter(registerRetryMin, registerRetryMax, h.status.Failures, h.cfg.Rand())
		h.failed("register in the database", err)
	})
}

// refuseOtherCluster takes the row back when the database turns out to hold another cluster than the one we were part of: a
// backup restored elsewhere, or a database made anew. That is for an operator to decide, by restarting us.
func (h *Heartbeater) refuseOtherCluster(ctx context.Context, generation int, p Peer, reg Registration) (wait time.Duration, ok, refused bool) {
	h.mu.Lock()
	uuid := h.life.uuid
	h.mu.Unlock()
	if uuid == "" || reg.ClusterUUID == uuid {
		return 0, true, false
	}
	_, err := h.call(ctx, generation, func(ctx context.Context) error {
		return h.cfg.Store.SetPhase(ctx, p.ID, PhaseLeft, "meant another cluster of this name")
	})
	ok = h.apply(generation, func() {
		h.life.pending, h.life.tried = h.cfg.NewID(), false
		h.failed("register in the database", errors.Join(fmt.Errorf("%w (%s instead of %s)", errOtherCluster, reg.ClusterUUID, uuid), err))
	})
	return time.Minute, ok, true
}

// writePhase brings the phase that was asked for into the row. When that fails, heartbeats go on all the same: it may be a lock
// on something that they do not touch.
func (h *Heartbeater) writePhase(ctx context.Context, generation int, l life, p protocol) (time.Duration, bool) {
	want := l.sides[p].want
	_, err := h.call(ctx, generation, func(ctx context.Context) error {
		if p == namesrv {
			return h.cfg.Store.SetNamesrvPhase(ctx, l.self.ID, want)
		}
		return h.cfg.Store.SetPhase(ctx, l.self.ID, want, l.why)
	})
	switch {
	case errors.Is(err, ErrSuperseded):
		return h.lost(generation, err)
	case err != nil:
		return 0, h.apply(generation, func() {
			s := &h.life.sides[p]
			s.next = h.cfg.Now().Add(h.retry(s.failures))
			if s.failures++; s.failures == 1 && ctx.Err() == nil { // else the goodbye overtook it, and writes a later phase
				h.cfg.Log.Warn("cannot write our phase to the database; trying on", "protocol", p.String(), "phase", string(want), "err", err)
			}
		})
	}
	return 0, h.apply(generation, func() {
		s := &h.life.sides[p]
		s.written, s.failures = want, 0
		if want == PhaseServing {
			h.life.nextBeat = h.cfg.Now() // who begins to serve says what it holds: its row has counted nothing so far
		}
	})
}

// beat refreshes the row. Who comes back after the database was away for more than half a TTL tries first to declare the
// outage, before any heartbeat of ours could tell the others' tries that all is well.
func (h *Heartbeater) beat(ctx context.Context, generation int, l life) (time.Duration, bool) {
	s := h.scaled()
	if !l.failing.IsZero() && h.cfg.Now().Sub(l.failing) > s.TTL/2 {
		err := h.declareOutage(ctx, generation, l, s)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return h.lostOrFailed(generation, "declare the outage", err)
		}
		// After a timeout it may be a lock on something that heartbeats do not touch.
	}
	if !h.promise(generation, s.Deadline()) { // Stats is foreign code
		return 0, false
	}
	stats := h.cfg.Stats()
	stats.LagMS = int(l.lag.Milliseconds())
	lag, err := h.call(ctx, generation, func(ctx context.Context) error {
		return h.cfg.Store.Heartbeat(ctx, l.self.ID, s.TTL, stats)
	})
	if err != nil {
		return h.lostOrFailed(generation, "heartbeat", err)
	}
	return 0, h.apply(generation, func() {
		now := h.cfg.Now()
		h.life.lag, h.life.nextBeat = lag, now.Add(h.jitter(s.Heartbeat))
		if h.life.claims > 0 && now.Sub(h.life.claimed) > claimHeld {
			h.life.claims = 0
		}
		h.succeeded()
	})
}

// declareOutage tries to declare that the database was away for everybody.
func (h *Heartbeater) declareOutage(ctx context.Context, generation int, l life, s Settings) error {
	var declared bool
	_, err := h.call(ctx, generation, func(ctx context.Context) (err error) {
		declared, err = h.cfg.Store.DeclareOutage(ctx, l.self.ID, s.Grace())
		return err
	})
	if err == nil && declared {
		h.cfg.Log.Warn("declared an outage of the database", "peer", l.self.ID, "grace", s.Grace())
		h.apply(generation, func() { h.status.OutagesDeclared++ })
	}
	return err
}

// lostOrFailed handles an error of a heartbeat: either the row is lost, or the database did not answer properly.
func (h *Heartbeater) lostOrFailed(generation int, doing string, err error) (time.Duration, bool) {
	if errors.Is(err, ErrSuperseded) {
		return h.lost(generation, err)
	}
	return 0, h.apply(generation, func() {
		now := h.cfg.Now()
		if h.life.failing.IsZero() {
			h.life.failing = now
		}
		wait := h.retry(h.status.Failures)
		h.life.nextBeat = now.Add(wait)
		h.failed(doing, err)
	})
}

// lost ends the incarnation. A row that vanished, or that somebody tidied up, is replaced at once; a claimed address is
// arbitrated; an evicted server stays out for the quarantine.
func (h *Heartbeater) lost(generation int, err error) (time.Duration, bool) {
	var gone *LostError
	phase := Phase("")
	if errors.As(err, &gone) {
		phase = gone.Phase
	}
	h.cfg.Log.Warn("our row in the database is lost", "peer", h.Self().ID, "phase", string(phase))
	return 0, h.apply(generation, func() {
		now, l := h.cfg.Now(), &h.life
		l.failing = time.Time{}
		switch phase {
		case PhaseSuperseded:
			l.out, l.outUntil = PhaseSuperseded, now
		case PhaseEvicted:
			l.out, l.outUntil = PhaseEvicted, now.Add(h.cfg.Quarantine)
		default:
			l.pending, l.tried = h.cfg.NewID(), false
		}
	})
}

// failed notes an error; it is logged once per change. The lock is held.
func (h *Heartbeater) failed(doing string, err error) {
	h.status.Failures++
	if text := err.Error(); h.status.Failures == 1 || text != h.status.LastError {
		h.status.LastError = text
		h.cfg.Log.Warn("the database does not take our word; trying on", "doing", doing, "err", err)
	}
}

// succeeded notes that the database took something. The lock is held.
func (h *Heartbeater) succeeded() {
	if h.status.Failures > 0 {
		h.cfg.Log.Info("the database takes our writes again", "failures", h.status.Failures)
	}
	h.lastOK = h.cfg.Now()
	h.life.failing = time.Time{}
	h.status.Failures, h.status.LastError = 0, ""
}

// retry is how long to wait after n more failures of a heartbeat. It is never longer than a heartbeat: who comes back from an outage
// later than a fraction of the TTL can no longer tell it from its own trouble, since servers that joined meanwhile write already.
func (h *Heartbeater) retry(n int) time.Duration {
	return halfJitter(heartbeatRetryMin, min(heartbeatRetryMax, h.cfg.Settings.WithDefaults().Heartbeat), n, h.cfg.Rand())
}

// jitter is d ± 10 %.
func (h *Heartbeater) jitter(d time.Duration) time.Duration { return spread(d, h.cfg.Rand()) }
