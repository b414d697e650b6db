package routeinfo

import (
	"cmp"
	"slices"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A group is what clients know as one broker: a master, id 0, and slaves. All of it but its members is derived from them,
// so that servers which know the same members show the same group, in whatever order they came.
type group struct {
	key     groupKey
	members []*broker // by id; of several that claim an id the one that has it comes first
	holders []*broker // one for each id, by id; never empty
	acting  bool      // every holder was started with enableSlaveActingMaster
	zone    string
	wiped   bool // the operator's word on the name
	hash    uint64
	encoded list // the answer of code 901
}

// compareName orders groups by name, then by cluster.
func (g *group) compareName(o *group) int {
	return cmp.Or(cmp.Compare(g.key.name, o.key.name), cmp.Compare(g.key.cluster, o.key.cluster))
}

// provider is the broker whose topics are the group's: its master, and without one the broker with the lowest id.
func (g *group) provider() *broker { return g.holders[0] }

// hasMaster says whether the group has an id 0.
func (g *group) hasMaster() bool { return g.provider().best.id == 0 }

// holder returns the broker that has an id, nil when none does.
func (g *group) holder(id int64) *broker {
	if g == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(g.holders, id, func(b *broker, id int64) int { return cmp.Compare(b.best.id, id) })
	if !found {
		return nil
	}
	return g.holders[i]
}

// perm is what is left of a registered permission.
func (g *group) perm(registered int32) int32 {
	if g.wiped || (g.acting && !g.hasMaster()) {
		return registered &^ permWrite
	}
	return registered
}

// settle derives everything from the members. Of two that claim the same id, the one has it whose group elected it later,
// else the one that came later: upstream lets the last registration win.
func (g *group) settle() {
	slices.SortFunc(g.members, func(a, b *broker) int {
		return cmp.Or(
			cmp.Compare(a.best.id, b.best.id),
			-cmp.Compare(a.best.version.StateVersion, b.best.version.StateVersion),
			-a.since().Compare(b.since()),
			cmp.Compare(a.key.Addr, b.key.Addr),
		)
	})
	g.holders = g.holders[:0]
	for _, b := range g.members {
		if n := len(g.holders); n == 0 || g.holders[n-1].best.id != b.best.id {
			g.holders = append(g.holders, b)
		}
	}
	if len(g.holders) == 0 {
		return
	}
	g.zone = g.provider().best.zone
	g.acting = !slices.ContainsFunc(g.holders, func(b *broker) bool { return b.best.acting != remoting.ActingMasterTrue })
	g.hash = g.digest()
}

// addrs are the ids and addresses of the group.
func (g *group) addrs() []remoting.BrokerAddr {
	all := make([]remoting.BrokerAddr, len(g.holders))
	for i, b := range g.holders {
		all[i] = remoting.BrokerAddr{ID: b.best.id, Addr: b.key.Addr}
	}
	return all
}

func (g *group) data() remoting.BrokerData {
	return remoting.BrokerData{Cluster: g.key.cluster, Name: g.key.name, Zone: g.zone, Addrs: g.addrs(), ActingMaster: g.acting}
}

func (t *Table) join(b *broker, k groupKey) {
	g := t.groups[k]
	if g == nil {
		g = &group{key: k, wiped: t.words.wiped(k.name)}
		t.groups[k] = g
	}
	g.members = append(g.members, b)
	b.group = g
}

func (t *Table) leave(b *broker) {
	g := b.group
	b.group = nil
	g.members = slices.DeleteFunc(g.members, func(m *broker) bool { return m == b })
	g.settle()
	if len(g.members) == 0 {
		delete(t.groups, g.key)
	}
	t.regroup()
}

// named are the groups of a broker name, one for each cluster that has it.
func (t *Table) named(name string) []*group {
	var found []*group
	for k, g := range t.groups {
		if k.name == name {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *group) int { return a.key.compare(b.key) })
	return found
}

// sortedGroups are all groups by cluster and name.
func (t *Table) sortedGroups() []*group {
	all := make([]*group, 0, len(t.groups))
	for _, g := range t.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int { return a.key.compare(b.key) })
	return all
}
