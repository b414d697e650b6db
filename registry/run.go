package registry

import (
	"context"
	"time"
)

// Run looks for leases that are over, and notices when this server was paused, until ctx ends. It returns nil.
func (r *Registry) Run(ctx context.Context) error {
	tick := min(r.cfg.EvictionInterval, time.Second)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last, _ := r.clock()
	due := last.add(r.cfg.EvictionInterval)
	fresh := freshener{r: r}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		t := r.cfg.Now()
		now := moment(t.Sub(r.born))
		if gap := now.since(last); gap > tick+pauseLate {
			r.paused(last, now)
		}
		last = now
		r.renewals.sample(now)
		fresh.step(tick, now, t.UnixMilli())
		// A tick may come a little early by the other clock.
		if now.add(tick/2) >= due {
			r.Evict(t)
			due = now.add(r.cfg.EvictionInterval)
		}
	}
}

// paused is called when this server finds that it did not run since last: leases that nobody could renew here meanwhile
// last longer by that, and for one renewal interval nothing is evicted.
func (r *Registry) paused(last, now moment) {
	if r.cfg.Faults.NoPauseRule {
		return
	}
	gap := now.since(last)
	r.cfg.Log.Warn("this server was paused; no evictions for a while", "gap", gap, "settle", settle)
	r.noEvict.Store(int64(now.add(settle)))
	r.leases.extend(last, now, gap)
	r.cfg.OnPause(gap)
}
