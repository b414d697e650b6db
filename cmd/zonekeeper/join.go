package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// How a server comes to serve. None of these bounds is on the way of a client that registers: registrations, renewals and cancels
// are answered from the first moment.
const (
	syncBound        = 20 * time.Second       // longest wait for the copies of the other servers' registries
	databasePatience = 2 * time.Second        // how long a start waits for the database before it trusts the list from disk
	listPatience     = time.Second            // how long reading the list waits for the schema to be made
	joinTick         = 20 * time.Millisecond  // how often conditions are looked at that have no signal
	intentBound      = 5 * time.Second        // longest wait for overrides once the database answers
	selfProbeTick    = 500 * time.Millisecond // between two looks at our own address
	selfBound        = 10 * time.Second       // no answer at our own address for so long: it cannot be reached from here (hairpin NAT)
)

// join takes both protocols from joining to serving, once the others are known. They wait for different things, and neither for the
// other.
func (a *App) join(ctx context.Context) error {
	if !a.waitForMembership(ctx) {
		return nil
	}
	var both sync.WaitGroup
	both.Go(func() { a.joinEureka(ctx) })
	if a.namesrv != nil {
		both.Go(func() { a.joinNamesrv(ctx) })
	}
	both.Wait()
	return nil
}

// joinEureka waits until the others' registries are copied and, when nobody serves, until clients had time to come back.
func (a *App) joinEureka(ctx context.Context) {
	if a.intents != nil && a.heart.Status().Registered {
		a.within(ctx, intentBound, func() bool { return closed(a.intentsRead) })
	}
	if !a.within(ctx, syncBound, a.synced) && ctx.Err() == nil {
		a.log.Warn("not every server's registry could be copied in time; serving with what there is", "waited", syncBound)
	}
	if !a.coldStart(ctx) {
		return
	}
	a.registry.SyncUp(false)
	a.heart.SetPhase(peerstore.PhaseServing, "")
	a.list.Refresh()
	a.log.Info("serving", "url", a.cfg.AdvertiseURL, "instances", a.registry.Stats().Instances,
		"peers", len(a.list.Peers()), "after", a.since().Round(time.Millisecond))
}

// waitForMembership waits until the list of servers can be trusted: it was read after our row was written, or the database does not
// answer and a server from the disk or the seeds does, or the disk says that there never was another. Servers that are on the disk and do
// not answer are no reason to go on: they may serve, and it is we who are cut off.
func (a *App) waitForMembership(ctx context.Context) bool {
	if a.within(ctx, databasePatience, a.listed) {
		return true
	}
	known := func() bool { return a.listed() || a.list.Settled() && (len(a.list.Peers()) > 0 || a.lone) }
	if !known() && ctx.Err() == nil {
		a.log.Warn("not ready: the database gives no list of servers, there is none from an earlier run, and no seed answers")
	}
	for !a.within(ctx, time.Minute, known) {
		if ctx.Err() != nil {
			return false
		}
	}
	if !a.listed() {
		a.log.Warn("without the database: going on with the servers that were known before", "peers", len(a.list.Peers()))
	}
	return true
}

// synced reports whether every listed server is heard and copied, but for those whose process has ended: their rows live on for the rest
// of their leases, and a cluster that is replaced as a whole must not wait for that.
func (a *App) synced() bool {
	if a.replicator.Synced() {
		return true
	}
	if len(a.cfg.Eureka.Peers) > 0 {
		return false // they are asked after our own servers
	}
	gone, heard := make(map[string]bool), make(map[string]bool)
	for _, m := range a.list.All() {
		gone[m.ID] = m.Gone
	}
	for _, c := range a.replicator.Status() {
		heard[c.ID] = c.Hears
	}
	skipped := false
	for _, p := range a.list.Peers() {
		switch {
		case heard[p.ID]:
		case gone[p.ID]:
			skipped = true
		default:
			return false
		}
	}
	return skipped
}

// listed reports whether the list was read since our row was written: our row is in it.
func (a *App) listed() bool {
	view, read := a.list.View()
	self := a.heart.Self().ID
	return read && slices.ContainsFunc(view.Rows, func(r peerstore.Row) bool { return r.ID == self })
}

// coldStart waits, when no other server serves, until clients had a lease's time to come back: an empty list would tell every client
// that nobody is there. It does not wait when the last servers knew no instances. Its result is false when ctx ended.
func (a *App) coldStart(ctx context.Context) bool {
	expected, known := a.expectedInstances()
	wait := a.cfg.Eureka.ColdWait - a.since()
	if expected == 0 && known || wait <= 0 || a.somebodyServes() {
		return ctx.Err() == nil
	}
	a.log.Warn("no server of the cluster serves: lists are shown when clients had time to register again",
		"instancesBefore", expected, "wait", wait.Round(time.Second))
	a.within(ctx, wait, func() bool { return a.somebodyServes() && a.synced() })
	return ctx.Err() == nil
}

// expectedInstances is how many instances the cluster counted last. It is not known without the database.
func (a *App) expectedInstances() (int, bool) {
	r, ok := a.heart.Registration()
	return r.PriorInstances, ok
}

// somebodyServes reports whether another server has what we would have to wait for.
func (a *App) somebodyServes() bool {
	for _, p := range a.list.Peers() {
		if p.Reachable && (p.Phase == peerstore.PhaseServing || p.Phase == peerstore.PhaseDraining) {
			return true
		}
	}
	return false
}

// within waits until done or until the bound, and reports whether done was seen.
func (a *App) within(ctx context.Context, bound time.Duration, done func() bool) bool {
	if done() {
		return true
	}
	end := time.NewTimer(bound)
	defer end.Stop()
	tick := time.NewTicker(joinTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return done()
		case <-tick.C:
			if done() {
				return true
			}
		}
	}
}

// since is how long this App exists, on its own clock.
func (a *App) since() time.Duration { return a.deps.Now().Sub(a.began) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
