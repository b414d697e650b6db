package namesrv

import (
	"context"
	"errors"
	"hash/maphash"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// Server answers brokers, clients and tools. Its methods are safe for concurrent use; Serve is called once.
type Server struct {
	cfg      Config
	table    *routeinfo.Table
	settings atomic.Pointer[Settings] // what code 318 left of them
	changing sync.Mutex               // one change of settings at a time

	routes   routes
	metrics  *metrics
	notes    notes
	buffered *budget
	heavy    *gate // of requests that may become large
	light    *gate // of other registrations
	refusals refusals
	secure   *security
	notices  *notifier

	seed maphash.Seed // of fingerprints

	started   time.Time     // with the monotonic reading; what follows counts from here
	lastQuery atomic.Int64  // nanoseconds from started to the last route query of a client
	goAway    atomic.Bool   // new clients are told to go away
	leaving   atomic.Bool   // closing connections is ours, and says nothing about brokers
	ended     chan struct{} // closed when leaving began

	mu       sync.Mutex
	conns    map[routeinfo.ConnID]*conn
	lastConn routeinfo.ConnID
	running  sync.WaitGroup // one for each connection
}

// A request above heavyRequest counts as large, and a compressed registration of whatever size, as nobody knows what becomes of it:
// maxHeavy of those are handled at a time, each of which may come to several times its frame or what it inflates to. A registration
// below that comes to a MiB at most, and there are maxLight of them at a time. Together that is more than the table's one lock lets through.
const (
	heavyRequest = 64 << 10
	maxHeavy     = 4
	maxLight     = 32
)

// lastAnswers is how long connections may take to write what they have when the server leaves.
const lastAnswers = time.Second

// New prepares a server over a table, whose options it sets from the settings. It starts nothing and returns an error only for a
// Config that cannot work.
func New(cfg Config, table *routeinfo.Table) (*Server, error) {
	if table == nil {
		return nil, errors.New("namesrv: the table is missing")
	}
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, table: table, seed: maphash.MakeSeed(), started: time.Now(), ended: make(chan struct{}),
		buffered: newBudget(cfg.MaxBuffered), heavy: newGate(maxHeavy), light: newGate(maxLight),
		conns: make(map[routeinfo.ConnID]*conn),
	}
	settings := cfg.Settings
	s.settings.Store(&settings)
	table.SetOptions(settings.options())
	var err error
	if s.secure, err = newSecurity(&s.cfg); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(cfg.Registerer, s); err != nil {
		return nil, err
	}
	s.routes = newRoutes(s.metrics)
	s.notices = newNotifier(s)
	return s, nil
}

// Serve accepts connections from ln and answers them until ctx ends, then closes them and ln and returns nil. Meanwhile it looks for
// expired brokers and tells brokers of new lowest ids. An error means that ln broke.
//
// When ctx ends, what has arrived is answered, and no broker counts as gone because its connection is closed. With
// enableShutdownGracefully, requests of the following shutdownWaitTimeSeconds are answered GO_AWAY where the peer knows that code.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	s.showListener(ln.Addr())
	var loops sync.WaitGroup
	loops.Go(s.scan)
	loops.Go(s.notices.run)
	loops.Go(s.recordRefusals)
	broke := make(chan error, 1)
	loops.Go(func() { broke <- s.accept(ln) })

	var err error
	select {
	case err = <-broke:
	case <-ctx.Done():
		s.sayGoAway()
	}
	ln.Close()
	s.leave()
	loops.Wait()
	s.recordRefused()
	return err
}

// sayGoAway waits for clients to go elsewhere, if the settings want that.
//
// Compat: NettyRemotingServer.java: shutdown sleeps and answers meanwhile; here it ends early when nobody is connected any more.
func (s *Server) sayGoAway() {
	settings := s.settings.Load()
	if !settings.EnableShutdownGracefully {
		return
	}
	s.goAway.Store(true)
	over := time.NewTimer(time.Duration(settings.ShutdownWaitTimeSeconds) * time.Second)
	defer over.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for s.Connections().All > 0 {
		select {
		case <-over.C:
			return
		case <-look.C:
		}
	}
}

// leave closes all connections: those that have nothing to say at once, the others when they wrote it or a second later.
func (s *Server) leave() {
	s.mu.Lock()
	s.leaving.Store(true)
	s.mu.Unlock()
	close(s.ended)
	for _, c := range s.open() {
		c.leave()
	}
	gone := make(chan struct{})
	go func() {
		s.running.Wait()
		close(gone)
	}()
	late := time.NewTimer(lastAnswers)
	defer late.Stop()
	select {
	case <-gone:
	case <-late.C:
		for _, c := range s.open() {
			c.drop(causeLeft)
		}
		<-gone
	}
}

// now is the table's clock.
func (s *Server) now() time.Time { return s.cfg.Now() }
