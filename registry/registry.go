package registry

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// ErrNotFound is the answer about an instance that is not here: never registered, cancelled or evicted.
var ErrNotFound = errors.New("instance not found")

// ErrUnfit is the answer to a change that would leave an instance which cannot be kept, or not be told to other servers.
var ErrUnfit = errors.New("instance cannot be kept")

// Limits of what is kept, in bytes. One instance beyond them would not fit into any message between servers and hold up all
// that comes after it.
const (
	MaxName = 64 << 10 // of an application's name, and of an id
	MaxText = 3 << 20  // of an instance as JSON
)

// Registry is the Eureka state of one server. All methods may be called at the same time.
//
// Locks are taken in this order: stripe, view.build, then one of applications, memory, leases, view.mu.
type Registry struct {
	cfg     Config
	born    time.Time
	seed    maphash.Seed
	epoch   atomic.Int64
	hearing atomic.Pointer[Hearing]
	syncing atomic.Bool

	stripes  [numStripes]stripe
	leases   *leases
	apps     applications
	departed *memory
	view     *view
	servers  servers
	renewals rate

	noEvict  atomic.Int64 // moment before which nothing is evicted, after a pause
	evicting sync.Mutex   // one look for dead leases at a time; guards preserve and cfg.Rand
	preserve preserver
}

// New returns an empty registry. It starts nothing: Run does.
func New(cfg Config) (*Registry, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure registry: %w", err)
	}
	r := &Registry{cfg: cfg.withDefaults(), seed: maphash.MakeSeed(), leases: newLeases(), apps: applications{byName: map[string]*application{}}}
	r.born = r.cfg.Now()
	ttl := r.cfg.TombstoneTTL
	if r.cfg.Faults.NoTombstone {
		ttl = forgetful
	}
	r.departed = newMemory(ttl, r.cfg.MaxTombstones)
	for i := range r.stripes {
		r.stripes[i].byID = map[string]*record{}
	}
	r.epoch.Store(r.cfg.Epoch)
	r.noEvict.Store(int64(longAgo))
	r.view = newView(&r.epoch, r.cfg.DeltaRetention, r.cfg.NoDelta)
	r.preserve.init(r)
	r.SetHearing(r.cfg.Hearing)
	return r, nil
}

// SetEpoch sets the number of this incarnation, once it is known or when it has changed.
func (r *Registry) SetEpoch(epoch int64) {
	if r.epoch.Swap(epoch) != epoch {
		r.view.renumber()
	}
}

// SetHearing sets what evictions rest on; nil for a server alone.
func (r *Registry) SetHearing(h Hearing) {
	if h == nil {
		r.hearing.Store(nil)
		return
	}
	r.hearing.Store(&h)
}

// SyncUp says that what is merged from now on is a copy of other servers' state, of which clients know already: it
// enters the delta with the age it has there, or not at all, and an instance that they still show is taken over though its
// lease is over; then nothing is evicted for one renewal interval. SyncUp(false) ends that: then what is merged is news
// to this server's clients, however old.
func (r *Registry) SyncUp(on bool) { r.syncing.Store(on) }

// clock is the moment, and the wall clock in milliseconds since 1970, which is only ever shown.
func (r *Registry) clock() (moment, int64) {
	t := r.cfg.Now()
	return moment(t.Sub(r.born)), t.UnixMilli()
}

func (r *Registry) time(m moment) time.Time { return r.born.Add(time.Duration(m)) }

// lasts is how long a lease lasts after a renewal.
func (r *Registry) lasts(rec *record) time.Duration {
	return rec.duration() * time.Duration(r.cfg.LeaseFactor)
}

// remembered is how long to remember at least that rec was cancelled: any server may still show it for the preservation
// bound after its lease.
func (r *Registry) remembered(rec *record) time.Duration {
	if rec == nil || r.cfg.Faults.NoTombstone {
		return 0
	}
	return max(r.cfg.PreservationBound, 0) + r.lasts(rec) + settle
}

// render writes in as the text of rec, whose version, override and statuses are set, and takes the header from it.
func (r *Registry) render(rec *record, in *eureka.Instance, wall int64) {
	in.Status, in.OverriddenStatus = rec.shown, rec.override.InForce()
	if in.Status == eureka.Up && in.LeaseInfo.ServiceUpTimestamp == 0 {
		in.LeaseInfo.ServiceUpTimestamp = wall
	}
	in.IsCoordinatingDiscoveryServer = false
	rec.fill(in)
	rec.write(in)
	r.apps.intern(rec, in)
}

// install puts next in place of old, nil for none, and returns its lease, to be set if it is a new one. The stripe must
// be locked.
func (r *Registry) install(s *stripe, old, next *record) lease {
	if old == nil {
		next.slot = r.leases.add(next)
		r.departed.forget(next.Key)
	} else {
		next.slot = old.slot
		r.leases.at(old.slot).own(next)
	}
	s.put(next)
	r.apps.replace(old, next)
	r.view.tell(viewChange{rec: next})
	return r.leases.at(next.slot)
}

// uninstall takes old out, remembers d of it and shows it as gone. The stripe must be locked.
func (r *Registry) uninstall(s *stripe, old *record, d departed, now moment, wall int64) {
	gone := old.removed(wall, wallOf(r.leases.at(old.slot).last(), now, wall), now)
	s.remove(old.Key)
	r.leases.remove(old.slot)
	r.apps.replace(old, nil)
	d.Key = Key{App: old.App, ID: strings.Clone(old.ID)} // the id is a part of the text, which would be remembered with it
	r.departed.put(d, r.remembered(old))
	r.view.tell(viewChange{rec: gone, gone: true})
}

func changeOf(rec *record, kind ChangeKind, action eureka.Action, o Origin) Change {
	return Change{
		Key: rec.Key, Kind: kind, Origin: o, Version: rec.version, Action: action,
		Dirty: rec.dirty, Status: rec.shown, Overridden: rec.override.InForce(),
	}
}
