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

	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/intent/intenttest"
	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

// simWorld is a cluster of real Apps in virtual time: a network and a database in memory that break on command, clients, and the
// checks of what must never happen. Everything it decides comes from its seed.
type simWorld struct {
	t       *testing.T
	seed    uint64
	rand    *rand.Rand
	ctx     context.Context
	stop    context.CancelFunc
	group   sync.WaitGroup
	net     *simNet
	db      *peerstoretest.Fake
	intents *intenttest.Fake
	faults  Faults
	dir     string
	log     slog.Handler

	mu      sync.Mutex
	slots   []*simServer
	all     []*simServer
	clients []*simClient
	brokers []*simBroker
	apart   map[[2]string]bool // client host and server address without a way to each other
	counts  map[string]int
	fails   map[string]string
	calm    bool

	lastCut     time.Time // when links, pauses or clocks were last not all right
	lastDB      time.Time // when the database was last not all right
	lastCrash   time.Time
	disturbed   int // cuts and pauses under way
	dbTrouble   int
	checks      simChecks
	routeChecks simRouteChecks
	faultsDid   int
}

func newSimWorld(t *testing.T, seed uint64, servers, clients int, faults Faults, dir string, log slog.Handler) *simWorld {
	w := &simWorld{
		t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), db: peerstoretest.NewFake(), faults: faults, dir: dir, log: log,
		slots: make([]*simServer, servers), apart: map[[2]string]bool{}, counts: map[string]int{}, fails: map[string]string{},
		checks: newSimChecks(), routeChecks: newSimRouteChecks(), intents: &intenttest.Fake{},
	}
	w.net = newSimNet(rand.New(rand.NewPCG(seed, 2)))
	w.ctx, w.stop = context.WithCancel(t.Context())
	for i := range clients {
		w.clients = append(w.clients, w.newClient(i))
	}
	for i := range simBrokers {
		w.brokers = append(w.brokers, w.newBroker(i))
	}
	return w
}

const simBrokers = 6

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
		Namesrv: NamesrvConfig{
			Advertise: s.namesrv(), Settings: namesrv.DefaultSettings(), ColdWait: time.Minute, Drain: 20 * time.Second,
		},
		DataDir: w.dir,
	}, Deps{
		Listener: w.net.Listen(host, "8761"), Dial: w.net.Dialer(host), Store: s.path, Now: s.now, Rand: float,
		Namesrv: w.net.Listen(host, "9876"), DialBroker: w.net.Dialer(host), Words: w.intents, Audit: w.intents,
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

// separate takes the way between a client or broker and a server away, or gives it back.
func (w *simWorld) separate(host, addr string, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.apart[[2]string{host, addr}] = on
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
