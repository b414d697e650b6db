package registry

import (
	"hash/maphash"
	"sync"
)

const numStripes = 64

// stripe is a part of all instances, by id, with the lock that orders their changes. Changes take it exclusively;
// renewals share it, so they never wait for each other.
//
// The parts are not the applications: one application may be most of a fleet, and its clients' renewals should not queue.
type stripe struct {
	mu   sync.RWMutex
	byID map[string]*record // the first of those with the same id in different applications
	_    [64]byte           // no two locks in one cache line
}

func (r *Registry) stripe(id string) *stripe {
	return &r.stripes[maphash.String(r.seed, id)%numStripes]
}

// find returns the instance, nil if it is not here. The lock must be held.
func (s *stripe) find(k Key) *record {
	rec := s.byID[k.ID]
	for rec != nil && rec.App != k.App {
		rec = rec.next
	}
	return rec
}

// put enters rec, in place of the record with its key if there is one.
func (s *stripe) put(rec *record) {
	rec.next = without(s.byID[rec.ID], rec.App)
	s.byID[rec.ID] = rec
}

func (s *stripe) remove(k Key) {
	if first := without(s.byID[k.ID], k.App); first != nil {
		s.byID[k.ID] = first
	} else {
		delete(s.byID, k.ID)
	}
}

// without takes the record of one application out of a chain.
func without(first *record, app string) *record {
	if first == nil {
		return nil
	}
	if first.App == app {
		return first.next
	}
	for rec := first; rec.next != nil; rec = rec.next {
		if rec.next.App == app {
			rec.next = rec.next.next
			break
		}
	}
	return first
}

// each yields every record under the lock, shared.
func (s *stripe) each(yield func(*record)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, rec := range s.byID {
		for ; rec != nil; rec = rec.next {
			yield(rec)
		}
	}
}
