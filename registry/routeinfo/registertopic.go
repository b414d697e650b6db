package routeinfo

import (
	"maps"
	"slices"
	"strings"
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
	if t.topics[topic] == nil && len(t.topics) >= t.limits.topics {
		return t.tooManyTopics()
	}
	var groups []*group
	for _, q := range qs[:known] {
		groups = append(groups, t.named(q.Broker)...)
	}
	if err := t.roomAt(topic, groups); err != nil {
		return err
	}
	if err := t.undelete(topic, groups, now); err != nil {
		return err
	}
	for _, q := range qs[:known] {
		for _, g := range t.named(q.Broker) {
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

// roomAt refuses a topic that is one too many for a broker whose topics are its group's.
func (t *Table) roomAt(topic string, groups []*group) error {
	for _, g := range groups {
		own := g.provider().own()
		if own == nil {
			continue
		}
		if _, known := t.toldBy(g.provider(), ownSlot, topic); known {
			continue
		}
		if err := (extent{topics: own.topics + 1, names: own.names + len(topic)}).check(t.limits); err != nil {
			return err
		}
	}
	return nil
}

// undelete lifts the deletion of a topic at groups: at all of them, or with an error at none.
func (t *Table) undelete(topic string, groups []*group, now time.Time) error {
	var said []Word
	names := make(map[string]bool)
	for cluster := range t.words.deletions[topic] {
		w := Word{Kind: Deletion, Scope: cluster, Name: topic}
		lifted := deletedVersions{}
		for _, g := range groups {
			if g.key.cluster == cluster && len(t.deleted(topic, cluster).groups[g.key.name].versions) > 0 {
				lifted[g.key.name] = deletedGroup{lifted: t.tick(w.key(), now)}
				names[g.key.name] = true
			}
		}
		left := t.deletions(topic, cluster)
		if left.merge(lifted) {
			w.Value, w.Deleted = left.encode(), len(left.groups()) == 0
			said = append(said, w)
		}
	}
	return t.say(strings.Join(slices.Sorted(maps.Keys(names)), ","), now, said...)
}
