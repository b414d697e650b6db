package replication

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// A queue holds which instances one peer must still be told about, oldest first and each once: a newer change of an instance
// replaces the older one in its place, because what is sent is the instance as it then is. It belongs to one goroutine.
type queue struct {
	limit   int
	items   []queued // from first on
	first   int
	at      map[registry.Key]int // position in items plus base; below first: that item is gone
	base    int                  // items that ever were before items[0]
	content int                  // how many have changed content
}

// queued is one instance in a queue.
type queued struct {
	Key     registry.Key
	Content bool             // content or override changed; false: renewed only
	Version registry.Version // renewed, meaningless for Content
	Since   time.Time        // of the oldest change
	Renewed time.Time        // of the newest
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, at: make(map[registry.Key]int)}
}

func (q *queue) len() int { return len(q.items) - q.first }

// oldest is when the oldest change came, zero for an empty queue.
func (q *queue) oldest() time.Time {
	if q.len() == 0 {
		return time.Time{}
	}
	return q.items[q.first].Since
}

// push adds a change. It is false if the queue is full, and then unchanged.
func (q *queue) push(x queued) bool {
	if i, ok := q.at[x.Key]; ok && i >= q.base+q.first {
		old := &q.items[i-q.base]
		if x.Content && !old.Content {
			old.Content = true
			q.content++
		}
		if !x.Renewed.Before(old.Renewed) {
			old.Version, old.Renewed = x.Version, x.Renewed
		}
		return true
	}
	if q.len() >= q.limit {
		return false
	}
	q.at[x.Key] = len(q.items) + q.base
	q.items = append(q.items, x)
	if x.Content {
		q.content++
	}
	return true
}

// pop takes the oldest.
func (q *queue) pop() (queued, bool) {
	if q.len() == 0 {
		return queued{}, false
	}
	x := q.items[q.first]
	q.items[q.first] = queued{}
	q.first++
	if x.Content {
		q.content--
	}
	switch {
	case q.first == len(q.items):
		q.reset()
	case q.first > 1024 && q.first > len(q.items)/2:
		q.compact()
	}
	return x, true
}

// reset is for an empty queue. The memory of a burst is given back.
func (q *queue) reset() {
	q.base += q.first
	q.items, q.first = q.items[:0], 0
	if cap(q.items) > 4096 {
		q.items, q.at = nil, make(map[registry.Key]int)
		return
	}
	clear(q.at)
}

// compact moves the items to the front and drops the positions of those that are gone.
func (q *queue) compact() {
	q.base += q.first
	q.items = append(q.items[:0], q.items[q.first:]...)
	q.first = 0
	clear(q.at)
	for i := range q.items {
		q.at[q.items[i].Key] = i + q.base
	}
}
