package replication

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics shows the totals and what Status tells, summed up: labels stay few however many peers there are.
type metrics struct {
	r        *Replicator
	counters []counter
	peers    *prometheus.Desc
	queue    *prometheus.Desc
	lag      *prometheus.Desc
	differs  *prometheus.Desc
}

type counter struct {
	desc  *prometheus.Desc
	label []string
	value *atomic.Uint64
}

func newMetrics(r *Replicator) *metrics {
	const prefix = "zonekeeper_replication_"
	t := &r.totals
	entries := prometheus.NewDesc(prefix+"entries_total", "Instances copied: changes and parts of copies.", []string{"direction"}, nil)
	renewals := prometheus.NewDesc(prefix+"renewals_total", "Renewals copied.", []string{"direction"}, nil)
	java := prometheus.NewDesc(prefix+"java_items_total", "Items for Java servers, by what became of them.", []string{"result"}, nil)
	single := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(prefix+name, help, nil, nil) }
	return &metrics{
		r: r,
		counters: []counter{
			{entries, []string{"sent"}, &t.EntriesSent},
			{entries, []string{"received"}, &t.EntriesReceived},
			{renewals, []string{"sent"}, &t.RenewalsSent},
			{renewals, []string{"received"}, &t.RenewalsReceived},
			{java, []string{"sent"}, &t.JavaItems},
			{java, []string{"dropped"}, &t.JavaDropped},
			{single("streams_total", "Streams opened to peers."), nil, &t.Streams},
			{single("overflows_total", "Streams begun anew because more changes waited than fit."), nil, &t.Overflows},
			{single("refused_calls_total", "Calls of peers that were malformed or out of order."), nil, &t.Refused},
			{single("oversized_total", "Instances too large to copy."), nil, &t.Oversized},
		},
		peers:   prometheus.NewDesc(prefix+"peers", "Listed peers, by what is true of them.", []string{"state"}, nil),
		queue:   single("queue_instances", "Instances waiting to be sent, over all peers."),
		lag:     single("lag_seconds", "How long the oldest instance has been waiting to be sent."),
		differs: single("divergence_seconds", "How long the registry of some peer has differed from ours."),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.counters {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.value.Load()), c.label...)
	}
	gauge := func(d *prometheus.Desc, v float64, label ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label...)
	}
	var listed, connected, heard, differing, queue int
	var lag, differs time.Duration
	for _, p := range m.r.Status() {
		queue += p.Queue
		lag, differs = max(lag, p.Lag), max(differs, p.DiffersFor)
		if p.Java {
			continue
		}
		listed++
		connected += count(p.Connected)
		heard += count(p.Hears)
		differing += count(p.DiffersFor > 0)
	}
	gauge(m.peers, float64(listed), "listed")
	gauge(m.peers, float64(connected), "connected")
	gauge(m.peers, float64(heard), "heard")
	gauge(m.peers, float64(differing), "differing")
	gauge(m.queue, float64(queue))
	gauge(m.lag, lag.Seconds())
	gauge(m.differs, differs.Seconds())
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
