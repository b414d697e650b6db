package main

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/replication"
)

// wireMembership: who the other servers are.
func (a *App) wireMembership() error {
	settings := peerstore.Settings{Heartbeat: a.cfg.Peer.Heartbeat, TTL: a.cfg.Peer.TTL, Poll: a.cfg.Peer.Poll}
	if err := settings.Validate(); err != nil {
		return err
	}
	a.prober = peerstore.HTTPProber{Transport: a.peers}
	a.signer = peerstore.NewSigner(nil)
	host, _ := os.Hostname()
	store := a.deps.Store
	if store == nil {
		store = absentStore{}
	}
	a.heart = peerstore.NewHeartbeater(peerstore.HeartbeaterConfig{
		Store: store,
		Peer: peerstore.Peer{
			Cluster: a.cfg.Cluster, Region: a.cfg.Region, Zone: a.cfg.Zone, Host: host, Version: version(),
			Addresses: a.addresses(),
			ProtoMin:  peerstore.ProtocolVersion, ProtoMax: peerstore.ProtocolVersion, StartedAt: a.began.UTC(),
		},
		Settings:     settings,
		Servers:      func() int { return len(a.list.Peers()) + 1 },
		Stats:        a.stats,
		OnRegistered: a.registered,
		Prober:       a.prober,
		NewID:        a.deps.NewID, Now: a.deps.Now, Rand: a.deps.Rand, Log: a.log,
	})
	a.signer.SetSelf(peerstore.Caller{PeerID: a.heart.Self().ID, Epoch: a.heart.Self().Epoch})
	a.recall()
	a.list = peerstore.NewList(peerstore.ListConfig{
		Store: a.deps.Store, Cluster: a.cfg.Cluster, Self: a.heart.Self, Settings: settings,
		Prober: a.prober, Announcer: peerstore.HTTPAnnouncer{Transport: a.peers, Signer: a.signer},
		Cache: a.cache, Seeds: a.cfg.Peer.Seeds,
		Now: a.deps.Now, Rand: a.deps.Rand, Log: a.log, Faults: a.deps.Faults.List,
	})
	return nil
}

// addresses are where we are reached.
func (a *App) addresses() peerstore.Addresses {
	known := peerstore.Addresses{Eureka: a.cfg.AdvertiseURL}
	if a.deps.Namesrv != nil {
		known.Namesrv = a.cfg.Namesrv.Advertise
	}
	return known
}

// recall opens the directory of the last run and takes the cluster's secret from it, which makes us a peer while the database is away.
func (a *App) recall() {
	dir := a.cfg.stateDir()
	if dir == "" {
		return
	}
	a.cache = peerstore.NewDiskCache(dir)
	if list, err := a.cache.LoadList(a.cfg.Cluster, a.deps.Now()); err == nil {
		a.lone = !slices.ContainsFunc(list.Peers, func(p peerstore.Peer) bool { return p.Addresses.Eureka != a.cfg.AdvertiseURL })
	}
	saved, err := a.cache.LoadSecret(a.cfg.Cluster)
	switch {
	case err == nil:
		a.signer.SetSecret(saved.Secret)
		a.recalled = true
	case !errors.Is(err, fs.ErrNotExist):
		a.log.Warn("the secret on disk is not used", "dir", dir, "err", err)
	}
}

// registered is called with every new incarnation of ours.
func (a *App) registered(p peerstore.Peer, r peerstore.Registration) {
	a.signer.SetSecret(r.Secret)
	a.signer.SetSelf(peerstore.Caller{PeerID: p.ID, Epoch: p.Epoch})
	a.registry.SetEpoch(p.Epoch)
	if a.namesrv != nil {
		a.namesrv.table.SetEpoch(p.Epoch)
		a.namesrv.table.SetSelf(p.ID)
	}
	if a.cache != nil {
		err := a.cache.SaveSecret(peerstore.SavedSecret{Cluster: a.cfg.Cluster, ClusterUUID: r.ClusterUUID, Secret: r.Secret})
		if err != nil {
			a.log.Warn("the secret could not be kept: this server cannot start while the database is away", "dir", a.cache.Dir(), "err", err)
		}
	}
}

// wireRegistry: the Eureka state. It tells what changed, and calls nobody.
func (a *App) wireRegistry() error {
	bound := a.cfg.Eureka.PreservationBound
	if bound == 0 {
		bound = -1 // an operator writes 0 for "no bound"; to the registry 0 is "the default"
	}
	seed := func() uint64 { return uint64(a.deps.Rand() * (1 << 53)) }
	var err error
	a.registry, err = registry.New(registry.Config{
		Epoch: a.heart.Self().Epoch, LeaseFactor: a.cfg.Eureka.LeaseFactor, EvictionInterval: a.cfg.Eureka.EvictionInterval,
		TombstoneTTL: max(time.Hour, a.cfg.Eureka.PreservationBound+10*time.Minute),
		NoDelta:      !a.cfg.Eureka.Delta, Preserve: preserve[a.cfg.Eureka.SelfPreservation], PreservationBound: bound,
		Alone:    func() bool { return len(a.list.Peers()) == 0 },
		OnChange: a.changed,
		OnPause:  func(gap time.Duration) { a.replicator.Paused(gap) },
		Now:      a.deps.Now, Rand: rand.New(rand.NewPCG(seed(), seed())), Log: a.log, Faults: a.deps.Faults.Registry,
	})
	if err != nil {
		return err
	}
	a.registry.SyncUp(true) // until join has copied the others
	if a.deps.Intent != nil {
		a.intents, err = intent.New(intent.Config{Store: a.deps.Intent, Cluster: a.cfg.Cluster, Log: a.log})
	}
	return err
}

var preserve = map[string]registry.Preserve{"": registry.Evidence, "evidence": registry.Evidence, "upstream": registry.Upstream, "off": registry.Off}

// changed is told every change under the lock of its application: that is what orders changes, so it only puts them in queues.
func (a *App) changed(c registry.Change) {
	a.replicator.Enqueue(c)
	if c.Durable && a.intents != nil {
		a.keepIntent(c)
	}
}

// wireReplication: copying changes to the other servers, and what we may conclude from hearing them.
func (a *App) wireReplication() error {
	var err error
	a.replicator, err = replication.New(replication.Config{
		Registry: a.registry, Self: a.identity, Peers: a.list.Peers, Changed: a.list.Changed, Heard: a.list.Heard, Lost: a.list.Doubt,
		Signer: a.signer, Transport: a.peers, JavaPeers: a.cfg.Eureka.Peers,
		Now: a.deps.Now, Rand: a.deps.Rand, Log: a.log, Registerer: a.metrics, Faults: a.deps.Faults.Replication,
	})
	if err != nil {
		return err
	}
	a.registry.SetHearing(a.replicator.Hearing())
	return nil
}

// replicate copies as soon as calls to other servers can be signed: the secret comes with the registration or from the last run.
func (a *App) replicate(ctx context.Context) error {
	if !a.awaitSecret(ctx) {
		return nil
	}
	return a.replicator.Run(ctx)
}

// awaitSecret waits until calls to other servers can be signed. Its result is false when ctx ended.
func (a *App) awaitSecret(ctx context.Context) bool {
	if a.recalled {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-a.heart.Registered():
		return true
	}
}

// wireHTTP: what clients, peers and people ask us.
func (a *App) wireHTTP() error {
	deps := httpapi.Deps{
		Registry: a.registry, Phase: a.phase, Identity: a.identity, Ready: a.ready, Status: func() any { return a.status() },
		Servers: httpapi.NewServerSource(a.cfg.Cluster, a.list, a.heart.Self),
		Signer:  a.signer, Peers: a.replicator, Announce: a.list.Announce,
		UpstreamPreservation: preserve[a.cfg.Eureka.SelfPreservation] == registry.Upstream,
		NoDelta:              !a.cfg.Eureka.Delta, ReplicationAuth: replicationAuth(a.cfg.Peer.ReplicationAuth),
		MaxBody: a.cfg.HTTP.MaxBody, MaxBatch: a.cfg.HTTP.MaxBatch, Environment: a.cfg.Region,
		Namesrv: a.list, Now: a.deps.Now, Log: a.log, Registerer: a.metrics, Gatherer: a.metrics,
	}
	if a.namesrv != nil {
		deps.Routes, deps.PeerRoutes = routeView{a}, a.namesrv.routes.Serve
	}
	var err error
	if a.api, err = httpapi.New(deps); err != nil {
		return err
	}
	a.http = httpServer(a.api, a.log)
	a.http.RegisterOnShutdown(a.api.StopWatching)
	if a.namesrv != nil {
		a.http.RegisterOnShutdown(a.namesrv.routes.StopWaiting)
	}
	return nil
}

// replicationAuth is the guard of the batches of Java servers; nil leaves them open.
func replicationAuth(credentials string) func(*http.Request) bool {
	user, password, ok := strings.Cut(credentials, ":")
	if !ok {
		return nil
	}
	return httpapi.BasicAuth(user, password)
}
