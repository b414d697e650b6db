package registry

import (
	"fmt"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Register takes a registration, after eureka.Instance.Validate. It does not keep or change in. A registration older
// than the content we hold, by lastDirtyTimestamp, renews the lease and leaves the content as it is; an equal one wins.
// The only error is ErrUnfit, wrapped.
// Compat: Netflix/eureka AbstractInstanceRegistry.java: register.
func (r *Registry) Register(in *eureka.Instance, o Origin) error {
	k := Key{App: eureka.UpperApp(in.App), ID: in.ID()}
	if k.App == "" || k.ID == "" || len(k.App) > MaxName || len(k.ID) > MaxName {
		return fmt.Errorf("%w: application or id is missing or longer than %d bytes", ErrUnfit, MaxName)
	}
	s := r.stripe(k.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	now, wall := r.clock()

	old := s.find(k)
	next := &record{Key: k, said: in.Status, changed: now}
	var found Version
	if old != nil {
		next.override, found = old.override, old.version
	} else {
		d := r.departed.find(k, now)
		next.override, found = d.override, d.version
	}
	content := *in
	content.App = k.App
	content.LeaseInfo.ServiceUpTimestamp = 0
	durable := false
	switch {
	case old != nil && old.dirty > in.LastDirtyTimestamp:
		content, next.said = *old.instance(), old.said
	case next.override.InForce() != eureka.Unknown:
	case in.OverriddenStatus != eureka.Unknown:
		next.override = next.override.set(in.OverriddenStatus, r.epoch.Load())
		durable = true
	default:
		next.said = keep(in.Status, shownBy(old), old != nil, o)
	}
	next.shown = decide(next.said, next.override)
	next.version = found.registered(in.LastDirtyTimestamp, r.epoch.Load())
	if err := r.enlist(s, old, next, &content, now, wall); err != nil {
		return err
	}
	c := changeOf(next, ContentChanged, eureka.Register, o)
	c.Durable = durable
	r.cfg.OnChange(c)
	return nil
}

// enlist shows content as just registered, under a new lease.
func (r *Registry) enlist(s *stripe, old, next *record, content *eureka.Instance, now moment, wall int64) error {
	content.ActionType = eureka.Added
	content.LastUpdatedTimestamp = wall
	content.LeaseInfo.RegistrationTimestamp = wall
	content.LeaseInfo.LastRenewalTimestamp = wall
	content.LeaseInfo.EvictionTimestamp = 0
	if old != nil {
		content.LeaseInfo.ServiceUpTimestamp = old.upSince
	}
	r.render(next, content, wall)
	if len(next.text) > MaxText {
		return fmt.Errorf("%w: %d bytes of text, limit %d", ErrUnfit, len(next.text), MaxText)
	}
	r.install(s, old, next).set(now, next.duration(), next.interval(), 0)
	return nil
}

func shownBy(rec *record) eureka.Status {
	if rec == nil {
		return eureka.Unknown
	}
	return rec.shown
}

// SetMetadata sets metadata entries of an instance. What the client registers next replaces them. The errors are
// ErrNotFound, and ErrUnfit, wrapped, where a registration with all these entries would be refused.
// Compat: Netflix/eureka InstanceResource.java: updateMetadata changes the instance and registers it again: new lease,
// ADDED in the delta, the same lastDirtyTimestamp.
func (r *Registry) SetMetadata(k Key, m eureka.Metadata, o Origin) error {
	s := r.stripe(k.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(k)
	if old == nil {
		return ErrNotFound
	}
	now, wall := r.clock()
	content := old.instance()
	for _, e := range m {
		content.Metadata = content.Metadata.Set(e.Key, e.Value)
	}
	if err := old.admits(content); err != nil {
		return err
	}
	next := *old
	next.changed, next.pending = now, false
	next.shown = decide(next.said, next.override)
	next.version = old.version.registered(old.dirty, r.epoch.Load())
	if err := r.enlist(s, old, &next, content, now, wall); err != nil {
		return err
	}
	r.cfg.OnChange(changeOf(&next, ContentChanged, eureka.Register, o))
	return nil
}

// admits says why content cannot take the place of rec's. It reads back what would be written, because an entry may be too
// long to be read, and one named instanceId would make it another instance.
func (rec *record) admits(content *eureka.Instance) error {
	if n := len(content.Metadata); n > eureka.MaxMetadataEntries {
		return fmt.Errorf("%w: %d metadata entries, limit %d", ErrUnfit, n, eureka.MaxMetadataEntries)
	}
	back, err := eureka.DecodeBareInstance(eureka.AppendInstance(nil, content, eureka.JSON, eureka.List), 0)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnfit, err)
	case back.ID() != rec.ID:
		return fmt.Errorf("%w: its id would become %.40q", ErrUnfit, back.ID())
	}
	return nil
}

// Cancel takes an instance out at its client's word and leaves a tombstone, so that no copy still under way brings it
// back. The override ends with it.
// Compat: Netflix/eureka AbstractInstanceRegistry.java: internalCancel, but for an unknown instance it clears the override
// of any application's instance with that id; ours are kept by application and id.
func (r *Registry) Cancel(k Key, o Origin) error {
	s := r.stripe(k.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(k)
	if old == nil {
		return ErrNotFound
	}
	now, wall := r.clock()
	epoch := r.epoch.Load()
	d := departed{version: old.version.cancelled(epoch), tombstone: true, override: old.override.end(epoch), since: now}
	r.uninstall(s, old, d, now, wall)

	c := changeOf(old, ContentChanged, eureka.Cancel, o)
	c.Version, c.Overridden, c.Durable = d.version, eureka.Unknown, old.override.Counter > 0
	r.cfg.OnChange(c)
	return nil
}
