package peerstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"
)

// HeartbeaterConfig is what a Heartbeater needs.
type HeartbeaterConfig struct {
	// Store is where the row lives. Required.
	Store Store
	// Peer describes this server: cluster, addresses, region, zone, host, version, protocol versions, start. ID, Epoch and Phase
	// are the Heartbeater's own affair. NamesrvPhase is where the RocketMQ side begins: joining unless it is given; without an
	// address it has none.
	Peer Peer
	// Settings are the intervals; zero values take their defaults.
	Settings Settings
	// Servers is how many servers the cluster has, for scaling the intervals. Nil means few.
	Servers func() int
	// Stats is asked before every heartbeat. Nil sends zeros.
	Stats func() Stats
	// OnRegistered is called with every new incarnation, before its first heartbeat, never concurrently. Nil is fine.
	OnRegistered func(Peer, Registration)
	// Prober asks our own address who answers there when another incarnation has claimed it. Nil means that we cannot know, and
	// claim it again with backoff.
	Prober Prober
	// Quarantine is how long an evicted server stays out. Defaults to 10 minutes.
	Quarantine time.Duration
	// NewID makes a peer id. Defaults to a random UUID.
	NewID func() string
	// Now is the clock, whose readings must be monotonic. Defaults to time.Now.
	Now func() time.Time
	// Rand is uniform in [0,1), for jitter, and safe for concurrent use. Defaults to math/rand/v2.Float64.
	Rand func() float64
	// Log defaults to discarding.
	Log *slog.Logger
}

func (c HeartbeaterConfig) withDefaults() HeartbeaterConfig {
	c.Settings = c.Settings.WithDefaults()
	if c.Servers == nil {
		c.Servers = func() int { return 1 }
	}
	if c.Stats == nil {
		c.Stats = func() Stats { return Stats{} }
	}
	if c.OnRegistered == nil {
		c.OnRegistered = func(Peer, Registration) {}
	}
	if c.Quarantine == 0 {
		c.Quarantine = 10 * time.Minute
	}
	if c.NewID == nil {
		c.NewID = newUUID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = mathrand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Heartbeater keeps our row in the database: it registers, however long that takes, refreshes the row, registers anew under
// a new id when the row was lost, and says goodbye when it stops. All methods are safe for concurrent use.
type Heartbeater struct {
	cfg        HeartbeaterConfig
	registered chan struct{} // closed by the first registration
	once       sync.Once     // closes it
	kick       chan struct{} // there is something to write

	callback sync.Mutex // OnRegistered is never called concurrently

	mu         sync.Mutex
	generation int       // of the working goroutine; an older one may still be stuck in a driver
	due        time.Time // by when the working goroutine promised to have got further
	life       life
	status     HeartbeatStatus
	lastOK     time.Time
}

// NewHeartbeater returns a Heartbeater that does nothing until Run, but knows already under which id it will register first.
func NewHeartbeater(cfg HeartbeaterConfig) *Heartbeater {
	cfg = cfg.withDefaults()
	h := &Heartbeater{cfg: cfg, registered: make(chan struct{}), kick: make(chan struct{}, 1)}
	h.life.self = cfg.Peer
	h.life.self.ID = cfg.NewID()
	h.life.self.Epoch = -1 - int64(cfg.Rand()*(1<<53))
	h.life.pending = h.life.self.ID
	h.life.sides[eureka].want = PhaseJoining
	if h.life.self.Addresses.Namesrv != "" {
		h.life.sides[namesrv].want = cmp.Or(cfg.Peer.NamesrvPhase, PhaseJoining)
	}
	return h
}

// Self is who we are now: the current incarnation, in the phase that was asked for, or in the terminal one that ended it while
// we are kept out. Before the first registration its epoch is negative.
func (h *Heartbeater) Self() Peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.life.peer()
}

// Registration is the current incarnation's, and whether there is one.
func (h *Heartbeater) Registration() (Registration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.life.registration, h.life.pending == ""
}

// Registered is closed after the first registration.
func (h *Heartbeater) Registered() <-chan struct{} { return h.registered }

// SetPhase moves us to joining, serving or draining: at once for everybody who asks us, in the database as soon as it answers, and
// again after every new registration. The reason is for people. It does not block.
func (h *Heartbeater) SetPhase(p Phase, reason string) {
	h.mu.Lock()
	h.life.sides[eureka].want, h.life.why = p, reason
	h.mu.Unlock()
	poke(h.kick)
}

// SetNamesrvPhase is SetPhase for the RocketMQ side: joining, serving, draining, left, or empty when it is off. None of them ends the
// row. A new incarnation is registered in the phase that was asked for, so that no list loses a server that only registers again.
func (h *Heartbeater) SetNamesrvPhase(p Phase) {
	h.mu.Lock()
	h.life.sides[namesrv].want = p
	h.mu.Unlock()
	poke(h.kick)
}

// Status is for people and metrics.
func (h *Heartbeater) Status() HeartbeatStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, now := h.status, h.cfg.Now()
	s.Registered = h.life.pending == "" && h.life.out == ""
	if !h.lastOK.IsZero() {
		s.SinceOK = now.Sub(h.lastOK)
	}
	if h.life.out == PhaseEvicted {
		s.Quarantined = max(0, h.life.outUntil.Sub(now))
	}
	return s
}

// HeartbeatStatus says how our own row is doing.
type HeartbeatStatus struct {
	Registered       bool          `json:"registered"`
	SinceOK          time.Duration `json:"sinceOk"`  // since the database last took something from us; 0 before the first time
	Failures         int           `json:"failures"` // in a row
	LastError        string        `json:"lastError,omitempty"`
	Incarnations     int           `json:"incarnations"`
	WatchdogReplaced int           `json:"watchdogReplaced"` // heartbeat loops that were stuck or had ended
	OutagesDeclared  int           `json:"outagesDeclared"`
	DuplicateURL     bool          `json:"duplicateUrl"` // another live server answers at our address
	Quarantined      time.Duration `json:"quarantined"`  // what is left of an eviction's quarantine
}

// scaled are the intervals for the cluster's present size.
func (h *Heartbeater) scaled() Settings { return h.cfg.Settings.Scaled(h.cfg.Servers()) }

// Run keeps the row until ctx ends, then says goodbye within a call's deadline. It returns nil.
//
// The work is done by a goroutine of its own and watched from here. When that goroutine is stuck beyond its deadlines, in a driver
// or in a callback, or has ended, it is replaced: a heartbeat must not be able to die silently.
func (h *Heartbeater) Run(ctx context.Context) error {
	w := h.spawn(ctx)
	defer func() { w.stop() }()
	ticker := time.NewTicker(max(h.cfg.Settings.Deadline()/8, time.Millisecond))
	defer ticker.Stop()
	for late := 0; ; {
		select {
		case <-ctx.Done():
			select {
			case <-w.ended:
			case <-time.After(h.cfg.Settings.Deadline()): // stuck: leave without it
			}
			h.leave(ctx)
			return nil
		case <-ticker.C:
		}
		// Late twice in a row: after a pause of the whole process both timers are late, and the worker goes on by itself.
		if late++; !h.overdue() {
			late = 0
		}
		if ctx.Err() != nil || !w.hasEnded() && late < 2 {
			continue
		}
		h.mu.Lock()
		h.status.WatchdogReplaced++
		h.mu.Unlock()
		h.cfg.Log.Error("heartbeat loop replaced", "peer", h.Self().ID, "ended", w.hasEnded())
		w.stop()
		w, late = h.spawn(ctx), 0
	}
}

// A worker is the goroutine that does the work.
type worker struct {
	stop  context.CancelFunc
	ended chan struct{}
}

func (w worker) hasEnded() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// spawn starts a new worker. The one before it, if it still lives, has no say any more.
func (h *Heartbeater) spawn(ctx context.Context) worker {
	ctx, cancel := context.WithCancel(ctx)
	w := worker{stop: cancel, ended: make(chan struct{})}
	h.mu.Lock()
	h.generation++
	generation := h.generation
	h.due = h.cfg.Now().Add(h.cfg.Settings.Deadline())
	h.mu.Unlock()
	go func() {
		defer close(w.ended)
		defer func() {
			if p := recover(); p != nil {
				h.cfg.Log.Error("heartbeat loop panicked", "err", fmt.Sprint(p))
			}
		}()
		h.work(ctx, generation)
	}()
	return w
}

// work takes one step after the other until ctx ends or another worker has taken over.
func (h *Heartbeater) work(ctx context.Context, generation int) {
	for ctx.Err() == nil {
		wait, ok := h.step(ctx, generation)
		if !ok || !h.promise(generation, wait) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		case <-h.kick:
		}
	}
}

// promise notes by when the working goroutine will have got further. It returns false to a goroutine that was replaced.
func (h *Heartbeater) promise(generation int, within time.Duration) bool {
	return h.apply(generation, func() { h.due = h.cfg.Now().Add(within) })
}

// apply changes the state unless the goroutine that asks was replaced.
func (h *Heartbeater) apply(generation int, change func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.generation != generation {
		return false
	}
	change()
	return true
}

func (h *Heartbeater) overdue() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cfg.Now().After(h.due.Add(h.cfg.Settings.Deadline() / 4))
}

// leave says goodbye, with one try: when it fails, our silence will say it.
func (h *Heartbeater) leave(ctx context.Context) {
	h.mu.Lock()
	h.generation++ // whoever is still stuck has no say any more
	ids := h.life.rows()
	h.life.out = PhaseLeft
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.Settings.Deadline())
	defer cancel()
	for _, id := range ids {
		if err := h.cfg.Store.SetPhase(ctx, id, PhaseLeft, "stopped"); err != nil && !errors.Is(err, ErrSuperseded) {
			h.cfg.Log.Warn("could not say goodbye to the database", "peer", id, "err", err)
		}
	}
}

// newUUID makes a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
