package registry

import (
	"time"
)

// Entry is what our own servers tell each other about one instance: its content, its override and, as an age, its
// lease. Ages are measured by the sender without what a pause of its own added.
type Entry struct {
	Key
	Version   Version // zero: no content, the override only
	Tombstone bool    // the instance was cancelled at Version
	// Text is the instance as bare JSON in list form, as its client says it is: without the override, which the
	// receiver applies itself; actionType and lastUpdatedTimestamp are the sender's. Of a tombstone it is the last
	// content while deltas still show it, else nil. It must not be changed.
	Text     []byte
	Override Override
	// Age is the time since the last renewal, of a tombstone since the cancel.
	Age time.Duration
	// DeltaAge is the time since the change entered the delta, below zero if it is no longer in it.
	DeltaAge time.Duration
}

// MergeOutcome is what became of an entry.
type MergeOutcome uint8

const (
	// Applied: it was newer, or its override was, and is now ours.
	Applied MergeOutcome = iota
	// Same: nothing was new but perhaps the lease.
	Same
	// Older: we hold newer content. Answer with Entry.
	Older
	// Refused: the instance is unknown here and its lease is over or nearly (but see SyncUp), the tombstone is older than
	// any tombstone may be, or the text is not an instance of that name.
	Refused
)

// RenewalOutcome is what became of a copied renewal.
type RenewalOutcome uint8

const (
	// Heard: the lease is at least that young now.
	Heard RenewalOutcome = iota
	// Want: the instance is unknown here, or older than at the sender. Ask the sender for the content.
	Want
	// Cancelled: we hold a tombstone that is not older. Answer with Entry.
	Cancelled
)

// WitnessState is what we can say about an instance to a peer that is deaf to a third server.
type WitnessState uint8

const (
	// CannotSay: we hold another version, or were paused ourselves a moment ago.
	CannotSay WitnessState = iota
	// Gone: we do not know the instance (any more). This vouches if we hear the third server and copied all it knows.
	Gone
	// SameAndOver: same version and the lease is over here too, at WitnessAnswer.End. This vouches if we heard the
	// third server since then.
	SameAndOver
	// Alive: same version and its lease is not over; Age counts as a renewal.
	Alive
)

// WitnessAnswer is the answer to a peer that asks us to vouch.
type WitnessAnswer struct {
	State WitnessState
	Age   time.Duration // since the last renewal heard here
	End   time.Time     // when the lease ended or will end here
}

// Entry is what we would tell another server about an instance; false if there is nothing.
func (r *Registry) Entry(k Key) (Entry, bool) {
	s := r.stripe(k.ID)
	s.mu.RLock()
	rec := s.find(k)
	now, _ := r.clock()
	var age time.Duration
	if rec != nil {
		age = now.since(r.leases.at(rec.slot).last())
	}
	s.mu.RUnlock()
	if rec == nil {
		return r.absent(r.departed.find(k, now), now)
	}
	e := Entry{Key: rec.Key, Version: rec.version, Text: rec.plain(), Override: rec.override, Age: age, DeltaAge: -1}
	if in := now.since(rec.changed); in < r.cfg.DeltaRetention {
		e.DeltaAge = in
	}
	return e, true
}

// absent is the entry of an instance that is not here. What was evicted here is nobody else's business.
func (r *Registry) absent(d departed, now moment) (Entry, bool) {
	e := Entry{Key: d.Key, Override: d.override, DeltaAge: -1}
	if d.tombstone {
		e.Version, e.Tombstone, e.Age = d.version, true, now.since(d.since)
		if age, shown := r.view.inDelta(d.Key, now); shown != nil {
			e.DeltaAge, e.Text = age, []byte(shown.text)
		}
	}
	return e, !e.Version.IsZero() || e.Override != (Override{})
}

// Entries yields everything: what is here, tombstones, and overrides of what is neither. No lock is held meanwhile.
func (r *Registry) Entries(yield func(Entry) bool) {
	for i := range r.stripes {
		var keys []Key
		r.stripes[i].each(func(rec *record) { keys = append(keys, rec.Key) })
		for _, k := range keys {
			if e, ok := r.Entry(k); ok && !yield(e) {
				return
			}
		}
	}
	now, _ := r.clock()
	for _, d := range r.departed.all(now) {
		if e, ok := r.Entry(d.Key); ok && !yield(e) {
			return
		}
	}
}

// EntriesOf yields what Entries would of some applications.
func (r *Registry) EntriesOf(apps []string, yield func(Entry) bool) {
	now, _ := r.clock()
	snapshot, asked := r.view.latest(now), make(map[string]bool, len(apps))
	for _, app := range apps {
		asked[app] = true
		for _, rec := range snapshot.recordsOf(app) {
			if e, ok := r.Entry(rec.Key); ok && !rec.own() && !yield(e) {
				return
			}
		}
	}
	for _, d := range r.departed.all(now) { // many, so once for all applications
		if !asked[d.App] {
			continue
		}
		if e, ok := r.Entry(d.Key); ok && !yield(e) {
			return
		}
	}
}
