package registry

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// viewChange is one change of what clients are shown.
type viewChange struct {
	rec   *record // as it is now; for one that is gone as deltas show it
	gone  bool
	quiet bool // only lease times are new: lists show them, and the version stays
}

// maxPending is how many changes wait for a reader before the writer itself puts them in order.
const maxPending = 512

// view turns the changes of all stripes into one order, and that into snapshots. Writers append to a list, under their
// stripe's lock; the first reader after a change applies the list. So each snapshot is what was true after some number of
// changes, and full list, delta and hash code come from that same number.
type view struct {
	epoch     *atomic.Int64
	retention time.Duration
	noDelta   bool

	mu      sync.Mutex // of pending
	pending []viewChange
	quiet   uint64        // of told; guarded by mu
	told    atomic.Uint64 // changes so far; read without the lock to see whether a snapshot is current

	current atomic.Pointer[Snapshot]

	build   sync.Mutex // of all below; taken before mu, and inside a stripe's lock
	applied uint64     // of told, without the quiet ones
	number  int64      // contents so far
	tree    tree
	counts  [eureka.NumStatuses]int
	members map[string]int // instances by application
	size    int
	delta   delta

	vips vipIndex
}

func newView(epoch *atomic.Int64, retention time.Duration, noDelta bool) *view {
	v := &view{epoch: epoch, retention: retention, noDelta: noDelta, members: map[string]int{}, delta: newDelta(retention)}
	v.vips.init()
	v.publish(0, 0, 0)
	return v
}

// tell adds a change. It is called under the lock that orders the changes of that instance.
func (v *view) tell(c viewChange) {
	v.mu.Lock()
	v.pending = append(v.pending, c)
	if c.quiet {
		v.quiet++
	}
	v.told.Add(1)
	full := len(v.pending) >= maxPending
	v.mu.Unlock()
	if full {
		v.build.Lock()
		v.apply()
		v.build.Unlock()
	}
}

// renumber makes the next snapshot a new version although nothing changed.
func (v *view) renumber() { v.told.Add(1) }

// snapshot returns a view that contains every change told before. Only where making one is dear may it be up to
// maxStaleness old: then half of the time is left for other work.
func (v *view) snapshot(now moment) *Snapshot {
	s := v.current.Load()
	told := v.told.Load()
	if s.told == told && now < s.due {
		return s
	}
	if dear := time.Duration(s.renewing(told - s.told)); dear > maxRebuild && now.since(s.made) < min(dear, maxStaleness) {
		return s
	}
	return v.latest(now)
}

// latest is snapshot without regard to what it costs.
func (v *view) latest(now moment) *Snapshot {
	v.build.Lock()
	defer v.build.Unlock()
	if s := v.current.Load(); s.told == v.told.Load() && now < s.due {
		return s // another reader made it meanwhile
	}
	told, news := v.apply()
	return v.publish(now, told, news)
}

// tidy keeps the delta from growing while nobody reads.
func (v *view) tidy(now moment) {
	v.build.Lock()
	defer v.build.Unlock()
	v.apply()
	v.delta.prune(now)
}

// apply puts the pending changes in order and returns how many were told with them, and how many of these are news to clients. build
// must be held.
func (v *view) apply() (told, news uint64) {
	v.mu.Lock()
	batch := v.pending
	told = v.told.Load()
	news = told - v.quiet
	v.pending = nil
	v.mu.Unlock()
	for _, c := range batch {
		var old *record
		if c.gone {
			old = v.tree.remove(c.rec)
		} else {
			old = v.tree.put(c.rec)
			v.count(c.rec, 1)
			v.vips.add(c.rec)
		}
		if old != nil {
			v.count(old, -1)
			v.vips.remove(old)
		}
		if !v.noDelta && c.rec.changed != longAgo {
			v.delta.add(c)
		}
	}
	if len(v.delta.entries) > 2*maxDelta {
		v.delta.prune(longAgo)
	}
	return told, news
}

func (v *view) count(rec *record, n int) {
	v.counts[rec.shown] += n
	v.size += n
	if v.members[rec.App] += n; v.members[rec.App] == 0 {
		delete(v.members, rec.App)
	}
}

// publish makes the snapshot of all applied changes. build must be held.
func (v *view) publish(now moment, told, news uint64) *Snapshot {
	v.delta.prune(now)
	if v.delta.changed || news != v.applied || v.number == 0 {
		v.number++
	}
	v.delta.changed, v.applied = false, news
	s := &Snapshot{
		view:         v,
		told:         told,
		made:         now,
		due:          v.delta.due(),
		version:      versionsDelta(v.epoch.Load(), v.number),
		hashCode:     eureka.HashCode(v.counts),
		segments:     v.tree.seal(),
		delta:        v.delta.entries,
		applications: len(v.members),
		instances:    v.size,
	}
	v.current.Store(s)
	return s
}

// versionsDelta is the version of a content: it starts from the epoch, so that no two servers, nor two starts of one,
// give different contents the same number. It stays below 2^53, which is where numbers end in JavaScript.
func versionsDelta(epoch, number int64) int64 {
	return epoch&(1<<21-1)<<32 | number&(1<<32-1)
}
