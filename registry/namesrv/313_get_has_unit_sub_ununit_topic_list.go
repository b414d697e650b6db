package namesrv

import "github.com/zonekeeper/zonekeeper/registry/routeinfo"

// GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST (313), every version.
//
// Behaviour: answers the topics that some unit subscribes to and that belong to none; code 1 "disable" with enableTopicList=false.
func getHasUnitSubUnunitTopics(c *call) { c.unitTopics(routeinfo.HasUnitSubUnunit) }
