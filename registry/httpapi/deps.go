package httpapi

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// PeerProtocol is the receiving side of the calls between our own servers. The request's body is whole, bounded, and its
// signature was verified; from says who signed it. Implemented by replication.Replicator.
type PeerProtocol interface {
	ServeStream(w http.ResponseWriter, r *http.Request, from peerstore.Caller)
	ServeVouch(w http.ResponseWriter, r *http.Request, from peerstore.Caller)
}

// A Check is one line of GET /readyz?verbose.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Degraded marks a trouble that does not hold readiness back, as the loss of the database.
	Degraded bool   `json:"degraded,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// Deps is what the handlers need from the rest of the server. Functions are called on every request they concern, from many
// goroutines at once, and must not block.
type Deps struct {
	// Registry holds the Eureka state. Required.
	Registry *registry.Registry

	// Phase is this server's own phase: while joining, list reads are answered 403; while draining, every answer says
	// "Connection: close". Nil means serving.
	Phase func() peerstore.Phase
	// Identity is answered at GET /api/v1/peer. Nil answers 404.
	Identity func() peerstore.Identity
	// Ready tells whether clients may be sent here, and why. Nil means ready in phase serving.
	Ready func() (bool, []Check)
	// Status is the document of GET /api/v1/status, encoded as JSON. Nil answers 404.
	Status func() any
	// Servers is what /zone and its relatives hand out. Nil answers 404.
	Servers ServerSource

	// Namesrv knows the RocketMQ name servers of the cluster, whether or not this server runs one. Nil means that none is known:
	// everything under /rocketmq/ is answered 404.
	Namesrv NamesrvList
	// Routes is the state of this server's own name server, for people and tools. Nil, as on a server that runs none, answers 404.
	Routes RouteView

	// Signer verifies the calls under /api/v1/peer/. Nil refuses them all.
	Signer *peerstore.Signer
	// Peers takes the verified calls of the stream protocol. Nil answers 404.
	Peers PeerProtocol
	// PeerRoutes takes the verified calls by which name servers tell each other their routes, as replication.Routes.Serve. It may
	// hold an answer back, and moves the connection's deadline for writing behind its wait. Nil answers 404.
	PeerRoutes func(w http.ResponseWriter, r *http.Request, from peerstore.Caller)
	// Announce takes a peer that has no row yet and returns the peers known here, as peerstore.List.Announce. Its error refuses
	// the newcomer. Nil answers 404.
	Announce func(from peerstore.Caller, a peerstore.Announcement) (peerstore.AnnounceAnswer, error)

	// NoDelta answers apps/delta with 403, as upstream's disableDelta.
	NoDelta bool
	// UpstreamPreservation says that the registry preserves by upstream's counting, which no operator ends.
	UpstreamPreservation bool
	// ReplicationAuth guards the Eureka batch and requests marked as replication; false gets 401. Nil leaves them open as upstream.
	ReplicationAuth func(*http.Request) bool
	// MaxBody bounds the body of a client's request after inflation, in bytes. Defaults to 1 MiB.
	MaxBody int64
	// MaxBatch bounds the bodies of batches and of calls between our servers. Defaults to 16 MiB.
	MaxBatch int64
	// MaxWatchers bounds how many requests wait for a change of the server list at a time. Defaults to 1024.
	MaxWatchers int
	// Environment names the environment in GET /eureka/status. Defaults to "default".
	Environment string

	// Now is the clock, in wall and monotonic time. Nil means time.Now.
	Now func() time.Time
	// Log receives refused registrations and calls, at most one line a second. Nil discards.
	Log *slog.Logger
	// Registerer takes the metrics of this package, Gatherer is what /metrics shows. Nil means none.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
}

func (d *Deps) setDefaults() error {
	if d.Registry == nil {
		return errors.New("httpapi: Deps.Registry is missing")
	}
	if d.Phase == nil {
		d.Phase = func() peerstore.Phase { return peerstore.PhaseServing }
	}
	if d.Ready == nil {
		d.Ready = func() (bool, []Check) {
			serving := d.Phase() == peerstore.PhaseServing
			return serving, []Check{{Name: "phase", OK: serving, Detail: string(d.Phase())}}
		}
	}
	d.MaxBody = cmp.Or(d.MaxBody, 1<<20)
	d.MaxBatch = cmp.Or(d.MaxBatch, 16<<20)
	d.MaxWatchers = cmp.Or(d.MaxWatchers, 1024)
	d.Environment = cmp.Or(d.Environment, "default")
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}
