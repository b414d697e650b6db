package namesrv

import (
	"fmt"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// REGISTER_TOPIC_IN_NAMESRV (217), since 5.0; brokers from 5.1.4 send it with enableSingleTopicRegister. Guarded, but open to
// connections over which a broker is registered.
//
// Behaviour: sets the queues of a topic at known brokers, up to the first unknown one; without a body nothing happens.
// Ours: a missing topic is code 1.
// Ignored: all of the body but queueDatas.
func registerTopic(c *call) {
	topic, _ := c.req.FieldString(topicField)
	what := fmt.Sprintf("topic %q", topic)
	if !c.guard(what) {
		return
	}
	if _, ok := c.required(topicField); !ok {
		c.audited(what, false, "the topic is missing")
		return
	}
	if c.req.Body == nil {
		c.guarded(what+" without queues", nil)
		return
	}
	route, err := remoting.DecodeTopicRoute(c.req.Body)
	if err == nil && len(route.Queues) > 0 {
		err = c.s.table.RegisterTopic(topic, route.Queues, c.now())
	}
	c.guarded(what, err)
}
