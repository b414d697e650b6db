package namesrv

import (
	"sync"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// maxNotices bounds how many brokers wait to be told something.
const maxNotices = 4096

// notice is what one broker is to be told.
type notice struct {
	to     string
	change remoting.MinBrokerIDChange
}

// noticeQueue is what is still to be told: to each address the latest, addresses in the order in which they came, and never two
// notices to one address at a time. So a broker that does not answer holds up nobody but itself, and whoever hears two notices hears
// them in their order.
type noticeQueue struct {
	mu      sync.Mutex
	change  sync.Cond
	waiting map[string]remoting.MinBrokerIDChange
	order   []string // the keys of waiting
	busy    map[string]bool
	closed  bool
}

func (q *noticeQueue) init() {
	q.change.L = &q.mu
	q.waiting = make(map[string]remoting.MinBrokerIDChange)
	q.busy = make(map[string]bool)
}

// put adds a notice. What is lost by that, it says as a metric's label: an older notice to the same address, or this one.
func (q *noticeQueue) put(n notice) (lost string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.waiting[n.to]; ok {
		q.waiting[n.to] = n.change
		return "superseded"
	}
	if len(q.order) >= maxNotices {
		return "dropped"
	}
	q.waiting[n.to] = n.change
	q.order = append(q.order, n.to)
	q.change.Signal()
	return ""
}

// take waits for a notice that can be told now; false means that the queue was closed. done has to follow.
func (q *noticeQueue) take() (notice, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed {
		for i, to := range q.order {
			if q.busy[to] {
				continue
			}
			n := notice{to, q.waiting[to]}
			q.order = append(q.order[:i], q.order[i+1:]...)
			delete(q.waiting, to)
			q.busy[to] = true
			return n, true
		}
		q.change.Wait()
	}
	return notice{}, false
}

// done says that nothing is being told to an address any more.
func (q *noticeQueue) done(to string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy, to)
	q.change.Signal()
}

// close ends the waiting of everybody.
func (q *noticeQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Broadcast()
}
