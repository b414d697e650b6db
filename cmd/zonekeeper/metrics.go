package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// countMyself adds the process and the cluster as this server sees it to the metrics.
func (a *App) countMyself() {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "zonekeeper", Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "zonekeeper", Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	a.metrics.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "zonekeeper", Name: "build_info", Help: "Always 1; the label is the version.",
			ConstLabels: prometheus.Labels{"version": version()},
		}, func() float64 { return 1 }),
		gauge("ready", "1 when clients may be sent here.", func() float64 { ready, _ := a.ready(); return truth(ready) }),
		gauge("peers", "Other servers on the list.", func() float64 { return float64(len(a.list.Peers())) }),
		gauge("servers_serving", "Servers that clients are told, this one included.", func() float64 { return float64(len(a.list.Serving())) }),
		gauge("registry_applications", "Applications of clients.", func() float64 { return float64(a.registry.Stats().Applications) }),
		gauge("registry_instances", "Instances of clients.", func() float64 { return float64(a.registry.Stats().Instances) }),
		gauge("self_preservation", "1 while leases that are over are kept.", func() float64 { return truth(a.registry.Preservation().Active) }),
		gauge("database_up", "1 when the last calls to the database were answered.", func() float64 {
			return truth(a.databaseStatus(a.list.Status()).State == "ok")
		}),
		gauge("heartbeat_age_seconds", "Time since the database took our last heartbeat.", func() float64 {
			return a.heart.Status().SinceOK.Seconds()
		}),
		counter("heartbeat_loops_replaced_total", "Heartbeat loops that were stuck or had ended and were replaced by the watchdog.", func() int {
			return a.heart.Status().WatchdogReplaced
		}),
		counter("incarnations_total", "Rows that were registered for this process: more than one when a row was lost.", func() int {
			return a.heart.Status().Incarnations
		}),
		counter("database_outages_declared_total", "Outages of the database that this server declared.", func() int {
			return a.heart.Status().OutagesDeclared
		}),
		gauge("duplicate_address", "1 while another server answers at our advertised address.", func() float64 {
			return truth(a.heart.Status().DuplicateURL)
		}),
	)
}
