package main

import (
	"cmp"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/replication"
)

// status is the document of GET /api/v1/status. Fields are only ever added.
type status struct {
	Version      string             `json:"version"`
	Peer         peerstore.Peer     `json:"peer"`
	Phase        peerstore.Phase    `json:"phase"`
	Ready        bool               `json:"ready"`
	Uptime       string             `json:"uptime"`
	Database     databaseStatus     `json:"database"`
	Membership   membershipStatus   `json:"membership"`
	Peers        []peerStatus       `json:"peers"`
	JavaPeers    []copyStatus       `json:"javaPeers,omitempty"`
	Registry     registryStatus     `json:"registry"`
	Preservation preservationStatus `json:"selfPreservation"`
	Namesrv      *namesrvStatus     `json:"namesrv,omitempty"` // none: no RocketMQ is spoken here
}

type databaseStatus struct {
	State     string `json:"state"` // ok, away, none
	Problem   string `json:"problem,omitempty"`
	Heartbeat string `json:"sinceHeartbeat,omitempty"`
	Read      string `json:"sinceRead,omitempty"`
	// AsOf is set while rows cannot be read: all that is said of other servers' heartbeats, counts and digests is from then.
	AsOf    *time.Time `json:"asOf,omitempty"`
	Outages int        `json:"outagesDeclared"`
	Pending int        `json:"pendingOverrides"`
}

type membershipStatus struct {
	ClusterUUID string `json:"clusterUuid"`
	Source      string `json:"source"`
	Version     int64  `json:"version"`
	Holding     string `json:"holding,omitempty"`
	Serving     int    `json:"serving"`
}

// peerStatus is one server as this one sees it, itself included.
type peerStatus struct {
	peerstore.Peer
	Self    bool            `json:"self,omitempty"`
	Verdict string          `json:"verdict"`
	Silent  string          `json:"silent,omitempty"`
	Age     string          `json:"sinceHeartbeat,omitempty"`
	Stats   peerstore.Stats `json:"stats"`
	Copy    *copyStatus     `json:"copy,omitempty"`
	Routes  *routesStatus   `json:"routes,omitempty"`
}

// copyStatus is how copying to and from a server goes.
type copyStatus struct {
	URL       string `json:"url,omitempty"`
	Connected bool   `json:"connected"`
	Hears     bool   `json:"hears"`
	Heard     string `json:"heardThrough,omitempty"`
	Queue     int    `json:"queue"`
	Lag       string `json:"lag,omitempty"`
	Agrees    bool   `json:"agrees"`
	Differs   string `json:"differsFor,omitempty"`
	LastError string `json:"lastError,omitempty"`
}

type registryStatus struct {
	Applications     int              `json:"applications"`
	Instances        int              `json:"instances"`
	Overrides        int              `json:"overrides"`
	Tombstones       int              `json:"tombstones"`
	Version          int64            `json:"version"`
	Digest           peerstore.Digest `json:"digest"`
	HashCode         string           `json:"appsHashCode"`
	RenewsLastMinute int              `json:"renewsLastMinute"`
}

type preservationStatus struct {
	Active   bool    `json:"active"`
	Sentence string  `json:"sentence,omitempty"`
	Expected float64 `json:"expectedRenewals"`
	Actual   float64 `json:"actualRenewals"`
	Kept     int     `json:"kept"`
}

func (a *App) status() status {
	self := a.heart.Self()
	ready, _ := a.ready()
	l := a.list.Status()
	r := a.registry.Stats()
	p := a.registry.Preservation()
	s := status{
		Version: version(), Peer: self, Phase: self.Phase, Ready: ready, Uptime: seconds(a.since()),
		Database: a.databaseStatus(l),
		Membership: membershipStatus{
			ClusterUUID: l.ClusterUUID, Source: l.Source, Version: l.Version, Holding: l.Holding, Serving: len(a.list.Serving()),
		},
		Peers: []peerStatus{},
		Registry: registryStatus{
			Applications: r.Applications, Instances: r.Instances, Overrides: r.Overrides, Tombstones: r.Tombstones, Version: r.Version,
			Digest: peerstore.Digest(r.Digest), HashCode: a.registry.Snapshot().HashCode(), RenewsLastMinute: r.RenewsLastMinute,
		},
		Preservation: preservationStatus{Active: p.Active, Sentence: p.Sentence, Expected: p.Expected, Actual: p.Actual, Kept: p.Kept},
		Namesrv:      a.namesrvStatus(),
	}
	copies := make(map[string]*copyStatus)
	for _, c := range a.replicator.Status() {
		one := copyOf(c)
		if c.Java {
			one.URL = c.URL
			s.JavaPeers = append(s.JavaPeers, one)
			continue
		}
		copies[c.ID] = &one
	}
	shared := make(map[string]*routesStatus)
	if a.namesrv != nil {
		for _, r := range a.namesrv.routes.Status() {
			shared[r.ID] = routesOf(r)
		}
	}
	for _, m := range a.list.All() {
		if m.ID == self.ID {
			m.Stats = a.stats() // now, not as of the last heartbeat
		}
		one := peerStatus{Peer: m.Peer, Self: m.ID == self.ID, Verdict: m.Verdict, Silent: seconds(m.Silent), Stats: m.Stats, Copy: copies[m.ID], Routes: shared[m.ID]}
		if m.Age > 0 {
			one.Age = age(m.Age)
		}
		s.Peers = append(s.Peers, one)
	}
	return s
}

func (a *App) databaseStatus(l peerstore.ListStatus) databaseStatus {
	if a.deps.Store == nil {
		return databaseStatus{State: "none", Problem: errNoDatabase.Error()}
	}
	h := a.heart.Status()
	d := databaseStatus{State: "ok", Outages: h.OutagesDeclared}
	if l.LastError != "" && l.SinceRead > 0 {
		then := a.deps.Now().Add(-l.SinceRead).Round(time.Millisecond).UTC()
		d.AsOf = &then
	}
	if a.intents != nil {
		d.Pending = a.intents.Pending()
	}
	switch {
	case !h.Registered:
		d.State, d.Problem = "away", cmp.Or(a.database.now(), h.LastError, l.LastError, "not registered yet")
		return d
	case h.LastError != "" || l.LastError != "":
		d.State, d.Problem = "away", cmp.Or(h.LastError, l.LastError)
	}
	d.Heartbeat, d.Read = seconds(h.SinceOK), seconds(l.SinceRead)
	return d
}

func copyOf(c replication.PeerStatus) copyStatus {
	one := copyStatus{Connected: c.Connected, Hears: c.Hears, Queue: c.Queue, Agrees: c.Agrees, LastError: c.LastError}
	if c.HeardThroughAge >= 0 {
		one.Heard = seconds(c.HeardThroughAge)
	}
	if c.Lag > 0 {
		one.Lag = seconds(c.Lag)
	}
	if c.DiffersFor > 0 {
		one.Differs = seconds(c.DiffersFor)
	}
	return one
}

// ready says whether clients may be sent here. The database does not hold readiness back: it is not on a request's path.
func (a *App) ready() (bool, []httpapi.Check) {
	phase := a.phase()
	h := a.heart.Status()
	checks := []httpapi.Check{
		{Name: "phase", OK: phase == peerstore.PhaseServing, Detail: string(phase)},
		{Name: "address", OK: !h.DuplicateURL, Detail: "nobody else answers at our address"},
		{Name: "quarantine", OK: h.Quarantined <= 0, Detail: "no operator sent us away"},
	}
	ready := true
	for i, c := range checks {
		ready = ready && c.OK
		if c.OK && i > 0 {
			checks[i].Detail = ""
		}
	}
	if h.DuplicateURL {
		checks[1].Detail = "another server answers at our address"
	}
	if h.Quarantined > 0 {
		checks[2].Detail = "an operator sent us away, for another " + seconds(h.Quarantined)
	}
	if a.namesrv != nil {
		check := a.namesrvCheck()
		ready = ready && check.OK
		checks = append(checks, check)
	}
	d := a.databaseStatus(a.list.Status())
	checks = append(checks, httpapi.Check{Name: "database", OK: d.State == "ok", Degraded: d.State != "ok", Detail: d.Problem})
	return ready, checks
}

// stats go into our row with every heartbeat.
func (a *App) stats() peerstore.Stats {
	r := a.registry.Stats()
	s := peerstore.Stats{
		Applications: r.Applications, Instances: r.Instances, RegistryVersion: r.Version, Digest: peerstore.Digest(r.Digest),
		SelfPreservation: a.registry.Preservation().Active, RenewsPerMinute: r.RenewsLastMinute,
	}
	if a.namesrv != nil {
		known := a.namesrv.table.Stats()
		s.Brokers, s.Topics, s.RoutesDigest = known.Brokers, known.Topics, peerstore.Digest(a.namesrv.table.Digest())
	}
	for _, c := range a.replicator.Status() {
		if c.Java {
			continue
		}
		s.PeersTotal++
		if c.Hears && c.Connected {
			s.PeersOK++
		}
	}
	for _, p := range a.list.Peers() {
		if !p.Reachable {
			s.Unreachable = append(s.Unreachable, p.ID)
		}
	}
	return s
}

// seconds writes a duration so that it can be read and compared: one digit below the second.
func seconds(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
