package routeinfo

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// RegisterTopic sets what broker groups have of one topic, as single-topic registrations and tools say (code 217). It stops
// at the first group that is not known: those before it count if the topic was known
// (apache/rocketmq RouteInfoManager.java: registerTopic). It lifts deletions of the topic at these groups. Groups whose
// topics come from another server are that server's to change. The error is a *RefusedError.
func (t *Table) RegisterTopic(topic string, qs []remoting.QueueData, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(topic) > remoting.MaxName {
		return &RefusedError{"the topic's name is too long"}
	}
	known := 0
	for known < len(qs) && len(t.named(qs[known].Broker)) > 0 {
		known++
	}
	routed := t.topics[topic] != nil && len(t.view(t.topics[topic]).rows) > 0
	if known < len(qs) && !routed {
		return nil
	}
	if t.topics[topic] == nil && len(t.list) >= t.limits.topics {
		return t.tooManyTopics()
	}
	for _, q := range qs[:known] {
		for _, g := range t.named(q.Broker) {
			if err := t.undelete(topic, g, now); err != nil {
				return err
			}
			b := g.provider()
			own := b.own()
			if own == nil {
				continue
			}
			e := telling{b: b, slot: ownSlot, stamp: own.stamp, queues: queues{q.ReadQueues, q.WriteQueues, q.Perm, q.SysFlag}}
			own.payload = 0 // what was registered last is not all there is any more
			if t.tell(topic, e) {
				t.feed.changed(own, topic)
			}
		}
	}
	return nil
}

// undelete lifts the deletion of a topic at one group.
func (t *Table) undelete(topic string, g *group, now time.Time) error {
	d := t.deleted(topic, g.key.cluster)
	if d == nil || d.groups[g.key.name] == nil {
		return nil
	}
	left := d.groups.clone()
	delete(left, g.key.name)
	return t.say(Word{Kind: Deletion, Scope: g.key.cluster, Name: topic, Value: left.encode(), Deleted: len(left) == 0}, g.key.name, now)
}
