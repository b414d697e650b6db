package routeinfo

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// lists are encoded answers about the table as a whole, each made anew when it is asked for after a change.
type lists struct {
	clusterInfo, systemTopics, topics list
	unit                              [3]list
	byCluster                         clusterLists
}

// clusterLists are the topics of clusters that there are.
type clusterLists struct {
	mu      sync.Mutex
	version uint64
	bodies  map[string][]byte
}

type list struct {
	kept atomic.Pointer[encoded]
}

// of returns the list as of a version. The caller holds Table.mu.
func (l *list) of(version uint64, encode func() []byte) []byte {
	if kept := l.kept.Load(); kept != nil && kept.gen == version {
		return kept.body
	}
	body := encode()
	l.kept.Store(&encoded{version, body})
	return body
}

// ClusterInfo returns the encoded answer of code 106, which must not be changed: all broker groups and clusters. Of groups
// of the same name in several clusters the first is shown: the answer has room for one.
func (t *Table) ClusterInfo() []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.lists.clusterInfo.of(t.gen, func() []byte {
		info := remoting.ClusterInfo{}
		named := make(map[string]bool)
		for _, g := range t.sortedGroups() {
			if !named[g.key.name] {
				named[g.key.name] = true
				info.Brokers = append(info.Brokers, g.data())
			}
			if n := len(info.Clusters); n == 0 || info.Clusters[n-1].Cluster != g.key.cluster {
				info.Clusters = append(info.Clusters, remoting.ClusterBrokers{Cluster: g.key.cluster})
			}
			last := &info.Clusters[len(info.Clusters)-1]
			last.Names = append(last.Names, g.key.name)
		}
		return info.AppendJSON(nil, remoting.Bare)
	})
}

// MemberGroup returns the encoded answer of code 901: the true ids and addresses of one group, none for an unknown one.
// Compat: upstream looks the name up in whatever cluster (apache/rocketmq RouteInfoManager.java: getBrokerMemberGroup); here
// that comes second.
func (t *Table) MemberGroup(cluster, name string) []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	answer := remoting.MemberGroup{Cluster: cluster, Name: name}
	g := t.groups[groupKey{cluster, name}]
	if g == nil {
		if others := t.named(name); len(others) > 0 {
			g = others[0]
		}
	}
	if g == nil {
		return answer.AppendJSON(nil, remoting.Bare)
	}
	encode := func() []byte {
		answer.Addrs = g.addrs()
		return answer.AppendJSON(nil, remoting.Bare)
	}
	if g.key.cluster != cluster {
		return encode() // the answer repeats the cluster asked for
	}
	return g.encoded.of(t.gen, encode)
}

// Holder returns the address that has an id in a group, and the data version under which it registered.
func (t *Table) Holder(cluster, name string, id int64) (addr string, v remoting.DataVersion, held bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	b := t.groups[groupKey{cluster, name}].holder(id)
	if b == nil {
		return "", v, false
	}
	return b.key.Addr, b.best.version, true
}

// SystemTopics returns the encoded answer of code 304, which must not be changed: clusters and broker names, and the address
// of a broker to ask for more.
func (t *Table) SystemTopics() []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.lists.systemTopics.of(t.gen, func() []byte {
		answer := remoting.TopicList{}
		cluster := ""
		for i, g := range t.sortedGroups() {
			if i == 0 {
				answer.BrokerAddr = g.provider().key.Addr
			}
			if i == 0 || cluster != g.key.cluster {
				cluster = g.key.cluster
				answer.Topics = append(answer.Topics, cluster)
			}
			answer.Topics = append(answer.Topics, g.key.name)
		}
		return answer.AppendJSON(nil)
	})
}

// Topics returns the encoded answer of code 206, which must not be changed: the names of all topics.
func (t *Table) Topics() []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.lists.topics.of(t.version, func() []byte { return t.topicList(nil) })
}

// TopicsOfCluster returns the encoded answer of code 224, which must not be changed: the names of the topics that a cluster
// has, none for an unknown one.
func (t *Table) TopicsOfCluster(cluster string) []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l := &t.lists.byCluster
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.version != t.version {
		l.version, l.bodies = t.version, make(map[string][]byte)
	}
	if body := l.bodies[cluster]; body != nil {
		return body
	}
	known := false
	body := t.topicList(func(v *view) bool {
		has := slices.ContainsFunc(v.rows, func(r visible) bool { return r.g.key.cluster == cluster })
		known = known || has
		return has
	})
	if known {
		l.bodies[cluster] = body
	}
	return body
}

// UnitKind picks a list of UnitTopics.
type UnitKind uint8

// The lists of codes 311, 312 and 313, by the system flag of the topic (apache/rocketmq TopicSysFlag.java).
const (
	Unit             UnitKind = iota // of a unit
	HasUnitSub                       // subscribed to from a unit
	HasUnitSubUnunit                 // the latter without the former
)

const (
	flagUnit    = 1
	flagUnitSub = 2
)

// UnitTopics returns the encoded answer, which must not be changed. Compat: the flag of one group decides, upstream's of an
// arbitrary one.
func (t *Table) UnitTopics(kind UnitKind) []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.lists.unit[kind].of(t.version, func() []byte {
		return t.topicList(func(v *view) bool {
			switch flag := v.rows[0].flag; kind {
			case Unit:
				return flag&flagUnit != 0
			case HasUnitSub:
				return flag&flagUnitSub != 0
			default:
				return flag&(flagUnit|flagUnitSub) == flagUnitSub
			}
		})
	})
}

// topicList names the topics that pass, in alphabetical order.
func (t *Table) topicList(passes func(*view) bool) []byte {
	return (&remoting.TopicList{Topics: t.names(passes)}).AppendJSON(nil)
}

func (t *Table) names(passes func(*view) bool) []string {
	var names []string
	for tp := range t.shapes.topics {
		if v := t.view(tp); len(v.rows) > 0 && (passes == nil || passes(v)) {
			names = append(names, tp.name)
		}
	}
	slices.Sort(names)
	return names
}
