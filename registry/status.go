package registry

import "github.com/zonekeeper/zonekeeper/registry/eureka"

// SetStatus is an operator's word: the instance shows status from now on, over what its client says, as far as decide
// lets it. dirty raises the lastDirtyTimestamp if it is greater. It renews the lease.
// Compat: Netflix/eureka AbstractInstanceRegistry.java: statusUpdate, but for a status that is shown already it stores
// nothing, so that the next change undoes what the operator wanted kept; ours is stored.
func (r *Registry) SetStatus(k Key, status eureka.Status, dirty int64, o Origin) error {
	return r.order(k, status, dirty, o, eureka.StatusUpdate)
}

// ClearStatus takes an operator's word back: the instance shows status until its client registers again, UNKNOWN by
// default, whereupon its next heartbeat is answered NotFound. Without an override in force nothing changes. It renews
// the lease.
// Compat: Netflix/eureka AbstractInstanceRegistry.java: deleteStatusOverride.
func (r *Registry) ClearStatus(k Key, status eureka.Status, dirty int64, o Origin) error {
	return r.order(k, status, dirty, o, eureka.DeleteStatusOverride)
}

func (r *Registry) order(k Key, status eureka.Status, dirty int64, o Origin, action eureka.Action) error {
	s := r.stripe(k.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(k)
	if old == nil {
		return ErrNotFound
	}
	now, wall := r.clock()
	r.leases.at(old.slot).renew(now, r.lasts(old))

	next, changed := ordered(old, status, dirty, action, r.epoch.Load())
	durable := next.override != old.override
	if changed {
		next.changed = now
		content := old.instance()
		content.LastDirtyTimestamp = next.dirty
		content.LastUpdatedTimestamp = wall
		content.ActionType = eureka.Modified
		r.render(&next, content, wall)
		r.install(s, old, &next)
	} else {
		next = *old
	}
	c := changeOf(&next, OverrideChanged, action, o)
	c.Durable = durable
	if action == eureka.DeleteStatusOverride {
		c.Status = status
	}
	r.cfg.OnChange(c)
	return nil
}

// ordered is what an operator's word makes of a record, and whether that changes anything. The override is versioned by
// itself; the content gets a new version only where what the client says has to give way, or its timestamp rises.
func ordered(old *record, status eureka.Status, dirty int64, action eureka.Action, epoch int64) (record, bool) {
	next := *old
	inForce := old.override.InForce()
	if action == eureka.DeleteStatusOverride {
		if inForce == eureka.Unknown {
			return next, false
		}
		next.override = old.override.set(eureka.Unknown, epoch)
	} else if status != inForce {
		next.override = old.override.set(status, epoch)
	}
	next.pending = false
	if decide(next.said, next.override) != status {
		next.said = status
	}
	next.dirty = max(old.dirty, dirty)
	if next.said != old.said || next.dirty != old.dirty {
		next.version = old.version.registered(next.dirty, epoch)
	}
	next.shown = decide(next.said, next.override)
	return next, next.override != old.override || next.version != old.version || next.shown != old.shown
}

// StoredOverride is an operator's durable word.
type StoredOverride struct {
	Key
	Status eureka.Status
}

// LoadOverrides takes the durable overrides, before this server serves. They are older than any that another server
// knows, and the same on all servers that load them.
func (r *Registry) LoadOverrides(stored []StoredOverride) {
	for _, o := range stored {
		if o.Status != eureka.Unknown {
			r.override(o.Key, Override{Counter: 1, Status: o.Status})
		}
	}
}

// override merges an override by itself, whether the instance is here or not, and says whether it was newer.
func (r *Registry) override(k Key, o Override) bool {
	s := r.stripe(k.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	now, wall := r.clock()
	if rec := s.find(k); rec != nil {
		return r.overrideHere(s, rec, o, now, wall)
	}
	d := r.departed.find(k, now)
	if o.Compare(d.override) <= 0 {
		return false
	}
	if d.version.IsZero() {
		d.since = now
	}
	d.override = o
	r.departed.put(d, 0)
	return true
}

// overrideHere merges an override of an instance that is here. The stripe must be locked.
func (r *Registry) overrideHere(s *stripe, rec *record, o Override, now moment, wall int64) bool {
	if o.Compare(rec.override) <= 0 {
		return false
	}
	next := *rec
	next.override, next.pending, next.changed = o, false, now
	next.shown = decide(next.said, o)
	content := rec.instance()
	if next.shown != rec.shown || o.InForce() != rec.override.InForce() {
		content.ActionType, content.LastUpdatedTimestamp = eureka.Modified, wall
	}
	r.render(&next, content, wall)
	r.install(s, rec, &next)
	return true
}
