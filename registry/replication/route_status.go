package replication

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// RouteStatus is what this server knows about sharing routes with one peer.
type RouteStatus struct {
	ID    string          `json:"id"`
	URL   string          `json:"url"`
	Phase peerstore.Phase `json:"phase"` // of its name server
	// Heard: its feed reaches us. For is how long that has been so, or not.
	Heard bool          `json:"heard"`
	For   time.Duration `json:"for"`
	// Copied: all that it had at some time has arrived.
	Copied bool `json:"copied"`
	// Agrees: the last digest it told equalled ours. DiffersFor is how long it has not.
	Agrees     bool          `json:"agrees"`
	DiffersFor time.Duration `json:"differsFor"`
	LastError  string        `json:"lastError,omitempty"`
}

// Status tells about each listed peer that runs a name server, in the order of their ids, for people, rows and metrics.
func (r *Routes) Status() []RouteStatus {
	pullers := r.list()
	list := make([]RouteStatus, len(pullers))
	for i, p := range pullers {
		list[i] = p.status()
	}
	return list
}

func (p *puller) status() RouteStatus {
	now := p.r.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := RouteStatus{
		ID: p.id, URL: p.url, Phase: p.peer.NamesrvPhase, Heard: p.heard, For: now.Sub(p.since), Copied: p.copied,
		Agrees: p.agreement.agrees(), DiffersFor: p.agreement.differsFor(now),
	}
	if p.err != nil {
		s.LastError = p.err.Error()
	}
	return s
}

// routeTotals count what happened since the start.
type routeTotals struct {
	Sent      atomic.Uint64 // items told
	Received  atomic.Uint64 // items taken
	Copies    atomic.Uint64 // full copies that arrived
	Recopies  atomic.Uint64 // of these, asked for although the feed went on
	Failures  atomic.Uint64 // calls to peers without a right answer
	Refused   atomic.Uint64 // calls of peers that were malformed or too many
	Oversized atomic.Uint64 // items too large to tell
}

// routeMetrics shows the totals and what Status tells, summed up: labels stay few however many peers there are.
type routeMetrics struct {
	r        *Routes
	counters []counter
	peers    *prometheus.Desc
	waiting  *prometheus.Desc
	differs  *prometheus.Desc
}

func newRouteMetrics(r *Routes) *routeMetrics {
	const prefix = "zonekeeper_routes_"
	t := &r.totals
	items := prometheus.NewDesc(prefix+"items_total", "Brokers, renewals, departures and words shared with peers.", []string{"direction"}, nil)
	single := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(prefix+name, help, nil, nil) }
	return &routeMetrics{
		r: r,
		counters: []counter{
			{items, []string{"sent"}, &t.Sent},
			{items, []string{"received"}, &t.Received},
			{single("copies_total", "Full copies of peers' routes that arrived."), nil, &t.Copies},
			{single("recopies_total", "Full copies asked for because digests differed or a peer was not heard."), nil, &t.Recopies},
			{single("failures_total", "Calls to peers for their routes that failed."), nil, &t.Failures},
			{single("refused_calls_total", "Calls of peers for our routes that were malformed or too many."), nil, &t.Refused},
			{single("oversized_total", "Brokers too large to be told to peers."), nil, &t.Oversized},
		},
		peers:   prometheus.NewDesc(prefix+"peers", "Listed peers with a name server, by what is true of them.", []string{"state"}, nil),
		waiting: single("waiting_calls", "Calls of peers that wait for news of our routes."),
		differs: single("divergence_seconds", "How long the routes of some peer have differed from ours."),
	}
}

// Describe implements prometheus.Collector.
func (m *routeMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *routeMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.counters {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.value.Load()), c.label...)
	}
	gauge := func(d *prometheus.Desc, v float64, label ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label...)
	}
	var listed, heard, copied, agreeing, differing int
	var differs time.Duration
	for _, p := range m.r.Status() {
		listed++
		heard += count(p.Heard)
		copied += count(p.Copied)
		agreeing += count(p.Agrees)
		differing += count(p.DiffersFor > 0)
		differs = max(differs, p.DiffersFor)
	}
	gauge(m.peers, float64(listed), "listed")
	gauge(m.peers, float64(heard), "heard")
	gauge(m.peers, float64(copied), "copied")
	gauge(m.peers, float64(agreeing), "agreeing")
	gauge(m.peers, float64(differing), "differing")
	gauge(m.waiting, float64(m.r.polls.len()))
	gauge(m.differs, differs.Seconds())
}
