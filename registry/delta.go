package registry

import (
	"maps"
	"slices"
	"time"
)

// delta is the changes of the last minutes, oldest first. Entries that a later one of the same instance replaces are passed
// over when a body is made, so that snapshots share one growing array; they are dropped when they are most of it.
type delta struct {
	retention time.Duration
	step      time.Duration // entries leave in steps, so that old bursts do not make a version per entry
	entries   []viewChange
	latest    map[Key]*record // the last entry of each instance
	peak      int             // most of these at a time, for a map does not shrink
	changed   bool            // something left that clients could see
}

func newDelta(retention time.Duration) delta {
	return delta{retention: retention, step: max(retention/36, time.Millisecond), latest: map[Key]*record{}}
}

func (d *delta) add(c viewChange) {
	d.entries = append(d.entries, c)
	d.latest[c.rec.Key] = c.rec
	d.peak = max(d.peak, len(d.latest))
	if len(d.entries) > 2*len(d.latest)+fewReplaced {
		d.entries = slices.DeleteFunc(slices.Clone(d.entries), func(c viewChange) bool { return d.latest[c.rec.Key] != c.rec })
	}
}

// fewReplaced is how many replaced entries are not worth a copy of the others. Each holds on to its text.
const fewReplaced = 64

// due is the moment at which the oldest entry leaves.
func (d *delta) due() moment {
	if len(d.entries) == 0 {
		return never
	}
	return d.leaves(d.entries[0].rec)
}

func (d *delta) leaves(rec *record) moment {
	end, step := rec.changed.add(d.retention), moment(d.step)
	if rest := ((end % step) + step) % step; rest != 0 {
		end += step - rest
	}
	return end
}

// prune drops what is too old, or too much.
func (d *delta) prune(now moment) {
	n := max(0, len(d.entries)-maxDelta)
	for n < len(d.entries) && d.leaves(d.entries[n].rec) <= now {
		n++
	}
	for _, c := range d.entries[:n] {
		if d.latest[c.rec.Key] == c.rec {
			delete(d.latest, c.rec.Key)
			d.changed = true
		}
	}
	// The array is shared with snapshots, so it is left as it is; its front is let go when append outgrows it, or here.
	d.entries = d.entries[n:]
	if d.peak > 1000 && len(d.latest) < d.peak/8 {
		latest := make(map[Key]*record, len(d.latest))
		maps.Copy(latest, d.latest)
		d.entries, d.latest, d.peak = slices.Clone(d.entries), latest, len(latest)
	}
}

// inOrder are the records that a delta shows: the last change of each instance, applications in the order of their first
// change, and in each those that are gone after all others.
// Compat: Netflix/eureka-client inserts the whole application of a delta if it did not know it, also what is DELETED in
// it and stands before the first ADDED (Netflix/eureka 1528); in this order it does not.
func inOrder(entries []viewChange) []*record {
	last := make(map[Key]int, len(entries))
	for i, c := range entries {
		last[c.rec.Key] = i
	}
	rank := map[string]int{} // of applications
	var live []viewChange
	for i, c := range entries {
		if last[c.rec.Key] != i {
			continue
		}
		if _, ok := rank[c.rec.App]; !ok {
			rank[c.rec.App] = len(rank)
		}
		live = append(live, c)
	}
	slices.SortStableFunc(live, func(a, b viewChange) int {
		if a.rec.App != b.rec.App {
			return rank[a.rec.App] - rank[b.rec.App]
		}
		return compareBool(a.gone, b.gone)
	})
	records := make([]*record, len(live))
	for i, c := range live {
		records[i] = c.rec
	}
	return records
}

// inDelta returns how long ago the instance's last change entered the delta, and what is shown of it; below zero if it
// is not in it. build must not be held.
func (v *view) inDelta(k Key, now moment) (age time.Duration, shown *record) {
	v.build.Lock()
	defer v.build.Unlock()
	v.apply()
	rec := v.delta.latest[k]
	if rec == nil || now.since(rec.changed) >= v.retention {
		return -1, nil
	}
	return now.since(rec.changed), rec
}
