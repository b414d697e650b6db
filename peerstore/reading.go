package peerstore

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// minReadGap bounds what a storm of notifications can cost: 20 reads a second.
	minReadGap = 50 * time.Millisecond
	// wakeSpread is how far the servers spread their reads after a notification; above manyServers it is a whole poll.
	wakeSpread  = 25 * time.Millisecond
	manyServers = 100
	// Listening again after it broke: at once, then ever slower.
	watchRetryMin = 250 * time.Millisecond
	watchRetryMax = 10 * time.Second
	pruneEvery    = time.Minute
	saveEvery     = time.Second
)

// Run keeps the list until ctx ends: it reads, listens, probes, announces and saves. It returns nil.
func (l *List) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	if l.cfg.Store != nil {
		loops.Go(func() { l.read(ctx) })
		loops.Go(func() { l.watch(ctx) })
	}
	loops.Go(func() { l.probe(ctx) })
	if l.cfg.Announcer != nil {
		loops.Go(func() { l.announce(ctx) })
	}
	if l.cfg.Cache != nil {
		loops.Go(func() { l.save(ctx) })
	}
	loops.Wait()
	return nil
}

// read polls the database: that is the truth, notifications only shorten the wait.
func (l *List) read(ctx context.Context) {
	lastPrune := l.cfg.Now()
	for {
		start := l.cfg.Now()
		l.readOnce(ctx)
		s, servers := l.scaled()
		if l.cfg.Now().Sub(lastPrune) >= pruneEvery {
			lastPrune = l.cfg.Now()
			if l.cfg.Rand() < 1/float64(servers) { // about one server of all does it
				l.prune(ctx, s)
			}
		}
		if !l.rest(ctx, start, spread(s.Poll, l.cfg.Rand()), s, servers) {
			return
		}
	}
}

// rest waits for the next poll or a notification. It returns false when ctx ended.
func (l *List) rest(ctx context.Context, lastRead time.Time, wait time.Duration, s Settings, servers int) bool {
	planned := l.cfg.Now().Add(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-l.readNow:
		spreadOver := wakeSpread
		if servers > manyServers {
			spreadOver = s.Poll
		}
		delay := max(time.Duration(l.cfg.Rand()*float64(spreadOver)), minReadGap-l.cfg.Now().Sub(lastRead))
		planned = l.cfg.Now().Add(delay)
		timer.Reset(delay)
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
		select { // whatever was notified meanwhile is read now
		case <-l.readNow:
		default:
		}
	}
	if gap, paused := overslept(planned, l.cfg.Now(), s.Poll); paused {
		l.paused(gap, s)
	}
	return true
}

// paused acts on a pause of our whole process: no verdicts for a TTL.
func (l *List) paused(gap time.Duration, s Settings) {
	l.cfg.Log.Warn("this process was paused", "gap", gap)
	l.mu.Lock()
	l.roster.hold(l.cfg.Now().Add(s.TTL), "this process was paused for "+gap.Round(time.Millisecond).String())
	l.mu.Unlock()
	l.cfg.OnPause(gap)
}

// readOnce reads the rows once and takes them in.
func (l *List) readOnce(ctx context.Context) {
	call, cancel := context.WithTimeout(ctx, l.cfg.Settings.Deadline())
	defer cancel()
	view, err := l.cfg.Store.Rows(call, l.cfg.Cluster)
	if ctx.Err() != nil {
		return
	}
	l.update(func(r *roster, now time.Time) {
		if err == nil {
			err = r.observe(view, now)
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		switch one := len(l.published.Load().peers) > 0 || !r.lastRead.IsZero(); {
		case text != "" && l.readError == "" && one:
			l.cfg.Log.Warn("the database gives no list; keeping the last good one", "err", err)
		case text != "" && l.readError == "":
			l.cfg.Log.Warn("the database gives no list, and there is none from before", "err", err)
		case text == "" && l.readError != "":
			l.cfg.Log.Info("the database gives the list again")
		}
		l.readError = text
	})
}

// scaled are the intervals for the cluster's present size, and that size.
func (l *List) scaled() (Settings, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.roster.scaled(), len(l.roster.members) + 1
}

func (l *List) prune(ctx context.Context, s Settings) {
	ctx, cancel := context.WithTimeout(ctx, s.Deadline())
	defer cancel()
	closed, err := l.cfg.Store.Prune(ctx, l.cfg.Cluster)
	switch {
	case err != nil:
		l.cfg.Log.Debug("prune peer rows", "err", err)
	case closed > 0:
		l.cfg.Log.Info("closed silent peer rows", "rows", closed)
	}
}

// watch listens for notifications for as long as that works.
func (l *List) watch(ctx context.Context) {
	for failures := 0; ; failures++ {
		err := l.cfg.Store.Watch(ctx, l.cfg.Cluster, func() {
			failures = 0
			poke(l.readNow)
		})
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, ErrNoWatch) {
			l.cfg.Log.Info("no notifications on this database connection; polling", "err", err)
			return
		}
		l.cfg.Log.Debug("listening for membership changes broke", "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(halfJitter(watchRetryMin, watchRetryMax, failures, l.cfg.Rand())):
		}
	}
}

// save writes the list to the disk when it changed, at most once a second.
func (l *List) save(ctx context.Context) {
	saved := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.saveNow:
		}
		l.mu.Lock()
		list := SavedList{
			Cluster: l.cfg.Cluster, ClusterUUID: l.roster.uuid, Timeline: l.roster.timeline, Version: l.roster.view.Version,
			SavedAt: l.cfg.Now().Round(0).UTC(), Peers: l.Peers(),
		}
		known := len(list.Peers) > 0 || !l.roster.lastRead.IsZero() // being alone is worth writing when the database says so
		l.mu.Unlock()
		if known && list.ClusterUUID != "" {
			err := l.cfg.Cache.SaveList(list)
			switch {
			case err != nil && saved:
				l.cfg.Log.Warn("cannot save the list to disk: this server cannot start while the database is away; set --data-dir",
					"dir", l.cfg.Cache.Dir(), "err", err)
			case err == nil && !saved:
				l.cfg.Log.Info("the list is saved to disk again", "dir", l.cfg.Cache.Dir())
			}
			saved = err == nil
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(saveEvery):
		}
	}
}
