package routeinfo

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// versionsDeleted is how many data versions of one group a deletion remembers; the latest stay.
const versionsDeleted = 8

// A deletion is an operator's word that brokers do not have a topic, whatever they said of it under certain data versions.
// A registration under another one that carries the topic is the broker's newer word.
//
// Upstream forgets the deletion with the next registration that carries the topic (apache/rocketmq RouteInfoManager.java:
// deleteTopic), and a server that was not asked keeps the topic for good.
type deletion struct {
	word   Word
	groups deletedVersions
}

// deletedVersions are data versions by the name of the group.
type deletedVersions map[string][]remoting.DataVersion

func (d *deletion) holds(group string, v remoting.DataVersion) bool {
	return d != nil && slices.Contains(d.groups[group], v)
}

// add notes a version. It says whether that is news.
func (d deletedVersions) add(group string, v remoting.DataVersion) bool {
	if slices.Contains(d[group], v) {
		return false
	}
	known := append(d[group], v)
	d[group] = known[max(0, len(known)-versionsDeleted):]
	return true
}

// merge adds all of another. It says whether there was news.
func (d deletedVersions) merge(o deletedVersions) bool {
	news := false
	for group, versions := range o {
		for _, v := range versions {
			news = d.add(group, v) || news
		}
	}
	return news
}

func (d deletedVersions) clone() deletedVersions {
	c := make(deletedVersions, len(d))
	for group, versions := range d {
		c[group] = slices.Clone(versions)
	}
	return c
}

// encode writes {"broker-a":[[stateVersion,timestamp,counter]]}.
func (d deletedVersions) encode() string {
	plain := make(map[string][][3]int64, len(d))
	for group, versions := range d {
		for _, v := range versions {
			plain[group] = append(plain[group], [3]int64{v.StateVersion, v.Timestamp, v.Counter})
		}
	}
	text, err := json.Marshal(plain) // keys sorted: the same text on every server
	if err != nil {
		panic(fmt.Sprintf("encode deletion: %v", err)) // texts and numbers always encode
	}
	return string(text)
}

func decodeDeletedVersions(text string) deletedVersions {
	var plain map[string][][3]int64
	if err := json.Unmarshal([]byte(text), &plain); err != nil {
		return deletedVersions{}
	}
	d := make(deletedVersions, len(plain))
	for group, versions := range plain {
		for _, v := range versions {
			d.add(group, remoting.DataVersion{StateVersion: v[0], Timestamp: v[1], Counter: v[2]})
		}
	}
	return d
}

// deleted returns the deletion of a topic in a cluster, nil for none.
func (t *Table) deleted(topic, cluster string) *deletion { return t.words.deletions[topic][cluster] }

// DeleteTopic takes a topic from all broker groups of a cluster, or of all clusters when that is "". It holds on all servers
// until the brokers register it under another data version, or RegisterTopic names them. The error is a *RefusedError.
func (t *Table) DeleteTopic(topic, cluster string, by string, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	tp := t.topics[topic]
	if tp == nil {
		return nil
	}
	var said []Word
	for scope, versions := range carriedBy(tp, cluster) {
		all := deletedVersions{}
		if known := t.deleted(topic, scope); known != nil {
			all = known.groups.clone()
		}
		if all.merge(versions) {
			said = append(said, Word{Kind: Deletion, Scope: scope, Name: topic, Value: all.encode()})
		}
	}
	for _, w := range said {
		if err := w.check(); err != nil {
			return err
		}
	}
	for _, w := range said {
		if err := t.say(w, by, now); err != nil {
			return err
		}
	}
	t.forgetOwn(topic, func(b *broker, _ row) bool { return cluster == "" || b.key.Cluster == cluster })
	return nil
}

// carriedBy are the groups that tell of a topic, with the versions of all that tell of it, by cluster.
func carriedBy(tp *topic, cluster string) map[string]deletedVersions {
	found := make(map[string]deletedVersions)
	for _, r := range tp.shape.rows {
		if cluster != "" && r.b.key.Cluster != cluster {
			continue
		}
		versions := found[r.b.key.Cluster]
		if versions == nil {
			versions = make(deletedVersions)
			found[r.b.key.Cluster] = versions
		}
		for _, s := range r.b.sources {
			if s == nil || !r.told(s.slot) {
				continue
			}
			if carried, ok := s.stampOf(r.stamp); s.direct() && ok {
				versions.add(s.name, carried)
			}
			versions.add(s.name, s.version)
		}
	}
	return found
}

// forgetOwn takes a topic from what brokers told us over their connections.
func (t *Table) forgetOwn(topic string, which func(*broker, row) bool) {
	tp := t.topics[topic]
	if tp == nil {
		return
	}
	for _, r := range slices.Clone(tp.shape.rows) {
		if r.told(ownSlot) && which(r.b, r) {
			t.reshape(tp, telling{b: r.b, slot: ownSlot, drop: true})
			t.feed.changed(r.b.own(), topic)
		}
	}
}

// keepDeletion puts a deletion in force, or lifts it. What brokers told us is taken back for good; what other servers tell is
// hidden, and they take it back themselves.
func (t *Table) keepDeletion(w Word) {
	t.reread(w.Scope)
	if w.Deleted || t.cfg.Faults.ForgetDeletions {
		t.liftDeletion(w.Scope, w.Name)
		return
	}
	d := &deletion{word: w, groups: decodeDeletedVersions(w.Value)}
	if t.words.deletions[w.Name] == nil {
		t.words.deletions[w.Name] = make(map[string]*deletion)
	}
	t.words.deletions[w.Name][w.Scope] = d
	t.classify(w.Name)
	t.forgetOwn(w.Name, func(b *broker, r row) bool {
		return b.key.Cluster == w.Scope && r.stamp <= b.own().lastOf(d.groups[b.own().name])
	})
}

// reread forgets what was registered last in a cluster, "" for all: the same may mean something else now.
func (t *Table) reread(cluster string) {
	for k, b := range t.brokers {
		if own := b.own(); own != nil && (cluster == "" || k.Cluster == cluster) {
			own.payload = 0
		}
	}
}

func (t *Table) liftDeletion(cluster, topic string) {
	delete(t.words.deletions[topic], cluster)
	if len(t.words.deletions[topic]) == 0 {
		delete(t.words.deletions, topic)
	}
	t.classify(topic)
}

// reconcile adds to a deletion what another one said at the same time somewhere else: both were meant.
func (t *Table) reconcile(lost, won Word) {
	if won.Kind != Deletion || lost.Deleted || won.Deleted || lost.Counter != won.Counter {
		return
	}
	all := decodeDeletedVersions(won.Value)
	if !all.merge(decodeDeletedVersions(lost.Value)) {
		return
	}
	both := won
	both.Value, both.Counter, both.Epoch = all.encode(), won.Counter+1, t.epoch
	if both.check() == nil {
		t.keep(both)
	}
}
