package namesrv

// GET_SYSTEM_TOPIC_LIST_FROM_NS (304), every version.
//
// Behaviour: answers the names of all clusters and brokers, which are topics too, and the address of some broker, which the client
// asks for its own system topics. enableTopicList does not switch it off.
func getSystemTopics(c *call) { c.ok(c.s.table.SystemTopics()) }
