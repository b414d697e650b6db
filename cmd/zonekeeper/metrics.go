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
	)
}
