package namesrv

import "github.com/zonekeeper/zonekeeper/registry/remoting"

// GET_BROKER_MEMBER_GROUP (901), since 5.0: slaves that may act as master ask it every second.
//
// Behaviour: answers the addresses of a broker name under their true ids, none if it is unknown. The remark is the reference's, which
// never set one of its own.
// Ours: a missing name is code 1, where the reference answers an empty group.
func getMemberGroup(c *call) {
	names, ok := c.required(clusterNameField, brokerNameField)
	if !ok {
		return
	}
	c.reply(remoting.Success, "not set any response code", nil, c.s.table.MemberGroup(names[0], names[1]))
}
