package routeinfo

import (
	"cmp"
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

func (d *deletion) holds(group string, v remoting.DataVersion) bool {
	return d != nil && d.groups[group].holds(v)
}

// deletedVersions are what deletions of one topic came to, by the name of the group. They add up to the same in whatever
// order they are merged: every version and every lifting goes by the counter of the word that said it.
type deletedVersions map[string]deletedGroup

// A deletedGroup has the versions at which a topic was deleted, and when that was lifted last.
type deletedGroup struct {
	lifted   uint64 // what was said up to this counter does not hold
	versions []deletedVersion
}

type deletedVersion struct {
	remoting.DataVersion
	said uint64 // counter
}

func (v deletedVersion) compare(o deletedVersion) int {
	return cmp.Or(cmp.Compare(v.said, o.said), compareVersions(v.DataVersion, o.DataVersion))
}

func (g deletedGroup) holds(v remoting.DataVersion) bool {
	return slices.ContainsFunc(g.versions, func(d deletedVersion) bool { return d.DataVersion == v })
}

// join is what both say together, and whether that is more than the first.
func (g deletedGroup) join(o deletedGroup) (deletedGroup, bool) {
	all := deletedGroup{lifted: max(g.lifted, o.lifted)}
	for _, v := range slices.Concat(g.versions, o.versions) {
		i := slices.IndexFunc(all.versions, func(d deletedVersion) bool { return d.DataVersion == v.DataVersion })
		switch {
		case v.said <= all.lifted:
		case i < 0:
			all.versions = append(all.versions, v)
		default:
			all.versions[i].said = max(all.versions[i].said, v.said)
		}
	}
	slices.SortFunc(all.versions, deletedVersion.compare)
	all.versions = all.versions[max(0, len(all.versions)-versionsDeleted):]
	return all, all.lifted != g.lifted || !slices.Equal(all.versions, g.versions)
}

// add notes a version that is deleted now. It says whether that is news.
func (d deletedVersions) add(group string, v remoting.DataVersion, said uint64) bool {
	if d[group].holds(v) {
		return false
	}
	d[group], _ = d[group].join(deletedGroup{versions: []deletedVersion{{v, said}}})
	return true
}

// merge adds all of another. It says whether there was news.
func (d deletedVersions) merge(o deletedVersions) bool {
	news := false
	for name, group := range o {
		all, more := d[name].join(group)
		if more {
			d[name], news = all, true
		}
	}
	return news
}

// groups are the names of those at which the topic is deleted.
func (d deletedVersions) groups() []string {
	var names []string
	for name, group := range d {
		if len(group.versions) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// encode writes {"broker-a":[[lifted],[stateVersion,timestamp,counter,said]]}, without lifted when it is 0.
func (d deletedVersions) encode() string {
	plain := make(map[string][][]int64, len(d))
	for name, group := range d {
		rows := make([][]int64, 0, 1+len(group.versions))
		if group.lifted > 0 {
			rows = append(rows, []int64{int64(group.lifted)})
		}
		for _, v := range group.versions {
			rows = append(rows, []int64{v.StateVersion, v.Timestamp, v.Counter, int64(v.said)})
		}
		plain[name] = rows
	}
	text, err := json.Marshal(plain) // keys sorted: the same text on every server
	if err != nil {
		panic(fmt.Sprintf("encode deletion: %v", err)) // texts and numbers always encode
	}
	return string(text)
}

// deletedVersions decodes a deletion's value. What makes no sense says nothing; a version without a counter has the word's.
func (w Word) deletedVersions() deletedVersions {
	var plain map[string][][]int64
	if json.Unmarshal([]byte(w.Value), &plain) != nil {
		return deletedVersions{}
	}
	d := make(deletedVersions, len(plain))
	for name, rows := range plain {
		var group deletedGroup
		for _, row := range rows {
			switch len(row) {
			case 1:
				group.lifted = uint64(max(row[0], 0))
			case 3, 4:
				v := deletedVersion{remoting.DataVersion{StateVersion: row[0], Timestamp: row[1], Counter: row[2]}, w.Counter}
				if len(row) == 4 {
					v.said = uint64(max(row[3], 0))
				}
				group.versions = append(group.versions, v)
			}
		}
		d[name], _ = deletedGroup{}.join(group)
	}
	return d
}

// deletions are all that was ever said of a topic in a cluster, also what was lifted.
func (t *Table) deletions(topic, cluster string) deletedVersions {
	if e := t.words.all[wordKey{Deletion, cluster, topic}]; e != nil {
		return e.deletedVersions()
	}
	return deletedVersions{}
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
		w := Word{Kind: Deletion, Scope: scope, Name: topic}
		all, news := t.deletions(topic, scope), false
		for v := range versions {
			news = all.add(v.group, v.DataVersion, t.tick(w.key(), now)) || news
		}
		if news {
			w.Value = all.encode()
			said = append(said, w)
		}
	}
	if err := t.say(by, now, said...); err != nil {
		return err
	}
	t.forgetOwn(topic, func(b *broker, _ row) bool { return cluster == "" || b.key.Cluster == cluster })
	return nil
}

// A groupVersion is a data version of one group.
type groupVersion struct {
	group string
	remoting.DataVersion
}

// carriedBy are the groups that tell of a topic, with the versions of all that tell of it, by cluster.
func carriedBy(tp *topic, cluster string) map[string]map[groupVersion]bool {
	found := make(map[string]map[groupVersion]bool)
	for _, r := range tp.shape.rows {
		if cluster != "" && r.b.key.Cluster != cluster {
			continue
		}
		versions := found[r.b.key.Cluster]
		if versions == nil {
			versions = make(map[groupVersion]bool)
			found[r.b.key.Cluster] = versions
		}
		for _, s := range r.b.sources {
			if s == nil || !r.told(s.slot) {
				continue
			}
			if carried, ok := s.stampOf(r.stamp); s.direct() && ok {
				versions[groupVersion{s.name, carried}] = true
			}
			versions[groupVersion{s.name, s.version}] = true
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
	d := &deletion{word: w, groups: w.deletedVersions()}
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

// reconcile adds to a deletion what another one said that it did not know of: both were meant. A server that learns of both
// says so anew, and comes to the same as all others, in whatever order they learn it. The lost word may be none.
func (t *Table) reconcile(lost, won Word) {
	if won.Kind != Deletion || lost.Kind != Deletion {
		return
	}
	all := won.deletedVersions()
	if won.Deleted && len(all) == 0 || !all.merge(lost.deletedVersions()) {
		return
	}
	both := won
	both.Value, both.Counter, both.Epoch = all.encode(), won.Counter+1, t.epoch
	both.Deleted = len(all.groups()) == 0
	if both.check() == nil && t.makeRoom(both) == nil {
		t.keep(both)
	}
}
