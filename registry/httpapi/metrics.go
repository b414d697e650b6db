package httpapi

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// metrics counts requests. Every label value comes from a fixed list, so nobody outside can make new series.
type metrics struct {
	requests      *prometheus.CounterVec
	seconds       *prometheus.HistogramVec
	registrations *prometheus.CounterVec
	peerCalls     *prometheus.CounterVec
	batchItems    *prometheus.CounterVec
	items         [eureka.DeleteStatusOverride + 1][len(itemStatuses)]prometheus.Counter
	byName        map[string]*routeMetrics
}

// itemStatuses are what an item of a batch is answered with.
var itemStatuses = [...]int{200, 404, 409, 500}

// answered are the statuses that this package gives; anything else counts as "other".
var answered = [...]int{200, 204, 304, 400, 401, 403, 404, 405, 406, 409, 413, 415, 500, 503}

// routeMetrics are the counters of one route, each looked up once: a renewal then costs two additions and no map.
type routeMetrics struct {
	name     string
	requests *prometheus.CounterVec
	byStatus [len(answered) + 1]atomic.Pointer[prometheus.Counter] // the last one for "other"
	seconds  prometheus.Observer
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonekeeper_http_requests_total", Help: "Requests by route, without its prefix, and status of the answer.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "zonekeeper_http_request_seconds", Help: "Time from the request's header to the end of the answer.",
			Buckets: []float64{.0001, .0005, .0025, .01, .05, .25, 1, 5},
		}, []string{"route"}),
		registrations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonekeeper_http_registrations_refused_total", Help: "Registrations that were not taken, by reason.",
		}, []string{"reason"}),
		peerCalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonekeeper_http_peer_calls_refused_total", Help: "Calls between servers that were refused before anything was applied, by reason.",
		}, []string{"reason"}),
		batchItems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zonekeeper_http_batch_items_total", Help: "Items of Eureka batches received, by action and status.",
		}, []string{"action", "status"}),
		byName: make(map[string]*routeMetrics),
	}
	for action := range m.items {
		name := eureka.Action(action).String()
		if name == "" {
			name = "none"
		}
		for i, status := range itemStatuses {
			m.items[action][i] = m.batchItems.WithLabelValues(name, strconv.Itoa(status))
		}
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.registrations, m.peerCalls, m.batchItems} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// route returns the counters of a route; the same for the same route under every prefix.
func (m *metrics) route(name string) *routeMetrics {
	if r, ok := m.byName[name]; ok {
		return r
	}
	r := &routeMetrics{name: name, requests: m.requests, seconds: m.seconds.WithLabelValues(name)}
	m.byName[name] = r
	return r
}

func (r *routeMetrics) observe(status int, took time.Duration) {
	i := slices.Index(answered[:], status)
	if i < 0 {
		i = len(answered)
	}
	counter := r.byStatus[i].Load()
	if counter == nil {
		label := "other"
		if i < len(answered) {
			label = strconv.Itoa(status)
		}
		made := r.requests.WithLabelValues(r.name, label)
		counter = &made
		r.byStatus[i].Store(counter)
	}
	(*counter).Inc()
	r.seconds.Observe(took.Seconds())
}

func (m *metrics) registrationRefused(reason string) {
	m.registrations.WithLabelValues(reason).Inc()
}

func (m *metrics) peerRefused(reason string) { m.peerCalls.WithLabelValues(reason).Inc() }

func (m *metrics) batchItem(action eureka.Action, status int) {
	m.items[action][slices.Index(itemStatuses[:], status)].Inc()
}
