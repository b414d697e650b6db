package namesrv

import "github.com/zonekeeper/zonekeeper/registry/routeinfo"

// GET_HAS_UNIT_SUB_TOPIC_LIST (312), every version.
//
// Behaviour: answers the topics that some unit subscribes to; code 1 "disable" with enableTopicList=false.
func getHasUnitSubTopics(c *call) { c.unitTopics(routeinfo.HasUnitSub) }
