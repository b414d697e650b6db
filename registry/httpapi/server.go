package httpapi

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/peerstore"
)

// Server answers everything. It is an http.Handler, safe for concurrent use; give it to an http.Server directly, without a
// ServeMux in front, which would redirect ids with dots and doubled slashes.
type Server struct {
	deps     Deps
	echo     *echo.Echo
	metrics  *metrics
	notes    notes
	watchers chan struct{} // one token per waiting request
	large    chan struct{} // one token per large body
	started  time.Time

	unmatched  *routeMetrics
	lastClient atomic.Int64 // nanoseconds from started to the last call of a client

	stopped chan struct{} // closed by StopWatching
	stop    sync.Once
}

// New builds the handler. It starts nothing and returns an error only for Deps that cannot work.
func New(d Deps) (*Server, error) {
	if err := d.setDefaults(); err != nil {
		return nil, err
	}
	s := &Server{
		deps: d, echo: echo.New(), started: d.Now(), stopped: make(chan struct{}),
		watchers: make(chan struct{}, d.MaxWatchers), large: make(chan struct{}, maxLargeBodies),
	}
	s.notes.now = d.Now
	var err error
	if s.metrics, err = newMetrics(d.Registerer); err != nil {
		return nil, err
	}
	s.unmatched = s.metrics.route("none")
	s.echo.HTTPErrorHandler = s.noRoute
	for _, r := range s.routes() {
		s.add(r)
	}
	return s, nil
}

// routes is the whole surface. Methods that a route lacks are answered 405, OPTIONS and HEAD come with it (see route).
func (s *Server) routes() []*route {
	// The Eureka API, for clients that wrote the address with or without a version.
	// Compat: the WAR serves it under /v2 of its context; Spring's filter makes /eureka and /eureka/v2 the same.
	lists := []*route{
		{path: "/apps", get: s.fullList},
		{path: "/apps/delta", get: s.delta},
		{path: "/apps/:app", get: s.application, post: s.register},
		{path: "/apps/:app/:id", get: s.instance, put: s.renew, del: s.cancel},
		{path: "/apps/:app/:id/status", put: s.setStatus, del: s.clearStatus},
		{path: "/apps/:app/:id/metadata", put: s.setMetadata},
		{path: "/instances/:id", get: s.instanceByID},
		{path: "/vips/:vip", get: s.vip},
		{path: "/svips/:vip", get: s.secureVIP},
	}
	others := []*route{
		{path: "/status", get: s.eurekaStatus},
		{path: "/asg/:asg/status", put: s.asgStatus},
		{path: "/peerreplication/batch", post: s.batch, peers: true},
	}
	var all []*route
	for _, prefix := range []string{"/eureka", "/eureka/v2", "/v2"} {
		all = append(all, below(prefix, lists)...)
		all = append(all, below(prefix, others)...)
	}
	// A client with a forgotten context calls the root, gets 404 and would register and fetch there without end.
	all = append(all, below("", lists)...)
	for _, r := range all {
		r.eureka = true
	}

	for _, f := range clientcfg.Formats() {
		all = append(all, &route{path: "/zone" + f.Extension(), name: "/zone", get: s.zone(f)})
	}
	var stream, vouch peerCall
	if p := s.deps.Peers; p != nil {
		stream, vouch = p.ServeStream, p.ServeVouch
	}
	return append(all,
		&route{path: "/livez", get: s.livez},
		&route{path: "/readyz", get: s.readyz},
		&route{path: "/metrics", get: s.showMetrics()},
		// The WAR's servlet has this outside of its version; Spring's filter makes /eureka/serverinfo a 404, and so it is here.
		&route{path: "/serverinfo/statusoverrides", get: s.statusOverrides},

		// Where RocketMQ's brokers and clients ask for name servers, and what ours knows, for people and tools.
		&route{path: "/rocketmq/:subgroup", get: s.nsaddr},
		&route{path: "/api/v1/topics", get: s.topics},
		&route{path: "/api/v1/topics/:topic", get: s.topicRoute},
		&route{path: "/api/v1/topics/:topic/why", get: s.whyTopic},
		&route{path: "/api/v1/brokers", get: s.brokers},

		&route{path: "/api/v1/status", get: s.apiStatus},
		&route{path: "/api/v1/zone/watch", get: s.watchZone},
		&route{path: "/api/v1/self-preservation/end", post: s.endPreservation},
		&route{path: peerstore.IdentityPath, get: s.identity},
		&route{path: peerstore.AnnouncePath, post: s.announce},
		&route{path: "/api/v1/peer/stream", post: s.signed(stream, s.deps.MaxBatch)},
		&route{path: "/api/v1/peer/vouch", post: s.signed(vouch, s.deps.MaxBatch)},
		&route{path: "/api/v1/peer/routes", post: s.signed(s.deps.PeerRoutes, maxRoutesCall)},
	)
}

// below returns copies of routes under a prefix.
func below(prefix string, routes []*route) []*route {
	out := make([]*route, len(routes))
	for i, r := range routes {
		c := *r
		c.name, c.path = r.path, prefix+r.path
		out[i] = &c
	}
	return out
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.deps.Phase() == peerstore.PhaseDraining {
		w.Header()["Connection"] = headerClose
	}
	if r.ContentLength != 0 {
		setBodyDeadline(w)
	}
	tidied, ok := tidy(r)
	if !ok {
		s.unmatched.observe(http.StatusNotFound, 0)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.echo.ServeHTTP(w, routable(tidied))
}

// LastClientCall is when the last request of a client came in on the Eureka API, zero for never. A draining server may go when
// that was some time ago. Calls of servers, probes and scrapes do not count. The time has a monotonic reading.
func (s *Server) LastClientCall() time.Time {
	if n := s.lastClient.Load(); n != 0 {
		return s.started.Add(time.Duration(n))
	}
	return time.Time{}
}

// StopWatching ends every request that waits for a change of the server list, and those to come at once. It is meant for
// http.Server.RegisterOnShutdown.
func (s *Server) StopWatching() { s.stop.Do(func() { close(s.stopped) }) }
