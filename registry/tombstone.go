package registry

import (
	"container/heap"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// departed is what is remembered of an instance that is not here: a tombstone after a cancel, the version after an
// eviction, and the override in both cases.
type departed struct {
	Key
	version   Version // zero: only the override is known
	tombstone bool
	override  Override
	since     moment // of the cancel, wherever that was, or of the eviction here
	until     moment // when it is forgotten
	index     int    // in the heap
}

// memory keeps departed instances for a time, at most so many, the oldest go first. What holds an operator's override
// outlives the time: the override is durable. Its lock is taken inside a stripe's.
type memory struct {
	mu    sync.Mutex
	ttl   time.Duration
	limit int
	byKey map[Key]*departed
	old   oldest
	tombs int
	kept  int // overrides in force
}

func newMemory(ttl time.Duration, limit int) *memory {
	return &memory{ttl: ttl, limit: limit, byKey: map[Key]*departed{}}
}

// find returns a copy of what is remembered; the zero value if nothing is.
func (m *memory) find(k Key, now moment) departed {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.byKey[k]
	if d == nil {
		return departed{Key: k}
	}
	return m.aged(d, now)
}

// aged is d without what it is too old for.
func (m *memory) aged(d *departed, now moment) departed {
	c := *d
	if d.until <= now {
		c.version, c.tombstone = Version{}, false
	}
	return c
}

// put remembers d in place of what was known of its key, for the usual time, for atLeast, or until d.until, whichever is
// longest. One without anything to remember is forgotten.
func (m *memory) put(d departed, atLeast time.Duration) {
	d.until = max(d.until, d.since.add(max(m.ttl, atLeast)))
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.byKey[d.Key]; old != nil {
		m.drop(old)
	}
	if d.version.IsZero() && d.override == (Override{}) {
		return
	}
	p := &d
	m.byKey[d.Key] = p
	heap.Push(&m.old, p)
	m.count(p, 1)
	for len(m.old) > m.limit {
		m.drop(m.old[0])
	}
}

// forget is for an instance that came back.
func (m *memory) forget(k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.byKey[k]; d != nil {
		m.drop(d)
	}
}

// expire forgets what is too old. An override in force stays, and stands among the youngest from then on.
func (m *memory) expire(now moment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.old) > 0 && m.old[0].until <= now {
		d := m.old[0]
		m.drop(d)
		if d.override.InForce() != eureka.Unknown {
			d.version, d.tombstone, d.since, d.until = Version{}, false, now, now.add(m.ttl)
			m.byKey[d.Key] = d
			heap.Push(&m.old, d)
			m.count(d, 1)
		}
	}
}

// all returns a copy of everything not too old.
func (m *memory) all(now moment) []departed {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]departed, 0, len(m.old))
	for _, d := range m.old {
		if c := m.aged(d, now); !c.version.IsZero() || c.override != (Override{}) {
			list = append(list, c)
		}
	}
	return list
}

// counts are the tombstones and the overrides in force.
func (m *memory) counts() (tombstones, overrides int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tombs, m.kept
}

func (m *memory) drop(d *departed) {
	delete(m.byKey, d.Key)
	heap.Remove(&m.old, d.index)
	m.count(d, -1)
}

func (m *memory) count(d *departed, n int) {
	if d.tombstone {
		m.tombs += n
	}
	if d.override.InForce() != eureka.Unknown {
		m.kept += n
	}
}

// oldest is a heap of departed instances, the first to be forgotten on top.
type oldest []*departed

func (h oldest) Len() int           { return len(h) }
func (h oldest) Less(i, j int) bool { return h[i].until < h[j].until }
func (h oldest) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *oldest) Push(x any) {
	d := x.(*departed)
	d.index = len(*h)
	*h = append(*h, d)
}

func (h *oldest) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return d
}
