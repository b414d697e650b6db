package registry

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Instance returns one instance as it is now, with the times of its lease. An instance whose lease is over is not found
// once it may be evicted, even if that has not happened yet: lists show it until then.
// Compat: Netflix/eureka AbstractInstanceRegistry.java: getInstanceByAppAndId, decorateInstanceInfo.
func (r *Registry) Instance(k Key) (*eureka.Instance, bool) {
	s := r.stripe(k.ID)
	s.mu.RLock()
	found := r.held(s.find(k))
	s.mu.RUnlock()
	if found.rec == nil {
		return r.servers.instance(k)
	}
	return r.live(found)
}

// InstanceByID returns an instance by its id alone; of several applications with that id the first by name.
func (r *Registry) InstanceByID(id string) (*eureka.Instance, bool) {
	s := r.stripe(id)
	s.mu.RLock()
	first := s.byID[id]
	for rec := first; rec != nil; rec = rec.next {
		if rec.App < first.App {
			first = rec
		}
	}
	found := r.held(first)
	s.mu.RUnlock()
	if found.rec == nil {
		return r.servers.instanceByID(id)
	}
	return r.live(found)
}

// held is a record with what its lease said at one moment.
type held struct {
	rec       *record
	last, end moment
	via       int64
}

// held reads the lease of rec, which may be nil. The stripe must be locked, at least shared: after that the slot may be
// another's.
func (r *Registry) held(rec *record) held {
	if rec == nil {
		return held{}
	}
	x := r.leases.at(rec.slot)
	return held{rec, x.last(), x.end(), x.via()}
}

// live decodes the record and adds what its lease says. No lock may be held.
func (r *Registry) live(h held) (*eureka.Instance, bool) {
	now, wall := r.clock()
	if r.hidden(h, now) {
		return nil, false
	}
	in := h.rec.instance()
	in.LeaseInfo.LastRenewalTimestamp = wallOf(h.last, now, wall)
	return in, true
}

// wallOf is a moment in milliseconds since 1970, by the clock's present reading.
func wallOf(m, now moment, wall int64) int64 { return wall - now.since(m).Milliseconds() }

// Application is the body of a query for one application; false if it has no instance. name is upper case.
func (s *Snapshot) Application(name string, f eureka.Format, gzip bool) ([]byte, bool) {
	records := s.recordsOf(name)
	if len(records) == 0 {
		return nil, false
	}
	return s.queries.body(query{'a', name, f, gzip}, func() []byte {
		return encode(gzip, func(dst []byte) []byte {
			if f.IsXML() {
				app := &eureka.Application{Name: name}
				for _, rec := range records {
					app.Instances = append(app.Instances, rec.instance())
				}
				return eureka.AppendApplicationDocument(dst, app, f)
			}
			dst = eureka.AppendApplicationHead(dst, f, name, true)
			for i, rec := range records {
				if i > 0 {
					dst = eureka.AppendSeparator(dst, f)
				}
				dst = rec.appendForm(dst, f)
			}
			return eureka.AppendApplicationTail(dst, f, true)
		})
	}), true
}

// VIP is the body of a query by vip, or by secure vip: every instance that has it in its comma separated list, whatever
// its status. An unknown one is an empty list. Only our own servers' vip is found in any case of letters.
func (s *Snapshot) VIP(vip string, secure bool, f eureka.Format, gzip bool) []byte {
	vip, apps := s.view.vips.find(vip, secure)
	var records []*record
	var counts [eureka.NumStatuses]int
	for _, app := range apps {
		for _, rec := range s.recordsOf(app) {
			if rec.answers(vip, secure) {
				records = append(records, rec)
				counts[rec.shown]++
			}
		}
	}
	make := func() []byte {
		return encode(gzip, func(dst []byte) []byte {
			return appendList(dst, f, queryVersion, eureka.HashCode(counts), records)
		})
	}
	if len(records) == 0 {
		return make()
	}
	kind := byte('v')
	if secure {
		kind = 's'
	}
	return s.queries.body(query{kind, vip, f, gzip}, make)
}

// recordsOf are the records of one application, in order.
func (s *Snapshot) recordsOf(name string) []*record {
	if len(s.segments) == 0 {
		return nil
	}
	var records []*record
	start := &record{Key: Key{App: name}}
	for _, seg := range s.segments[position(s.segments, start):] {
		i, _ := slices.BinarySearchFunc(seg.records, start, compareRecords)
		for ; i < len(seg.records); i++ {
			if seg.records[i].App != name {
				return records
			}
			records = append(records, seg.records[i])
		}
	}
	return records
}

// vipIndex finds the applications that have an instance with a vip. It holds only what instances have, so what clients
// ask for cannot make it grow. It may be a change ahead of a snapshot, which is read after it.
type vipIndex struct {
	mu     sync.RWMutex
	apps   [2]map[string]map[string]int // by secure or not, vip, application: records
	folded [2]map[string]string         // vips of our own servers by their lower case
}

func (x *vipIndex) init() {
	for i := range x.apps {
		x.apps[i], x.folded[i] = map[string]map[string]int{}, map[string]string{}
	}
}

func (x *vipIndex) add(rec *record)    { x.count(rec, 1) }
func (x *vipIndex) remove(rec *record) { x.count(rec, -1) }

func (x *vipIndex) count(rec *record, n int) {
	if rec.traits.vip == "" && rec.traits.svip == "" {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, list := range [2]string{rec.traits.vip, rec.traits.svip} {
		if list == "" {
			continue
		}
		for token := range strings.SplitSeq(list, ",") {
			apps := x.apps[i][token]
			if apps == nil {
				apps = map[string]int{}
				x.apps[i][token] = apps
			}
			if apps[rec.App] += n; apps[rec.App] == 0 {
				delete(apps, rec.App)
			}
			if len(apps) == 0 {
				delete(x.apps[i], token)
			}
			if rec.own() {
				x.folded[i][strings.ToLower(token)] = token
			}
		}
	}
}

// find returns the vip as instances spell it, and their applications in order.
func (x *vipIndex) find(vip string, secure bool) (string, []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	i := index(secure)
	apps := x.apps[i][vip]
	if apps == nil {
		if spelt, ok := x.folded[i][strings.ToLower(vip)]; ok {
			vip, apps = spelt, x.apps[i][spelt]
		}
	}
	names := make([]string, 0, len(apps))
	for name := range apps {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare[string])
	return vip, names
}

// queries keeps bodies of queries that found something, up to a size: names are what clients make up.
type queries struct {
	mu     sync.Mutex
	bodies map[query][]byte
	size   int
}

type query struct {
	kind byte // a: application, v: vip, s: secure vip
	name string
	f    eureka.Format
	gzip bool
}

const maxQueries = 16 << 20

func (q *queries) body(of query, make func() []byte) []byte {
	q.mu.Lock()
	b, ok := q.bodies[of]
	q.mu.Unlock()
	if ok {
		return b
	}
	b = make()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size+len(b) <= maxQueries {
		if q.bodies == nil {
			q.bodies = map[query][]byte{}
		}
		q.bodies[of] = b
		q.size += len(b)
	}
	return b
}
