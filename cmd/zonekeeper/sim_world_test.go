package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
	"github.com/zonekeeper/zonekeeper/registry"
)

// simWorld is a cluster of real Apps in virtual time: a network and a database in memory that break on command, clients, and the
// checks of what must never happen. Everything it decides comes from its seed.
type simWorld struct {
	t      *testing.T
	seed   uint64
	rand   *rand.Rand
	ctx    context.Context
	stop   context.CancelFunc
	group  sync.WaitGroup
	net    *simNet
	db     *peerstoretest.Fake
	faults Faults
	dir    string
	log    slog.Handler

	mu      sync.Mutex
	slots   []*simServer
	all     []*simServer
	clients []*simClient
	apart   map[[2]string]bool // client host and server address without a way to each other
	counts  map[string]int
	fails   map[string]string
	calm    bool

	lastCut   time.Time // when links, pauses or clocks were last not all right
	lastDB    time.Time // when the database was last not all right
	lastCrash time.Time
	disturbed int // cuts and pauses under way
	dbTrouble int
	checks    simChecks
	faultsDid int
}

// simServer is one incarnation of a server in a slot.
type simServer struct {
	w      *simWorld
	slot   int
	host   string
	addr   string
	app    *App
	path   *peerstoretest.Path
	cancel context.CancelFunc
	hurry  chan struct{}
	done   chan struct{}
	born   time.Time

	mu        sync.Mutex
	up        bool
	downAt    time.Time
	pausedAt  time.Time // zero: running
	resumedAt time.Time
	servingAt time.Time
}

func newSimWorld(t *testing.T, seed uint64, servers, clients int, faults Faults, dir string, log slog.Handler) *simWorld {
	w := &simWorld{
		t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), db: peerstoretest.NewFake(), faults: faults, dir: dir, log: log,
		slots: make([]*simServer, servers), apart: map[[2]string]bool{}, counts: map[string]int{}, fails: map[string]string{},
		checks: newSimChecks(),
	}
	w.net = newSimNet(rand.New(rand.NewPCG(seed, 2)))
	w.ctx, w.stop = context.WithCancel(t.Context())
	for i := range clients {
		w.clients = append(w.clients, w.newClient(i))
	}
	return w
}

func (w *simWorld) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

// fail keeps the first violation of each kind.
func (w *simWorld) fail(what, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.fails[what]; !ok {
		w.fails[what] = fmt.Sprintf("at %s: %s", w.elapsed(), fmt.Sprintf(format, args...))
	}
}

var simEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's clock starts

func (w *simWorld) elapsed() time.Duration { return time.Since(simEpoch).Round(time.Millisecond) }

func (w *simWorld) quiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calm
}

// Start puts a new server into a slot: at a new address, or at the one of the slot's last server.
func (w *simWorld) Start(slot int, sameAddress bool) *simServer {
	old := w.slots[slot]
	host := fmt.Sprintf("10.0.%d.%d", slot, len(w.all)+1)
	if sameAddress && old != nil {
		host = old.host
	}
	s := &simServer{
		w: w, slot: slot, host: host, addr: net.JoinHostPort(host, "8761"), path: w.db.NewPath(),
		hurry: make(chan struct{}), done: make(chan struct{}), born: time.Now(), up: true,
	}
	w.net.Freeze(host, false) // as the last process there was left by a crash
	random := rand.New(rand.NewPCG(w.seed, uint64(5000+len(w.all))))
	var lock sync.Mutex
	float := func() float64 { lock.Lock(); defer lock.Unlock(); return random.Float64() }
	app, err := New(Config{
		AdvertiseURL: "http://" + s.addr + "/eureka/", Cluster: "sim", Region: "default", Zone: "defaultZone",
		HTTP: HTTPConfig{MaxBody: 1 << 20, MaxBatch: 16 << 20, MaxConnections: 1000},
		Peer: PeerConfig{Heartbeat: 3 * time.Second, TTL: 10 * time.Second, Poll: 2 * time.Second}, Drain: 10 * time.Second,
		Eureka: EurekaConfig{
			RegisterSelf: true, SelfPreservation: "off", PreservationBound: 30 * time.Minute, LeaseFactor: 1,
			EvictionInterval: time.Second, Delta: true, ColdWait: 30 * time.Second,
		},
		DataDir: w.dir,
	}, Deps{
		Listener: w.net.Listen(host, "8761"), Dial: w.net.Dialer(host), Store: s.path, Now: s.now, Rand: float,
		NewID: func() string {
			return fmt.Sprintf("%08x-%04x-4000-8000-%012x", slot, len(w.all), int64(float()*(1<<47)))
		},
		Hurry:  func() <-chan struct{} { return s.hurry },
		Log:    slog.New(w.log).With("server", s.addr),
		Faults: w.faults,
	})
	if err != nil {
		w.fail("start", "server %s: %v", s.addr, err)
		return nil
	}
	s.app = app
	ctx, cancel := context.WithCancel(w.ctx)
	s.cancel = cancel
	w.mu.Lock()
	w.slots[slot] = s
	w.all = append(w.all, s)
	w.mu.Unlock()
	w.group.Go(func() {
		defer close(s.done)
		if err := app.Run(ctx); err != nil && s.running() { // a crash takes the listener away first
			w.fail("run", "server %s: %v", s.addr, err)
		}
	})
	return s
}

// now is the server's clock. While its process is stopped it stands still, and then jumps: just what the process would notice.
func (s *simServer) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.pausedAt.IsZero() {
		return s.pausedAt
	}
	return time.Now()
}

// Crash ends a server without a word; Leave lets it drain and say goodbye. The last one standing stays.
func (s *simServer) Crash() bool {
	if !s.mayGo() {
		return false
	}
	s.path.SetCut(true)
	s.w.net.Freeze(s.host, true)
	s.w.net.Kill(s.host)
	close(s.hurry)
	s.cancel()
	s.w.mu.Lock()
	s.w.lastCrash = time.Now()
	s.w.mu.Unlock()
	return true
}

func (s *simServer) Leave() bool {
	if !s.mayGo() {
		return false
	}
	s.cancel()
	return true
}

func (s *simServer) mayGo() bool {
	others := 0
	for _, o := range s.w.standing() {
		if o != s && o.serving() && !o.paused() {
			others++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up || others == 0 || !s.pausedAt.IsZero() {
		return false
	}
	s.up, s.downAt = false, time.Now()
	return true
}

// Pause stops the process for d, as SIGSTOP or a moved virtual machine does.
func (s *simServer) Pause(d time.Duration) {
	s.mu.Lock()
	if !s.up || !s.pausedAt.IsZero() {
		s.mu.Unlock()
		return
	}
	s.pausedAt = time.Now()
	s.mu.Unlock()
	s.w.net.Freeze(s.host, true)
	s.path.SetBlackHole(true)
	s.w.disturb(1)
	s.w.group.Go(func() {
		if !sleep(s.w.ctx, d) {
			return
		}
		s.path.SetBlackHole(false)
		s.mu.Lock()
		s.pausedAt, s.resumedAt = time.Time{}, time.Now()
		s.mu.Unlock()
		s.w.net.Freeze(s.host, false)
		s.w.disturb(-1)
	})
}

func (s *simServer) paused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.pausedAt.IsZero()
}

func (s *simServer) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up
}

func (s *simServer) serving() bool {
	return s.running() && s.app.phase() == peerstore.PhaseServing
}

// since is how long the server has been up and undisturbed by pauses.
func (s *simServer) since() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up || !s.pausedAt.IsZero() {
		return 0
	}
	return time.Since(later(s.born, s.resumedAt))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep reports whether d passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *simWorld) standing() (up []*simServer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.slots {
		if s != nil && s.running() {
			up = append(up, s)
		}
	}
	return up
}

func (w *simWorld) addresses() (addrs []string) {
	for _, s := range w.standing() {
		addrs = append(addrs, s.addr)
	}
	return addrs
}

func (w *simWorld) at(addr string) *simServer {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.slots {
		if s != nil && s.addr == addr {
			return s
		}
	}
	return nil
}

func (w *simWorld) entryAt(addr string, k registry.Key) (registry.Entry, bool) {
	if s := w.at(addr); s != nil {
		return s.app.registry.Entry(k)
	}
	return registry.Entry{}, false
}

func (w *simWorld) versionAt(addr string, k registry.Key) registry.Version {
	e, _ := w.entryAt(addr, k)
	return e.Version
}

// newest is the greatest version of an instance anywhere.
func (w *simWorld) newest(k registry.Key) (v registry.Version) {
	for _, s := range w.standing() {
		if e, _ := s.app.registry.Entry(k); e.Version.Compare(v) > 0 {
			v = e.Version
		}
	}
	return v
}

func (w *simWorld) partitioned(host, addr string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.apart[[2]string{host, addr}]
}

// disturb counts troubles of links and processes under way.
func (w *simWorld) disturb(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disturbed += n
	w.lastCut = time.Now()
}

func (w *simWorld) disturbDB(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dbTrouble += n
	w.lastDB = time.Now()
}

// during does something for a while and undoes it.
func (w *simWorld) during(d time.Duration, on, off func()) {
	on()
	w.group.Go(func() {
		sleep(w.ctx, d)
		off()
	})
}

// chaos is one fault, drawn at random.
func (w *simWorld) chaos() {
	r := w.rand
	n := len(w.slots)
	server := func() *simServer { return w.slots[r.IntN(n)] }
	client := func() *simClient { return w.clients[r.IntN(len(w.clients))] }
	seconds := func(most int) time.Duration {
		return time.Duration(200+r.IntN(most*1000)) * time.Millisecond
	}
	w.faultsDid++
	switch r.IntN(16) {
	case 0: // one link, one direction or both
		a, b := server(), server()
		if a == nil || b == nil || a == b {
			return
		}
		both := r.IntN(2) == 0
		w.during(seconds(120), func() { w.cut(a, b, both, true) }, func() { w.cut(a, b, both, false) })
	case 1: // one server alone
		a := server()
		if a == nil {
			return
		}
		others := w.standing()
		w.during(seconds(60), func() {
			for _, b := range others {
				if b != a {
					w.cut(a, b, true, true)
				}
			}
		}, func() {
			for _, b := range others {
				if b != a {
					w.cut(a, b, true, false)
				}
			}
		})
	case 2: // a slow link
		a, b := server(), server()
		if a == nil || b == nil || a == b {
			return
		}
		d := time.Duration(500+r.IntN(2500)) * time.Millisecond
		w.during(seconds(90), func() { w.net.SetSlow(a.host, b.host, d); w.disturb(1) }, func() { w.net.SetSlow(a.host, b.host, 0); w.disturb(-1) })
	case 3, 4: // a crash, or a graceful stop, and a successor
		s := server()
		if s == nil {
			return
		}
		crash, same, after := r.IntN(3) > 0, r.IntN(2) == 0, seconds(60)
		if crash && s.Crash() || !crash && s.Leave() {
			w.group.Go(func() {
				if <-s.done; sleep(w.ctx, after) && !w.quiet() {
					w.Start(s.slot, same)
				}
			})
		}
	case 5: // a stopped process
		if s := server(); s != nil {
			s.Pause(2*time.Second + seconds(90))
		}
	case 6: // the database is down, or hangs
		hang := r.IntN(2) == 0
		set := w.db.SetDown
		if hang {
			set = w.db.SetFrozen
		}
		w.mu.Lock()
		busy := w.dbTrouble > 0
		w.mu.Unlock()
		if !busy {
			w.during(seconds(60), func() { set(true); w.disturbDB(1) }, func() { set(false); w.disturbDB(-1) })
		}
	case 7: // its clock jumps
		w.db.JumpClock(time.Duration(r.IntN(120)-60) * time.Second)
		w.disturbDB(0)
	case 8: // one server's way to it is lost, or loses replies
		s := server()
		if s == nil || s.paused() {
			return
		}
		if r.IntN(2) == 0 {
			s.path.LoseReplies(1 + r.IntN(3))
			w.disturbDB(0)
			return
		}
		w.during(seconds(60), func() { s.path.SetCut(true); w.disturbDB(1) }, func() {
			if s.running() {
				s.path.SetCut(false)
			}
			w.disturbDB(-1)
		})
	case 9: // a client cannot reach a server
		c, s := client(), server()
		if s == nil {
			return
		}
		way := [2]string{c.host(), s.addr}
		set := func(on bool) func() {
			return func() { w.mu.Lock(); defer w.mu.Unlock(); w.apart[way] = on }
		}
		w.during(seconds(120), set(true), set(false))
	case 10:
		c := client()
		c.Die()
		w.relaunch(c, seconds(200), r.IntN(2) == 0)
	case 11, 12:
		c := client()
		c.Cancel()
		if r.IntN(2) == 0 {
			c.Move()
		}
		w.relaunch(c, seconds(1+r.IntN(180)), true)
	case 13, 14:
		client().Change(r.IntN(2) == 0)
	case 15:
		client().Move()
	}
}

func (w *simWorld) relaunch(c *simClient, after time.Duration, really bool) {
	w.group.Go(func() {
		if sleep(w.ctx, after) && really && !w.quiet() {
			c.Launch()
		}
	})
}

func (w *simWorld) cut(a, b *simServer, both, on bool) {
	w.net.SetCut(a.host, b.host, on)
	if both {
		w.net.SetCut(b.host, a.host, on)
	}
	if on {
		w.disturb(1)
	} else {
		w.disturb(-1)
	}
}
