package main

import (
	"context"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

const (
	quietTime  = 5 * time.Second        // no client has called for so long: nobody is left
	drainTick  = 100 * time.Millisecond // how often a draining server looks whether it may go
	closeBound = 2 * time.Second        // for what still runs when the listener closes
	flushBound = 2 * time.Second        // for what the other servers and the database have not got yet
)

// leave ends a run: drain, close the listeners, hand over what is queued, say goodbye. Both protocols drain side by side, and both
// doors stay open until the slower one has. The row is closed last of all, so that nobody drops us from a list while we still have
// something to say; whoever was told by it finds the door closed already.
func (a *App) leave(orderly bool, goodbye func()) {
	hurry := make(<-chan struct{})
	if a.deps.Hurry != nil {
		hurry = a.deps.Hurry()
	}
	if orderly {
		var drains sync.WaitGroup
		drains.Go(func() { a.drain(hurry) })
		if a.namesrv != nil {
			drains.Go(func() { a.drainNamesrv(hurry) })
		}
		drains.Wait()
		select {
		case <-hurry:
			a.log.Info("a second signal: stopping at once, whoever is still connected")
		default:
		}
	}
	if a.namesrv != nil {
		a.namesrv.close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeBound)
	a.http.SetKeepAlivesEnabled(false)
	a.peers.CloseIdleConnections() // spares peers that stop with us the wait for connections that were opened and never used
	if err := a.http.Shutdown(ctx); err != nil {
		a.http.Close()
	}
	cancel()

	ctx, cancel = context.WithTimeout(context.Background(), flushBound)
	defer cancel()
	var flushes sync.WaitGroup
	flushes.Go(func() {
		if err := a.replicator.Flush(ctx); err != nil {
			a.log.Warn("some changes did not reach every server", "err", err)
		}
	})
	if a.intents != nil {
		flushes.Go(func() {
			if err := a.intents.Flush(ctx); err != nil {
				a.log.Warn("some overrides were not written to the database", "err", err)
			}
		})
	}
	if a.namesrv != nil {
		a.namesrv.flush(ctx, &flushes)
	}
	flushes.Wait()
	goodbye()
	a.log.Info("stopped", "after", a.since().Round(time.Millisecond))
}

// drain leads clients away while everything is still answered. It does nothing when nobody else could take them: a refused
// connection an instant earlier helps no one, and the last server stays in every list to its end. Without time to drain it still leaves
// the lists before its listener closes.
func (a *App) drain(hurry <-chan struct{}) {
	if a.phase() != peerstore.PhaseServing || !a.anotherServes() {
		return
	}
	a.heart.SetPhase(peerstore.PhaseDraining, "stopping")
	a.list.Refresh()
	if a.cfg.Drain <= 0 {
		return
	}
	a.log.Info("draining: left every list, answering until clients are gone", "atMost", a.cfg.Drain)
	// Balancers and agents take their traffic elsewhere when a connection is closed; direct clients are not disturbed by it.
	a.http.SetKeepAlivesEnabled(false)
	began := a.deps.Now()
	a.await(hurry, a.cfg.Drain, func() bool {
		last := a.api.LastClientCall()
		if last.Before(began) {
			last = began
		}
		return a.deps.Now().Sub(last) >= quietTime
	})
}

// await waits until done, until the bound, or until somebody is in a hurry.
func (a *App) await(hurry <-chan struct{}, bound time.Duration, done func() bool) {
	end := time.NewTimer(bound)
	defer end.Stop()
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for !done() {
		select {
		case <-end.C:
			return
		case <-hurry:
			return
		case <-tick.C:
		}
	}
}

// anotherServes reports whether clients have another server to go to.
func (a *App) anotherServes() bool {
	self := a.heart.Self().ID
	for _, p := range a.list.Serving() {
		if p.ID != self && p.Reachable && p.Phase == peerstore.PhaseServing {
			return true
		}
	}
	return false
}
