package main

import (
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

const (
	lastNews   = 500 * time.Millisecond // for other name servers to hear what was said here last: from one that left they ask nothing
	lookupsEnd = 60 * time.Second       // no client has asked for a route for so long: each asks every 30 s, so nobody is left
	brokersGo  = 13 * time.Second       // brokers read their list every 10 s, and try each address for 3
)

// drainNamesrv leads clients away, then brokers. Clients first: brokers that leave a server stop registering with it, and those that had
// chosen it close their connection at once, which says that they are dead; a client that still asks would be told so. It does nothing when
// no other name server could take them.
func (a *App) drainNamesrv(hurry <-chan struct{}) {
	ns := a.namesrv
	// Whatever closes from here on, closes because we stop, and says nothing about brokers.
	defer ns.table.Freeze(true)
	if a.heart.Self().NamesrvPhase != peerstore.PhaseServing || !a.anotherNamesrv() {
		return
	}
	a.heart.SetNamesrvPhase(peerstore.PhaseDraining)
	a.list.Refresh()
	open := ns.server.Connections()
	if a.cfg.Namesrv.Drain > 0 && open.All > 0 {
		a.log.Info("name server draining: left the clients' list, answering until they are gone",
			"clients", open.Clients, "brokers", open.Brokers, "atMost", a.cfg.Namesrv.Drain)
		began := a.deps.Now()
		a.await(hurry, a.cfg.Namesrv.Drain, func() bool {
			last := ns.server.LastQuery()
			if last.Before(began) {
				last = began
			}
			return ns.server.Connections().Clients == 0 || a.deps.Now().Sub(last) >= lookupsEnd || !a.namesrvStays()
		})
	}
	if a.cfg.Namesrv.Drain > 0 {
		a.await(hurry, lastNews, func() bool { return false })
	}
	ns.server.CloseClients()
	ns.table.Freeze(true)
	a.heart.SetNamesrvPhase(peerstore.PhaseLeft)
	a.list.Refresh()
	if a.cfg.Namesrv.Drain > 0 {
		a.await(hurry, brokersGo, func() bool { return ns.server.Connections().All == 0 })
	}
}

// namesrvStays reports whether some other name server is not about to stop, too. When a whole cluster is stopped, nobody waits for clients
// that have nowhere to go.
func (a *App) namesrvStays() bool {
	for _, p := range a.list.Peers() {
		if p.NamesrvPhase == peerstore.PhaseJoining || p.NamesrvPhase == peerstore.PhaseServing {
			return true
		}
	}
	return false
}

// anotherNamesrv reports whether RocketMQ's clients have another name server to go to.
func (a *App) anotherNamesrv() bool {
	self := a.heart.Self().ID
	for _, p := range a.list.NamesrvClients() {
		if p.ID != self && p.Reachable && p.NamesrvPhase == peerstore.PhaseServing {
			return true
		}
	}
	return false
}
