package namesrv

import (
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// UNREGISTER_BROKER (104), every version.
//
// Behaviour: removes a broker; one that is unknown counts as removed.
// Ours: it is done when it is answered, where the reference 5.x queues it; and it never removes a registration that came later over
// another connection. A missing field is code 1.
func unregisterBroker(c *call) {
	ref, err := remoting.DecodeUnregistration(&c.req)
	if err != nil {
		c.fail(err)
		return
	}
	c.s.table.Unregister(brokerKey(ref), ref.Name, c.conn.id, c.now())
	if (c.conn.master == mastership{ref.Cluster, ref.Name, ref.Addr}) {
		c.conn.master = mastership{}
	}
	c.ok(nil)
}

func brokerKey(ref remoting.BrokerRef) routeinfo.BrokerKey {
	return routeinfo.BrokerKey{Cluster: ref.Cluster, Addr: ref.Addr}
}
