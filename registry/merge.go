package registry

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Merge takes what another of our servers (from is its epoch) says about an instance. Content and override each win by
// their version, in whatever order they arrive; the lease is the latest renewal heard anywhere. On Older the sender does
// not know all we know: answer with Entry.
func (r *Registry) Merge(from int64, e Entry) MergeOutcome {
	m := merger{r: r, from: from, e: e}
	if !e.Version.IsZero() && !e.Tombstone && !m.decode() {
		return Refused
	}
	m.s = r.stripe(e.ID)
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.now, m.wall = r.clock()
	m.rec = m.s.find(e.Key)
	if m.rec == nil {
		m.departed = r.departed.find(e.Key, m.now)
	}
	if e.Tombstone && e.Age >= max(r.departed.ttl, r.remembered(m.rec)) {
		return Refused // all but its sender have forgotten it
	}
	return m.merge()
}

// merger is one Merge.
type merger struct {
	r    *Registry
	from int64
	e    Entry
	in   *eureka.Instance // decoded from e, nil for a tombstone or an override alone

	s        *stripe // locked
	now      moment
	wall     int64
	rec      *record  // as it is here, nil if it is not
	departed departed // then
}

// decode reads the text and refuses what is not the instance that the entry says it is.
func (m *merger) decode() bool {
	in, err := eureka.DecodeBareInstance(m.e.Text, 0)
	if err != nil || eureka.UpperApp(in.App) != m.e.App || in.ID() != m.e.ID || m.e.App == "" || m.e.ID == "" {
		m.r.cfg.Log.Warn("entry refused: its text is not the instance", "app", m.e.App, "instance", m.e.ID, "err", err)
		return false
	}
	in.App = m.e.App
	m.in = in
	return true
}

func (m *merger) merge() MergeOutcome {
	if m.e.Version.IsZero() {
		return m.mergeOverride()
	}
	have := m.have()
	switch c := m.e.Version.Compare(have); {
	case c > 0 && m.e.Tombstone:
		return m.bury()
	case c > 0:
		return m.take()
	default:
		if m.rec != nil && !m.e.Tombstone {
			m.hear()
		}
		out := m.mergeOverride()
		if c < 0 {
			return Older
		}
		return out
	}
}

// have is the version of what is here: of the instance or its tombstone. That of an evicted instance does not count: the
// servers that still have it are right.
func (m *merger) have() Version {
	switch {
	case m.rec != nil:
		return m.rec.version
	case m.departed.tombstone:
		return m.departed.version
	}
	return Version{}
}

// override is the newer of the entry's and ours.
func (m *merger) override() Override {
	ours := m.departed.override
	if m.rec != nil {
		ours = m.rec.override
	}
	if m.e.Override.Compare(ours) > 0 {
		return m.e.Override
	}
	return ours
}

// mergeOverride merges the override alone.
func (m *merger) mergeOverride() MergeOutcome {
	newest := m.override()
	switch {
	case m.rec != nil && newest != m.rec.override:
		m.r.overrideHere(m.s, m.rec, newest, m.now, m.wall)
	case m.rec == nil && newest != m.departed.override:
		m.remember(newest)
	case newest != m.e.Override:
		return Older
	default:
		return Same
	}
	return Applied
}

func (m *merger) remember(o Override) {
	d := m.departed
	if d.version.IsZero() {
		d.since = m.now
	}
	d.override = o
	m.r.departed.put(d, 0)
}

// bury takes a tombstone.
func (m *merger) bury() MergeOutcome {
	d := departed{Key: m.e.Key, version: m.e.Version, tombstone: true, override: m.override(), since: m.now.add(-max(m.e.Age, 0))}
	if m.rec != nil {
		m.r.uninstall(m.s, m.rec, d, m.now, m.wall)
		return Applied
	}
	m.r.departed.put(d, 0)
	m.showGone()
	return Applied
}

// showGone makes a fresh server's delta tell of an instance that it never had, as the other servers' deltas do: clients
// that come over from them may still have it.
func (m *merger) showGone() {
	if changed := m.changed(); m.e.Text != nil && m.r.syncing.Load() && changed != longAgo && m.decode() {
		gone := &record{Key: m.e.Key, changed: changed, slot: noLease + 1}
		gone.shown = m.in.Status
		gone.fill(m.in)
		gone.write(m.in)
		m.r.apps.intern(gone, m.in)
		m.r.view.tell(viewChange{rec: gone, gone: true})
	}
}

// changed is when the change counts as having entered the delta.
func (m *merger) changed() moment {
	switch {
	case !m.r.syncing.Load():
		return m.now
	case m.e.DeltaAge < 0 || m.e.DeltaAge >= m.r.cfg.DeltaRetention:
		return longAgo
	}
	return m.now.add(-m.e.DeltaAge)
}

// take takes newer content.
func (m *merger) take() MergeOutcome {
	age := max(m.e.Age, 0)
	next := &record{Key: m.e.Key, version: m.e.Version, said: m.in.Status, override: m.override(), changed: m.changed()}
	next.shown = decide(next.said, next.override)
	next.fill(m.in)
	if m.rec == nil && !m.worthAdding(next, age) {
		m.mergeOverride()
		return Refused
	}
	m.r.render(next, m.in, m.wall)
	x := m.r.install(m.s, m.rec, next)
	if m.rec == nil {
		x.set(m.now.add(-age), m.r.lasts(next), next.interval(), m.from)
		return Applied
	}
	x.hear(m.now.add(-age), m.r.lasts(next), true, m.from, m.r.leases.resumed())
	x.adjust(m.r.lasts(next), next.interval())
	return Applied
}

// worthAdding says whether an instance that is unknown here has enough of its lease left: if it had not, one that died
// could come back for a moment on each server that forgot it. A fresh server has forgotten nobody. It takes over what the
// others still show although the lease is over, so that its own look at leases keeps or evicts it as theirs does: else
// servers replaced one by one would lose everything that self-preservation keeps.
func (m *merger) worthAdding(rec *record, age time.Duration) bool {
	lasts, bound := m.r.lasts(rec), m.r.cfg.PreservationBound
	switch {
	case lasts-age > min(addMargin, lasts/6):
		return true
	case !m.r.syncing.Load() || !m.departed.version.IsZero() || bound > 0 && age >= lasts+bound:
		return false
	}
	// Its sender may be one that hears nobody, and what the others know of the lease came before the instance: a renewal tells.
	m.r.noEvict.Store(max(m.r.noEvict.Load(), int64(m.now.add(settle))))
	return true
}

// hear counts the entry's age as a copied renewal.
func (m *merger) hear() {
	m.r.leases.at(m.rec.slot).hear(m.now.add(-max(m.e.Age, 0)), m.r.lasts(m.rec), true, m.from, m.r.leases.resumed())
}

// MergeRenewal takes a renewal that another of our servers (from is its epoch) heard, of version v, age ago. copied says
// that it is one of a list of ages rather than news; then nothing is wanted in return.
func (r *Registry) MergeRenewal(from int64, k Key, v Version, age time.Duration, copied bool) RenewalOutcome {
	s := r.stripe(k.ID)
	s.mu.RLock()
	rec := s.find(k)
	if rec == nil {
		s.mu.RUnlock()
		return r.renewalOfAbsent(k, v, copied)
	}
	now := moment(r.cfg.Now().Sub(r.born))
	r.leases.at(rec.slot).hear(now.add(-max(age, 0)), r.lasts(rec), copied, from, r.leases.resumed())
	have, pending := rec.version, rec.pending
	s.mu.RUnlock()
	if copied {
		return Heard
	}
	r.renewals.count()
	if pending {
		r.applyPending(k)
	}
	if have.Compare(v) < 0 {
		return Want
	}
	return Heard
}

func (r *Registry) renewalOfAbsent(k Key, v Version, copied bool) RenewalOutcome {
	now, _ := r.clock()
	d := r.departed.find(k, now)
	switch {
	case copied || v.IsZero():
		return Heard
	case d.tombstone && d.version.Compare(v) >= 0:
		return Cancelled
	}
	return Want
}

// Witness says what we know of an instance to a peer that holds version v of it, with a lease that ended at end, and
// cannot hear another server. The caller adds whether we hear that one.
func (r *Registry) Witness(k Key, v Version, end time.Time) WitnessAnswer {
	now, _ := r.clock()
	if now.before(moment(r.noEvict.Load())) {
		return WitnessAnswer{State: CannotSay}
	}
	s := r.stripe(k.ID)
	s.mu.RLock()
	defer s.mu.RUnlock()
	rec := s.find(k)
	if rec == nil {
		if r.departed.find(k, now).tombstone {
			return WitnessAnswer{State: CannotSay} // it does not know of the cancel; the digest will tell it
		}
		return WitnessAnswer{State: Gone}
	}
	x := r.leases.at(rec.slot)
	answer := WitnessAnswer{State: Alive, Age: now.since(x.last()), End: r.time(x.end())}
	switch {
	case rec.version != v:
		answer.State = CannotSay
	case !now.before(x.end()):
		answer.State = SameAndOver
	}
	return answer
}
