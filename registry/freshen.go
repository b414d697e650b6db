package registry

import (
	"slices"
	"time"
)

// freshenEvery is how often the lease times in lists are brought up to date, which a renewal alone does not do: as old as
// upstream's cache lets a list be.
// Compat: Netflix/eureka EurekaServerConfig.java: responseCacheAutoExpirationInSeconds.
const freshenEvery = 3 * time.Minute

// freshener writes texts anew, a few at each step and in the order of the lists, so that few segments change at a time. It is for
// one goroutine.
type freshener struct {
	r    *Registry
	next Key // where the next step begins
}

// step goes through as many instances as time has passed of freshenEvery.
func (f *freshener) step(passed time.Duration, now moment, wall int64) {
	segments := f.r.view.latest(now).segments // also when nobody reads
	total := 0
	for _, s := range segments {
		total += len(s.records)
	}
	if total == 0 {
		return
	}
	share := 1 + int(float64(total)*float64(passed)/float64(freshenEvery))
	from := &record{Key: f.next}
	i := position(segments, from)
	j, _ := slices.BinarySearchFunc(segments[i].records, from, compareRecords)
	for range min(share, total) {
		for j >= len(segments[i].records) {
			i, j = (i+1)%len(segments), 0
		}
		f.r.freshen(segments[i].records[j], now, wall)
		j++
	}
	if j >= len(segments[i].records) {
		i, j = (i+1)%len(segments), 0
	}
	f.next = segments[i].records[j].Key
}

// freshen writes the time of the last renewal into the text of an instance, unless it changed meanwhile or deltas still show it. Nothing
// else changes, neither the version of the instance nor that of the lists.
func (r *Registry) freshen(rec *record, now moment, wall int64) {
	if rec.own() || rec.changed != longAgo && now.since(rec.changed) < r.cfg.DeltaRetention {
		return
	}
	s := r.stripe(rec.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(rec.Key) != rec {
		return
	}
	in := rec.instance()
	last := wallOf(r.leases.at(rec.slot).last(), now, wall)
	if late := last - in.LeaseInfo.LastRenewalTimestamp; -1000 < late && late < 1000 {
		return // no renewal since, but for what rounding and a clock that is set leave
	}
	next := *rec
	next.changed = longAgo
	in.LeaseInfo.LastRenewalTimestamp = last
	next.write(in)
	r.leases.at(rec.slot).own(&next)
	s.put(&next)
	r.apps.replace(rec, &next)
	r.view.tell(viewChange{rec: &next, quiet: true})
}
