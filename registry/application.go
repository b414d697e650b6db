package registry

import (
	"slices"
	"sync"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// application is what the leased instances of one name have in common.
type application struct {
	name   string
	count  int
	digest uint64
	recent []*traits // of the latest registrations, to be shared by the next
}

// applications are all that have an instance. The lock is taken inside a stripe's.
type applications struct {
	mu     sync.RWMutex
	byName map[string]*application
	total  totals
}

// totals are sums over all applications.
type totals struct {
	instances int
	overrides int // in force
	digest    uint64
}

// traitsKept is how many different traits of an application are looked through for one to share.
const traitsKept = 4

// intern sets name and traits of rec to ones that its application's other instances share.
func (a *applications) intern(rec *record, in *eureka.Instance) {
	t := traits{vip: in.VIPAddress, svip: in.SecureVIPAddress, zone: zoneOf(in)}
	a.mu.RLock()
	defer a.mu.RUnlock()
	if app := a.byName[rec.App]; app != nil {
		rec.App = app.name
		if i := slices.IndexFunc(app.recent, func(have *traits) bool { return *have == t }); i >= 0 {
			rec.traits = app.recent[i]
			return
		}
	}
	rec.traits = &t
}

// replace counts next instead of old; each may be nil.
func (a *applications) replace(old, next *record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if next != nil {
		app := a.byName[next.App]
		if app == nil {
			app = &application{name: next.App}
			a.byName[next.App] = app
		}
		if !slices.Contains(app.recent, next.traits) {
			app.recent = append([]*traits{next.traits}, app.recent[:min(len(app.recent), traitsKept-1)]...)
		}
		a.add(app, next, 1)
	}
	if old != nil {
		app := a.byName[old.App]
		if a.add(app, old, -1); app.count == 0 {
			delete(a.byName, app.name)
		}
	}
}

// add counts rec n times, which is once or minus once.
func (a *applications) add(app *application, rec *record, n int) {
	hash := hashOf(rec) * uint64(n)
	app.count += n
	app.digest += hash
	a.total.instances += n
	a.total.digest += hash
	if rec.override.InForce() != eureka.Unknown {
		a.total.overrides += n
	}
}

func (a *applications) counts() (applications int, total totals) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.byName), a.total
}
