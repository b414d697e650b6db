package registry

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats are counts of the moment.
type Stats struct {
	Applications     int
	Instances        int // leased ones: our own servers are not counted
	Tombstones       int
	Overrides        int   // in force
	Version          int64 // what a delta would carry now
	Digest           uint64
	RenewsLastMinute int // heard here or copied from our other servers
}

// Stats counts. It is cheap: the counts are kept.
func (r *Registry) Stats() Stats {
	apps, total := r.apps.counts()
	tombstones, absent := r.departed.counts()
	now, _ := r.clock()
	return Stats{
		Applications: apps, Instances: total.instances, Tombstones: tombstones, Overrides: total.overrides + absent,
		Version: r.Snapshot().Version(), Digest: total.digest, RenewsLastMinute: r.renewals.lastMinute(now),
	}
}

// rate counts renewals and knows how many came in the last 60 seconds, to the second.
type rate struct {
	total    atomic.Int64
	mu       sync.Mutex
	readings []reading // one a second, oldest first
}

type reading struct {
	at    moment
	total int64
}

func (c *rate) count() { c.total.Add(1) }

func (c *rate) sample(now moment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.readings); n > 0 && now < c.readings[n-1].at.add(time.Second) {
		return
	}
	c.readings = append(c.readings, reading{now, c.total.Load()})
	for len(c.readings) > 1 && c.readings[1].at <= now.add(-time.Minute) {
		c.readings = c.readings[1:]
	}
}

func (c *rate) lastMinute(now moment) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var before int64
	for _, s := range c.readings {
		if s.at > now.add(-time.Minute) {
			break
		}
		before = s.total
	}
	return int(c.total.Load() - before)
}
