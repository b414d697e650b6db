package replication

import (
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

const (
	// Compat: Netflix/eureka EurekaServerConfig: maxElementsInPeerReplicationPool, and the oldest go first.
	maxJavaTasks = 10_000
	// Compat: Netflix/eureka PeerEurekaNode: BATCH_SIZE.
	maxJavaBatch = 250
	// Compat: maxTimeForReplication. Upstream lets registrations and heartbeats live for the instance's own renewal interval; that
	// is the same by default, and what expires is made up for by the 404 to a later heartbeat.
	javaTaskLife = 30 * time.Second
)

// javaTask is one thing that a Java server must be told.
type javaTask struct {
	registry.Key
	action     eureka.Action
	dirty      int64
	status     eureka.Status
	overridden eureka.Status
	since      time.Time
	expires    time.Time
}

// javaQueue holds the tasks of one Java server, by instance: of one instance each action once, a newer one in place of the older,
// in the order of the newest. A cancel replaces everything before it.
// Compat: upstream's queue (AcceptorExecutor.java) keeps the place of the first task of a name, which lets a registration overtake
// the cancel before it.
type javaQueue struct {
	order []registry.Key // instances with tasks, oldest first
	tasks map[registry.Key][]javaTask
	n     int
	now   int // tasks other than heartbeats: they do not wait for company
}

func newJavaQueue() *javaQueue { return &javaQueue{tasks: make(map[registry.Key][]javaTask)} }

// push adds a task and returns how many old ones were dropped for want of room.
func (q *javaQueue) push(t javaTask) (dropped int) {
	list, known := q.tasks[t.Key]
	if !known {
		q.order = append(q.order, t.Key)
	}
	if t.action == eureka.Cancel {
		q.count(list, -1)
		list = nil
	} else if i := slices.IndexFunc(list, func(o javaTask) bool { return o.action == t.action }); i >= 0 {
		q.count(list[i:i+1], -1)
		list = slices.Delete(list, i, i+1)
	}
	q.tasks[t.Key] = append(list, t)
	q.count([]javaTask{t}, 1)
	for q.n > maxJavaTasks && len(q.order) > 1 {
		dropped += len(q.take(1))
	}
	return dropped
}

func (q *javaQueue) count(list []javaTask, sign int) {
	for _, t := range list {
		q.n += sign
		if t.action != eureka.Heartbeat {
			q.now += sign
		}
	}
}

// take removes the tasks of the oldest instances, up to limit of them but at least one instance.
func (q *javaQueue) take(limit int) []javaTask {
	batch := make([]javaTask, 0, min(limit, q.n))
	for len(q.order) > 0 {
		k := q.order[0]
		list := q.tasks[k]
		if len(batch) > 0 && len(batch)+len(list) > limit {
			break
		}
		batch = append(batch, list...)
		q.count(list, -1)
		delete(q.tasks, k)
		q.order = q.order[1:]
	}
	return batch
}

// oldest is when the oldest task came; zero if there is none.
func (q *javaQueue) oldest() time.Time {
	if len(q.order) == 0 {
		return time.Time{}
	}
	return q.tasks[q.order[0]][0].since
}
