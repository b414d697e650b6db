package routeinfo

import "cmp"

// BrokerKey names one broker: an address is unique within a cluster.
type BrokerKey struct{ Cluster, Addr string }

func (k BrokerKey) compare(o BrokerKey) int {
	return cmp.Or(cmp.Compare(k.Cluster, o.Cluster), cmp.Compare(k.Addr, o.Addr))
}

// ConnID numbers connections, later ones higher; 0 stands for none.
type ConnID uint64

// groupKey names a broker group: a master and its slaves. Upstream knows groups by name only, so that two clusters with
// the same broker name overwrite each other (apache/rocketmq RouteInfoManager.java: brokerAddrTable).
type groupKey struct{ cluster, name string }

func (k groupKey) compare(o groupKey) int {
	return cmp.Or(cmp.Compare(k.cluster, o.cluster), cmp.Compare(k.name, o.name))
}
