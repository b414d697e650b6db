package namesrv

import "github.com/zonekeeper/zonekeeper/registry/remoting"

// GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206), every version.
//
// Behaviour: answers the names of all topics; code 1 "disable" with enableAllTopicList=false.
func getAllTopics(c *call) {
	if c.s.settings.Load().EnableAllTopicList {
		c.ok(c.s.table.Topics())
		return
	}
	c.refuse(remoting.SystemError, disabled)
}

// disabled is the reference's remark for lists that the settings switch off.
const disabled = "disable"

// list answers what enableTopicList can switch off.
func (c *call) list(body func() ([]byte, error)) {
	if !c.s.settings.Load().EnableTopicList {
		c.refuse(remoting.SystemError, disabled)
		return
	}
	b, err := body()
	if err != nil {
		c.fail(err)
		return
	}
	c.ok(b)
}
