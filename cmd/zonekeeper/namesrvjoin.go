package main

import (
	"context"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/replication"
)

// joinNamesrv takes the name server from joining to serving: operators' words are read, every other name server's routes are copied,
// and, when there is none to copy from, brokers had time to register. Brokers register with it from the first moment on; clients are not
// sent to it before it knows every broker, since a client that is told a part of a topic's brokers forgets the others.
func (a *App) joinNamesrv(ctx context.Context) {
	ns := a.namesrv
	if ns.words != nil && a.heart.Status().Registered {
		a.within(ctx, intentBound, func() bool { return closed(ns.wordsRead) })
	}
	if !a.within(ctx, syncBound, ns.routes.Copied) && ctx.Err() == nil {
		a.log.Warn("not every name server's routes could be copied in time", "waited", syncBound)
	}
	ns.copied.Store(true)
	if !a.waitForBrokers(ctx) {
		return
	}
	ns.answers.Store(true)
	a.heart.SetNamesrvPhase(peerstore.PhaseServing)
	a.list.Refresh()
	known := ns.table.Stats()
	a.log.Info("name server serving", "address", a.cfg.Namesrv.Advertise, "brokers", known.Brokers, "topics", known.Topics,
		"after", a.since().Round(time.Millisecond))
}

// waitForBrokers waits, when the routes of no other name server could be copied, until every broker had time to register here. It does not
// wait when the last servers knew no brokers. Its result is false when ctx ended.
func (a *App) waitForBrokers(ctx context.Context) bool {
	ns := a.namesrv
	warm := ns.inherited
	expected, known := a.expectedBrokers()
	wait := a.cfg.Namesrv.ColdWait - a.since()
	if warm() || expected == 0 && known || wait <= 0 {
		return ctx.Err() == nil
	}
	ns.coldUntil.Store(a.deps.Now().Add(wait).UnixNano())
	a.log.Warn("no other name server knows the routes: lookups are answered when brokers had time to register again",
		"brokersBefore", expected, "wait", wait.Round(time.Second))
	a.within(ctx, wait, warm)
	ns.coldUntil.Store(0)
	return ctx.Err() == nil
}

// expectedBrokers is how many brokers the cluster counted last. It is not known without the database.
func (a *App) expectedBrokers() (int, bool) {
	r, ok := a.heart.Registration()
	return r.PriorBrokers, ok
}

// inherited reports whether the whole table of a name server that serves or drains was copied. Whether it can still be reached is of no
// matter: what it knew is here.
func (ns *nameServer) inherited() bool {
	return slices.ContainsFunc(ns.routes.Status(), func(s replication.RouteStatus) bool {
		return s.Copied && (s.Phase == peerstore.PhaseServing || s.Phase == peerstore.PhaseDraining)
	})
}
