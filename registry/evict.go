package registry

import (
	"time"
)

// A look for leases that are over takes out at most a share of all instances, in random order, so that a mistake of ours
// does not empty one application first and leaves time to be noticed. At one look per second the share is small enough
// for that and large enough for the dead to be gone within seconds.
const (
	evictShare  = 0.15
	evictAtOnce = 20  // may go in any case
	maxVouches  = 200 // questions to other servers per look
)

type overdue struct {
	slot int32
	end  moment
}

// Evict takes out instances whose lease is over, and says how many. Nobody is told: every server has the same rule, and
// a wrong verdict of one heals with the next renewal. It does nothing for a while after a pause of this server, it
// spares what self-preservation keeps, and it is never deaf: each lease must be over for every server that could have
// heard its client, or for PreservationBound.
func (r *Registry) Evict(t time.Time) int {
	r.evicting.Lock()
	defer r.evicting.Unlock()
	now := moment(t.Sub(r.born))
	r.departed.expire(now)
	r.view.tidy(now)
	if now.before(moment(r.noEvict.Load())) {
		return 0
	}
	var dead []overdue
	r.leases.over(now.add(-r.travel()), func(slot int32, end moment) { dead = append(dead, overdue{slot, end}) })
	verdict := r.preserve.judge(now, len(dead))
	if len(dead) == 0 {
		return 0
	}
	_, total := r.apps.counts()
	limit := max(evictAtOnce, int(evictShare*float64(total.instances)))
	r.cfg.Rand.Shuffle(len(dead), func(i, j int) { dead[i], dead[j] = dead[j], dead[i] })
	evicted, vouches := 0, maxVouches
	for _, d := range dead {
		rec := r.leases.at(d.slot).owner()
		if rec == nil || verdict.keeps(rec, r.leases.at(d.slot).via()) {
			continue
		}
		if !r.heardAll(d.end, now) {
			if vouches--; vouches < 0 || !r.vouched(rec, d.end) {
				continue
			}
		}
		if r.evict(rec, d, now) {
			if evicted++; evicted == limit {
				break
			}
		}
	}
	if evicted > 0 {
		r.cfg.Log.Info("leases over, instances evicted", "evicted", evicted, "instances", total.instances-evicted)
	}
	return evicted
}

// evict takes out one instance, unless its lease moved meanwhile: Hearing, which is not asked under the lock, spoke of the
// end that it had. Its version is remembered, so that a later registration here goes above it, and so is its override.
func (r *Registry) evict(rec *record, d overdue, now moment) bool {
	s := r.stripe(rec.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	rec = s.find(rec.Key)
	if rec == nil || rec.slot != d.slot || r.leases.at(d.slot).end() != d.end {
		return false
	}
	r.uninstall(s, rec, departed{version: rec.version, override: rec.override, since: now}, now, r.cfg.Now().UnixMilli())
	return true
}

// travel is how long a renewal may still be on its way here from the server that heard it: nothing for a server alone.
func (r *Registry) travel() time.Duration {
	if r.alone() {
		return 0
	}
	return travel
}

func (r *Registry) alone() bool {
	if r.cfg.Alone != nil {
		return r.cfg.Alone()
	}
	h := r.hearing.Load()
	if h == nil {
		return true
	}
	_, listed := (*h).Unreachable()
	return listed == 0
}

// heardAll says whether no renewal up to end can have escaped us, or the wait for it has been long enough.
func (r *Registry) heardAll(end, now moment) bool {
	h := r.hearing.Load()
	bound := r.cfg.PreservationBound
	return h == nil || r.cfg.Faults.DeafEviction || (*h).Covered(r.time(end)) || bound > 0 && now >= end.add(bound)
}

func (r *Registry) vouched(rec *record, end moment) bool {
	h := r.hearing.Load()
	return h != nil && (*h).Vouched(rec.Key, rec.version, r.time(end))
}

// hidden says whether a lease is so surely over that point lookups need not wait for its eviction.
func (r *Registry) hidden(h held, now moment) bool {
	if now.before(h.end) || now.before(h.end.add(r.travel())) || now.before(moment(r.noEvict.Load())) {
		return false
	}
	return !r.preserve.verdict.Load().keeps(h.rec, h.via) && r.heardAll(h.end, now)
}
