package namesrv

import (
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// metrics counts what comes in. Every label value comes from a fixed list, so nobody outside can make new series.
type metrics struct {
	requests    *prometheus.CounterVec
	connections *prometheus.CounterVec
	guarded     prometheus.Counter
	strays      prometheus.Counter
	panics      prometheus.Counter
	told        *prometheus.CounterVec
	byCause     map[cause]prometheus.Counter
}

// results are the codes of our answers; anything else counts as "other".
var results = [...]int32{
	remoting.Success, remoting.SystemError, remoting.NotSupported, remoting.NoPermission, remoting.TopicNotExist,
	remoting.QueryNotFound, goAwayCode,
}

// route is a request code with its counters, each looked up once: a request then costs one addition and no map.
type route struct {
	name     string
	handle   handler
	requests *prometheus.CounterVec
	byResult [len(results) + 1]atomic.Pointer[prometheus.Counter] // the last one for "other"
}

func newMetrics(reg prometheus.Registerer, s *Server) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonekeeper_namesrv_requests_total", Help: "Requests by the reference's name of their code, and code of the answer. One-way requests count with the answer they did not get.",
		}, []string{"request", "result"}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonekeeper_namesrv_connections_closed_total", Help: "Connections that ended, by cause.",
		}, []string{"cause"}),
		guarded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zonekeeper_namesrv_refused_total", Help: "Uses of guarded codes by peers that may not.",
		}),
		strays: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zonekeeper_namesrv_stray_answers_total", Help: "Answers to requests that this server did not send.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zonekeeper_namesrv_panics_total", Help: "Requests whose handler panicked; each is in the log.",
		}),
		told: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonekeeper_namesrv_notices_total", Help: "Notices of a new lowest broker id, one for each broker told, by result.",
		}, []string{"result"}),
		byCause: make(map[cause]prometheus.Counter),
	}
	for _, why := range causes {
		m.byCause[why] = m.connections.WithLabelValues(string(why))
	}
	if reg == nil {
		return m, nil
	}
	open := func(kind string, n func(Counts) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zonekeeper_namesrv_connections", Help: "Open connections: of brokers, and others.", ConstLabels: prometheus.Labels{"of": kind},
		}, func() float64 { return float64(n(s.Connections())) })
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.connections, m.guarded, m.strays, m.panics, m.told,
		open("brokers", func(n Counts) int { return n.Brokers }),
		open("clients", func(n Counts) int { return n.Clients }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zonekeeper_namesrv_buffered_bytes", Help: "What connections hold of large frames.",
		}, func() float64 { return float64(s.buffered.bytes()) }),
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) route(name string, h handler) *route {
	return &route{name: name, handle: h, requests: m.requests}
}

// count counts a request that was handled.
func (r *route) count(c *call) {
	i := slices.Index(results[:], c.result)
	if i < 0 {
		i = len(results)
	}
	counter := r.byResult[i].Load()
	if counter == nil {
		label := "other"
		if i < len(results) {
			label = strconv.Itoa(int(results[i]))
		}
		made := r.requests.WithLabelValues(r.name, label)
		counter = &made
		r.byResult[i].Store(counter)
	}
	(*counter).Inc()
}

func (m *metrics) closed(why cause) { m.byCause[why].Inc() }
