package namesrv

import "github.com/zonekeeper/zonekeeper/registry/remoting"

// BROKER_HEARTBEAT (904), since 5.0: brokers with enableSlaveActingMaster send it every second, one-way.
//
// Behaviour: keeps a broker alive; one that is unknown is answered success all the same, and registers when its time comes.
// Ours: a missing field is code 1 with its name.
// Ignored: the fields for controllers (epoch, offsets, election priority).
func brokerHeartbeat(c *call) {
	ref, err := remoting.DecodeHeartbeat(&c.req)
	if err != nil {
		c.fail(err)
		return
	}
	if c.s.table.Touch(brokerKey(ref), c.now()) {
		c.conn.broker.Store(true)
	}
	c.ok(nil)
}
