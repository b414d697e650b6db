package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/replication"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// Deps is everything an App takes from the world around it, so that a test can give it another one: in-memory connections,
// virtual time, a database that breaks on command.
type Deps struct {
	// Listener is where HTTP is served. Required; the App closes it.
	Listener net.Listener
	// Namesrv is where RocketMQ is served. Nil means that there is no name server. The App closes it.
	Namesrv net.Listener
	// Dial connects to other servers. Nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialBroker connects to RocketMQ brokers, to tell them what they asked to be told. Nil means TCP.
	DialBroker func(ctx context.Context, network, address string) (net.Conn, error)
	// Store is the table of servers. Nil means that there is no database: the App lives on its list from disk and its seeds.
	Store peerstore.Store
	// Intent is the table of overrides. Nil means that overrides last as long as the servers.
	Intent intent.Store
	// Words and Audit are the tables of what operators said about RocketMQ's routes, and of who did. Nil means that words last as long
	// as the servers, and that the log alone tells.
	Words intent.WordStore
	Audit intent.AuditStore
	// Prepare makes the database ready for use before the first registration, as by migrating it. It is repeated until it
	// succeeds. Nil means that nothing has to be done.
	Prepare func(context.Context) error
	// Hurry is asked once when the App is told to stop; the channel's end cuts the drain short. Nil means never.
	Hurry func() <-chan struct{}

	Now   func() time.Time // Nil means time.Now.
	Rand  func() float64   // uniform in [0,1), safe for concurrent use. Nil means math/rand/v2.
	NewID func() string    // makes peer ids. Nil means random UUIDs.
	Log   *slog.Logger     // Nil discards.
	// Faults plants bugs, so that a simulation can show that it would notice them.
	Faults Faults
}

// Faults are the planted bugs of each room. Zero is healthy; nothing but tests sets them.
type Faults struct {
	Registry    registry.Faults
	List        peerstore.Faults
	Replication replication.Faults
	// Of the name server: its routes, and how they are shared.
	Routes       routeinfo.Faults
	RouteSharing replication.RouteFaults
}

// An App is one server: it joins the cluster, copies its registry, serves clients, drains and leaves.
type App struct {
	cfg  Config
	deps Deps
	log  *slog.Logger

	heart      *peerstore.Heartbeater
	list       *peerstore.List
	cache      *peerstore.DiskCache // nil: this server remembers nothing
	prober     peerstore.Prober
	signer     *peerstore.Signer
	registry   *registry.Registry
	replicator *replication.Replicator
	intents    *intent.Queue // nil without a store
	namesrv    *nameServer   // nil: this server speaks no RocketMQ
	api        *httpapi.Server
	http       *http.Server
	peers      *http.Transport
	metrics    *prometheus.Registry

	began       time.Time
	looked      chan struct{} // closed when the database was asked for the first time, whatever it said
	intentsRead chan struct{} // closed when overrides were read
	database    troubles      // what the last look at the database said
	recalled    bool          // the cluster's secret was found on disk
	lone        bool          // the list on disk names no other server
	ran         atomic.Bool
}

// New wires an App in the order in which data flows and starts nothing. The configuration must have an advertised URL.
func New(cfg Config, deps Deps) (*App, error) {
	if deps.Listener == nil || cfg.AdvertiseURL == "" {
		return nil, errors.New("an App needs a listener and an advertised URL")
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Rand == nil {
		deps.Rand = rand.Float64
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{
		cfg: cfg, deps: deps, log: deps.Log, began: deps.Now(),
		metrics: prometheus.NewRegistry(), looked: make(chan struct{}), intentsRead: make(chan struct{}),
	}
	a.peers = peerTransport(deps.Dial)
	for _, wire := range []func() error{a.wireMembership, a.wireRegistry, a.wireReplication, a.wireNamesrv, a.wireHTTP} {
		if err := wire(); err != nil {
			return nil, err
		}
	}
	a.countMyself()
	if a.namesrv != nil {
		a.countNamesrv()
	}
	return a, nil
}

// Addr is where HTTP is served.
func (a *App) Addr() net.Addr { return a.deps.Listener.Addr() }

func (a *App) phase() peerstore.Phase { return a.heart.Self().Phase }

func (a *App) identity() peerstore.Identity {
	return peerstore.IdentityOf(a.heart.Self(), a.list.ClusterUUID())
}

// serve answers HTTP until the server is shut down.
func (a *App) serve() error {
	err := a.http.Serve(limited(a.deps.Listener, a.cfg.HTTP.MaxConnections))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Run serves until ctx ends, then drains and leaves. It returns nil after a stop, and the reason when it could not serve.
func (a *App) Run(ctx context.Context) error {
	if a.ran.Swap(true) {
		return errors.New("an App runs once")
	}
	defer a.peers.CloseIdleConnections()

	failed := make(chan error, 1)
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	start := func(ctx context.Context, name string, run func(context.Context) error) {
		loops.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				select {
				case failed <- fmt.Errorf("%s: %w", name, err):
				default:
				}
			}
		})
	}
	defer func() {
		stopWork()
		loops.Wait()
	}()

	// The listener answers first: a peer that learns of us asks at once who we are.
	start(work, "http", func(context.Context) error { return a.serve() })
	start(work, "registry", a.registry.Run)
	start(work, "replication", a.replicate)
	start(work, "list", a.readList)
	start(work, "self", a.followList)
	beating, stopBeating := context.WithCancel(work)
	defer stopBeating()
	var heartbeat sync.WaitGroup
	heartbeat.Go(func() { a.keepRow(beating) })
	if a.intents != nil {
		start(work, "intent", a.intents.Run)
		start(work, "intent", a.readIntents)
	}
	if a.namesrv != nil {
		start(work, "name server", a.namesrv.serve)
		start(work, "routes", a.copyRoutes)
		start(work, "departures", a.namesrv.departures.Run)
		a.keepWords(work, start)
	}
	start(ctx, "join", a.join)

	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	a.leave(cause == nil, func() {
		stopBeating()
		heartbeat.Wait()
	})
	return cause
}
