package registry

import (
	"sync"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// servers are our own servers as clients see them: instances that are derived from the list of live servers. They are in
// full lists, deltas and hash codes like all others, but nobody leases, copies or digests them.
type servers struct {
	mu    sync.RWMutex
	byKey map[Key]*server
}

type server struct {
	given string // what SetServers was told, encoded
	rec   *record
}

// SetServers replaces our own servers. Those that are the same as before change nothing that a client sees.
func (r *Registry) SetServers(own []*eureka.Instance) {
	r.servers.mu.Lock()
	defer r.servers.mu.Unlock()
	now, wall := r.clock()
	next := make(map[Key]*server, len(own))
	for _, in := range own {
		k := Key{App: eureka.UpperApp(in.App), ID: in.ID()}
		given := string(eureka.AppendInstance(nil, in, eureka.JSON, eureka.List))
		was := r.servers.byKey[k]
		if was != nil && was.given == given {
			next[k] = was
			continue
		}
		content := in.Clone()
		content.App = k.App
		content.LastUpdatedTimestamp = wall
		content.ActionType = eureka.Added
		if was != nil {
			content.ActionType = eureka.Modified
		}
		rec := &record{Key: k, slot: noLease, said: in.Status, shown: in.Status, changed: now}
		rec.fill(content)
		rec.write(content)
		r.apps.intern(rec, content)
		next[k] = &server{given, rec}
		r.view.tell(viewChange{rec: rec})
	}
	for k, was := range r.servers.byKey {
		if next[k] == nil {
			r.view.tell(viewChange{rec: was.rec.removed(wall, was.rec.instance().LeaseInfo.LastRenewalTimestamp, now), gone: true})
		}
	}
	r.servers.byKey = next
}

func (s *servers) instance(k Key) (*eureka.Instance, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if own := s.byKey[k]; own != nil {
		return own.rec.instance(), true
	}
	return nil, false
}

func (s *servers) instanceByID(id string) (*eureka.Instance, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, own := range s.byKey {
		if k.ID == id {
			return own.rec.instance(), true
		}
	}
	return nil, false
}
