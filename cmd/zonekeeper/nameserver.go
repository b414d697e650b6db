package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/replication"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// nameServer is the RocketMQ half of an App: the routes, the server in front of them, what copies them to other name servers, and what
// keeps operators' words. It shares the row, the list of servers and the HTTP port with the Eureka half, and has a phase of its own.
type nameServer struct {
	listener net.Listener
	table    *routeinfo.Table
	server   *namesrv.Server
	routes   *replication.Routes
	words    *intent.Words // nil without a store
	audit    *intent.Audit // nil without a store
	log      *slog.Logger

	departures *departures // brokers that are gone

	wordsRead chan struct{}                  // closed when operators' words were read
	reading   atomic.Pointer[routeinfo.Word] // the stored word that is being taken over
	copied    atomic.Bool                    // other name servers' routes are here, as far as they could be had
	answers   atomic.Bool                    // lookups are answered
	coldUntil atomic.Int64                   // until when brokers are waited for, in nanoseconds since 1970; 0: they are not

	closing chan struct{} // closed once, when the App leaves
}

// wireNamesrv: RocketMQ's brokers and clients, when there is a listener for them.
func (a *App) wireNamesrv() error {
	if a.deps.Namesrv == nil {
		return nil
	}
	if a.cfg.Namesrv.Advertise == "" {
		return errors.New("a name server needs an advertised address")
	}
	c := a.cfg.Namesrv
	ns := &nameServer{listener: a.deps.Namesrv, log: a.log, wordsRead: make(chan struct{}), closing: make(chan struct{})}
	var err error
	if a.deps.Words != nil {
		if ns.words, err = intent.NewWords(intent.WordsConfig{Store: a.deps.Words, Cluster: a.cfg.Cluster, Log: a.log}); err != nil {
			return err
		}
	}
	if a.deps.Audit != nil {
		if ns.audit, err = intent.NewAudit(intent.AuditConfig{Store: a.deps.Audit, Cluster: a.cfg.Cluster, Log: a.log}); err != nil {
			return err
		}
	}
	ns.table = routeinfo.New(routeinfo.Config{
		Self: a.heart.Self().ID, Epoch: a.heart.Self().Epoch, Feed: uint64(a.deps.Rand()*(1<<53)) | 1,
		OnWord: ns.keepWord, Log: a.log, Faults: a.deps.Faults.Routes,
	})
	ns.departures = newDepartures(ns.table, a.deps.Now)
	if ns.words == nil {
		ns.table.WordsRead() // there are no earlier ones
	}
	ns.server, err = namesrv.New(namesrv.Config{
		Settings: c.Settings, Ready: ns.answers.Load, Admin: c.Admin, Audit: a.keepAudit, Dial: a.deps.DialBroker,
		MaxConnections: c.MaxConnections, Now: a.deps.Now, Log: a.log, Registerer: a.metrics,
	}, ns.table)
	if err != nil {
		return err
	}
	ns.routes, err = replication.NewRoutes(replication.RoutesConfig{
		Table: ns.table, Self: a.identity, Peers: a.list.Peers, Changed: a.list.Changed, Signer: a.signer, Transport: a.peers,
		Now: a.deps.Now, Rand: a.deps.Rand, Log: a.log, Registerer: a.metrics, Faults: a.deps.Faults.RouteSharing,
	})
	a.namesrv = ns
	return err
}

// serve answers brokers and clients until ctx ends or the name server is closed.
func (ns *nameServer) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-ctx.Done():
		case <-ns.closing:
			cancel()
		}
	}()
	return ns.server.Serve(ctx, ns.listener)
}

// close ends the connections of brokers and clients.
func (ns *nameServer) close() { close(ns.closing) }

// copyRoutes asks the other name servers for their routes as soon as calls to them can be signed.
func (a *App) copyRoutes(ctx context.Context) error {
	if !a.awaitSecret(ctx) {
		return nil
	}
	return a.namesrv.routes.Run(ctx)
}
