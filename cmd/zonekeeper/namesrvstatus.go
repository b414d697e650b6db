package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/replication"
)

// namesrvStatus is the name server's part of GET /api/v1/status.
type namesrvStatus struct {
	Address       string           `json:"address"`
	Phase         peerstore.Phase  `json:"phase"`
	Waiting       string           `json:"waiting,omitempty"` // what it waits for, in a sentence
	Brokers       int              `json:"brokers"`
	DirectBrokers int              `json:"directBrokers"` // those that register with this server itself
	Topics        int              `json:"topics"`
	Words         int              `json:"words"`
	Digest        peerstore.Digest `json:"digest"`
	Agreement     string           `json:"agreement"` // with the other name servers, in a sentence
	Connections   int              `json:"connections"`
	Clients       int              `json:"clients"` // connections that are no broker's
	LastLookup    string           `json:"sinceLookup,omitempty"`
	PendingWords  int              `json:"pendingWords"`
	DroppedWords  int              `json:"droppedWords"`
	PendingAudit  int              `json:"pendingAudit"`
	DroppedAudit  int              `json:"droppedAudit"`
}

// routesStatus is how sharing routes with another name server goes.
type routesStatus struct {
	Heard     bool   `json:"heard"`
	For       string `json:"for"`
	Copied    bool   `json:"copied"`
	Agrees    bool   `json:"agrees"`
	Differs   string `json:"differsFor,omitempty"`
	LastError string `json:"lastError,omitempty"`
}

func routesOf(s replication.RouteStatus) *routesStatus {
	one := &routesStatus{Heard: s.Heard, For: seconds(s.For), Copied: s.Copied, Agrees: s.Agrees, LastError: s.LastError}
	if s.DiffersFor > 0 {
		one.Differs = seconds(s.DiffersFor)
	}
	return one
}

// namesrvStatus is nil on a server that speaks no RocketMQ.
func (a *App) namesrvStatus() *namesrvStatus {
	ns := a.namesrv
	if ns == nil {
		return nil
	}
	self, known, open := a.heart.Self(), ns.table.Stats(), ns.server.Connections()
	s := &namesrvStatus{
		Address: self.Addresses.Namesrv, Phase: self.NamesrvPhase, Waiting: a.namesrvWaiting(),
		Brokers: known.Brokers, DirectBrokers: known.DirectBrokers, Topics: known.Topics, Words: known.Words,
		Digest: peerstore.Digest(ns.table.Digest()), Agreement: a.namesrvAgreement(),
		Connections: open.All, Clients: open.Clients,
	}
	if last := ns.server.LastQuery(); !last.IsZero() {
		s.LastLookup = seconds(a.deps.Now().Sub(last))
	}
	if ns.words != nil {
		s.PendingWords, s.DroppedWords = ns.words.Pending(), ns.words.Dropped()
	}
	if ns.audit != nil {
		s.PendingAudit, s.DroppedAudit = ns.audit.Pending(), ns.audit.Dropped()
	}
	return s
}

// namesrvWaiting says what the name server waits for, "" when it serves.
func (a *App) namesrvWaiting() string {
	ns, phase := a.namesrv, a.heart.Self().NamesrvPhase
	switch {
	case phase == peerstore.PhaseServing || !phase.Living() && phase != peerstore.PhaseLeft:
		return ""
	case phase == peerstore.PhaseDraining:
		open := ns.server.Connections()
		return fmt.Sprintf("It stops: clients are told of other name servers, and it answers the %s until they have left.",
			many(open.Clients, "connection that is", "connections that are")+" no broker's")
	case phase == peerstore.PhaseLeft:
		return "It stops: brokers read their list, in which it is no longer."
	}
	if until := ns.coldUntil.Load(); until > 0 {
		expected, known := a.expectedBrokers()
		before := ""
		if known {
			before = fmt.Sprintf(" of the %d that the last servers knew", expected)
		}
		left := max(0, time.Unix(0, until).Sub(a.deps.Now()))
		return fmt.Sprintf("No other name server knows the routes, so brokers have another %s to register: %d%s are here. Until then lookups are answered \"name server not ready\".",
			left.Round(time.Second), ns.table.Stats().Brokers, before)
	}
	if ns.copied.Load() {
		return "It is about to serve."
	}
	var from []string
	for _, r := range ns.routes.Status() {
		if !r.Copied && (r.Phase == peerstore.PhaseServing || r.Phase == peerstore.PhaseDraining) {
			from = append(from, r.URL)
		}
	}
	if len(from) > 0 {
		return "It copies routes from " + strings.Join(from, " and ") + "."
	}
	return "It waits to learn of the other servers."
}

// namesrvAgreement says whether the name servers show the same routes.
func (a *App) namesrvAgreement() string {
	peers := a.namesrv.routes.Status()
	if len(peers) == 0 {
		return "There is no other name server."
	}
	var differ, silent []string
	for _, p := range peers {
		switch {
		case !p.Heard:
			silent = append(silent, p.URL)
		case !p.Agrees:
			differ = append(differ, fmt.Sprintf("%s (for %s)", p.URL, seconds(p.DiffersFor)))
		}
	}
	var all []string
	if len(differ) == 0 && len(silent) == 0 {
		return fmt.Sprintf("All %d name servers show the same routes.", len(peers)+1)
	}
	if len(differ) > 0 {
		all = append(all, "Others' routes differ from ours: "+strings.Join(differ, ", ")+".")
	}
	if len(silent) > 0 {
		all = append(all, "Not heard: "+strings.Join(silent, ", ")+".")
	}
	return strings.Join(all, " ")
}

// namesrvCheck is the name server's line of readiness. It waits for the copies of other servers' routes; not for brokers that are not there,
// since nobody could reach a cluster of which every server waits for them.
func (a *App) namesrvCheck() httpapi.Check {
	phase := a.heart.Self().NamesrvPhase
	check := httpapi.Check{Name: "namesrv", Detail: string(phase)}
	switch phase {
	case peerstore.PhaseServing:
		check.OK = true
		known := a.namesrv.table.Stats()
		check.Detail += fmt.Sprintf(", %s, %s", many(known.Brokers, "broker", "brokers"), many(known.Topics, "topic", "topics"))
	case peerstore.PhaseJoining:
		check.OK = a.namesrv.copied.Load()
		check.Degraded = check.OK
		check.Detail += ". " + a.namesrvWaiting()
	default:
		check.Detail += ". " + a.namesrvWaiting()
	}
	return check
}

// namesrvComplete reports whether so many name servers are listed for clients, or there is none here.
func (a *App) namesrvComplete(servers int) bool {
	return a.namesrv == nil || len(a.list.NamesrvClients()) >= servers
}

// countNamesrv adds the name server to the metrics; namesrv and replication count what passes through them.
func (a *App) countNamesrv() {
	ns := a.namesrv
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "zonekeeper", Subsystem: "namesrv", Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "zonekeeper", Subsystem: "namesrv", Name: name, Help: help},
			func() float64 { return float64(value()) })
	}
	is := func(phases ...peerstore.Phase) float64 {
		if slices.Contains(phases, a.heart.Self().NamesrvPhase) {
			return 1
		}
		return 0
	}
	all := []prometheus.Collector{
		gauge("serving", "1 when RocketMQ clients may be sent here.", func() float64 { return is(peerstore.PhaseServing) }),
		gauge("brokers", "Brokers in the route table.", func() float64 { return float64(ns.table.Stats().Brokers) }),
		gauge("direct_brokers", "Brokers that register with this server itself.", func() float64 { return float64(ns.table.Stats().DirectBrokers) }),
		gauge("topics", "Topics that are routed.", func() float64 { return float64(ns.table.Stats().Topics) }),
		gauge("words", "Operators' words: configuration, wiped permissions, deleted topics, and what took them back.", func() float64 {
			return float64(ns.table.Stats().Words)
		}),
		gauge("listed_clients", "Name servers that RocketMQ clients are told.", func() float64 { return float64(len(a.list.NamesrvClients())) }),
		gauge("listed_brokers", "Name servers that brokers are told.", func() float64 { return float64(len(a.list.NamesrvBrokers())) }),
	}
	if ns.words != nil {
		all = append(all,
			gauge("words_pending", "Words that are not in the database yet.", func() float64 { return float64(ns.words.Pending()) }),
			counter("words_dropped_total", "Words that could not be made durable.", ns.words.Dropped))
	}
	if ns.audit != nil {
		all = append(all,
			gauge("audit_pending", "Audit records that are not in the database yet.", func() float64 { return float64(ns.audit.Pending()) }),
			counter("audit_dropped_total", "Audit records that were given up.", ns.audit.Dropped))
	}
	a.metrics.MustRegister(all...)
}

// many counts things in words: "1 broker", "3 brokers".
func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
