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
// topics come from another server are that server's to change. It returns the names for which nothing was set here, each once.
// The error is a *RefusedError.
func (t *Table) RegisterTopic(topic string, qs []remoting.QueueData, now time.Time) (without []string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(topic) > remoting.MaxName {
		return nil, &RefusedError{Remark: "the topic's name is too long"}
	}
	named := t.allNamed(qs)
	known := 0
	for known < len(qs) && len(named[qs[known].Broker]) > 0 {
		known++
	}
	routed := t.topics[topic] != nil && len(t.view(t.topics[topic]).rows) > 0
	if known < len(qs) && !routed {
		return namesBut(qs, nil), nil
	}
	if t.topics[topic] == nil && len(t.topics) >= t.limits.topics {
		return nil, t.tooManyTopics()
	}
	last := make(map[string]remoting.QueueData, len(named)) // of several that name a broker
	var groups []*group
	for _, q := range qs[:known] {
		if _, again := last[q.Broker]; !again {
			groups = append(groups, named[q.Broker]...)
		}
		last[q.Broker] = q
	}
	if err := t.roomAt(topic, groups); err != nil {
		return nil, err
	}
	if err := t.undelete(topic, groups, now); err != nil {
		return nil, err
	}
	set := make(map[string]bool, len(last))
	for _, g := range groups {
		b, q := g.provider(), last[g.key.name]
		own := b.own()
		if own == nil {
			continue
		}
		set[g.key.name] = true
		own.payload = 0 // what was registered last is not all there is any more
		if t.tell(topic, telling{b: b, slot: ownSlot, stamp: own.stamp, queues: queues{q.ReadQueues, q.WriteQueues, q.Perm, q.SysFlag}}) {
			t.feed.changed(own, topic)
		}
	}
	return namesBut(qs, set), nil
}

// allNamed are the groups of each broker name among queues.
func (t *Table) allNamed(qs []remoting.QueueData) map[string][]*group {
	named := make(map[string][]*group, len(qs))
	for _, q := range qs {
		named[q.Broker] = nil
	}
	for k, g := range t.groups {
		if all, asked := named[k.name]; asked {
			named[k.name] = append(all, g)
		}
	}
	for _, all := range named {
		slices.SortFunc(all, func(a, b *group) int { return a.key.compare(b.key) })
	}
	return named
}

// namesBut are the broker names that are not among some, each once, in their order.
func namesBut(qs []remoting.QueueData, some map[string]bool) (names []string) {
	seen := maps.Clone(some)
	if seen == nil {
		seen = make(map[string]bool)
	}
	for _, q := range qs {
		if !seen[q.Broker] {
			seen[q.Broker] = true
			names = append(names, q.Broker)
		}
	}
	return names
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
		if err := own.extent().plus(extent{topics: 1, names: len(topic)}).check(t.limits); err != nil {
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
