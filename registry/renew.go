package registry

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Renewal is what a heartbeat carries.
type Renewal struct {
	Dirty         int64 // lastDirtyTimestamp, meaningless unless HasDirty
	HasDirty      bool
	Overridden    eureka.Status // meaningless unless HasOverridden
	HasOverridden bool
}

// RenewOutcome is the answer to a heartbeat.
type RenewOutcome uint8

const (
	// NotFound: no such instance, or it must register again: 404.
	NotFound RenewOutcome = iota
	// Renewed: 200.
	Renewed
	// Newer: a Java peer holds older content than we do: 409 with what Instance returns.
	Newer
)

// Renew takes a heartbeat. A heartbeat with a newer lastDirtyTimestamp than ours renews the lease and is answered
// NotFound, so that the client registers what it has; so is one of an instance whose status is UNKNOWN since an override
// was taken back. It allocates nothing unless a pending override is to be applied.
// Compat: Netflix/eureka InstanceResource.java: renewLease; AbstractInstanceRegistry.java: renew.
func (r *Registry) Renew(k Key, q Renewal, o Origin) RenewOutcome {
	s := r.stripe(k.ID)
	s.mu.RLock()
	rec := s.find(k)
	if rec == nil {
		s.mu.RUnlock()
		return NotFound
	}
	if rec.pending || o == FromJavaPeer && q.HasDirty && q.Dirty > rec.dirty && q.HasOverridden {
		s.mu.RUnlock()
		return r.renewChanging(s, k, q, o)
	}
	defer s.mu.RUnlock()
	if rec.shown == eureka.Unknown {
		return NotFound
	}
	now := moment(r.cfg.Now().Sub(r.born))
	r.renewed(rec, now, o)
	return outcome(rec, q, o)
}

// renewed renews the lease. The stripe must be locked, at least shared.
func (r *Registry) renewed(rec *record, now moment, o Origin) {
	r.leases.at(rec.slot).renew(now, r.lasts(rec))
	r.renewals.count()
	r.cfg.OnChange(changeOf(rec, LeaseRenewed, eureka.Heartbeat, o))
}

func outcome(rec *record, q Renewal, o Origin) RenewOutcome {
	switch {
	case !q.HasDirty || q.Dirty == rec.dirty:
		return Renewed
	case q.Dirty > rec.dirty:
		return NotFound
	case o == FromJavaPeer:
		return Newer
	}
	return Renewed
}

// renewChanging is Renew where the heartbeat changes more than the lease: it applies an override that a Java peer's
// heartbeat had brought, or brings one.
func (r *Registry) renewChanging(s *stripe, k Key, q Renewal, o Origin) RenewOutcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.find(k)
	if rec == nil {
		return NotFound
	}
	now, wall := r.clock()
	rec = r.settleOverride(s, rec, now, wall)
	if rec.shown == eureka.Unknown {
		return NotFound
	}
	r.renewed(rec, now, o)
	out := outcome(rec, q, o)
	if out == NotFound && o == FromJavaPeer && q.HasOverridden {
		r.storeOverride(s, rec, q.Overridden, now, wall)
	}
	return out
}

// applyPending applies an override whose renewal another server heard.
func (r *Registry) applyPending(k Key) {
	s := r.stripe(k.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec := s.find(k); rec != nil {
		now, wall := r.clock()
		r.settleOverride(s, rec, now, wall)
	}
}

// settleOverride applies the override that is pending, if one is, and returns the record as it is then.
func (r *Registry) settleOverride(s *stripe, rec *record, now moment, wall int64) *record {
	if !rec.pending {
		return rec
	}
	next := *rec
	next.pending, next.changed = false, now
	next.shown = decide(next.said, next.override)
	r.render(&next, rec.instance(), wall)
	r.install(s, rec, &next)
	return &next
}

// storeOverride keeps an override that came with a Java peer's heartbeat. It shows at once; the status follows with the
// next renewal.
// Compat: Netflix/eureka AbstractInstanceRegistry.java: storeOverriddenStatusIfRequired. There neither shows in lists.
func (r *Registry) storeOverride(s *stripe, rec *record, status eureka.Status, now moment, wall int64) {
	if status == eureka.Unknown || status == rec.override.InForce() {
		return
	}
	next := *rec
	next.override = rec.override.set(status, r.epoch.Load())
	next.pending, next.changed = true, now
	r.render(&next, rec.instance(), wall)
	r.install(s, rec, &next)
	c := changeOf(&next, OverrideChanged, eureka.NoReplication, FromJavaPeer)
	c.Durable = true
	r.cfg.OnChange(c)
}

// Ages yields the version and the time since the latest renewal of every leased instance, without what a pause of ours
// added: what a stream to another server opens with. No lock is held meanwhile.
func (r *Registry) Ages(yield func(k Key, v Version, age time.Duration) bool) {
	type aged struct {
		rec *record
		age time.Duration
	}
	for i := range r.stripes {
		var list []aged
		now, _ := r.clock()
		r.stripes[i].each(func(rec *record) {
			list = append(list, aged{rec, now.since(r.leases.at(rec.slot).last())})
		})
		for _, a := range list {
			if !yield(a.rec.Key, a.rec.version, a.age) {
				return
			}
		}
	}
}
