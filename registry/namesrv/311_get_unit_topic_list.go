package namesrv

import "github.com/zonekeeper/zonekeeper/registry/routeinfo"

// GET_UNIT_TOPIC_LIST (311), every version.
//
// Behaviour: answers the topics that belong to a unit; code 1 "disable" with enableTopicList=false.
func getUnitTopics(c *call) { c.unitTopics(routeinfo.Unit) }

// unitTopics answers one of the lists of codes 311 to 313.
func (c *call) unitTopics(kind routeinfo.UnitKind) {
	c.list(func() ([]byte, error) { return c.s.table.UnitTopics(kind), nil })
}
