package namesrv

import (
	"fmt"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// REGISTER_TOPIC_IN_NAMESRV (217), since 5.0; brokers from 5.1.4 send it with enableSingleTopicRegister. Guarded, but open to
// connections over which a broker is registered.
//
// Behaviour: sets the queues of a topic at known brokers, up to the first unknown one; without a body nothing happens. All of that is
// answered success.
// Ours: a missing topic is code 1. The remark beside the success names the brokers for which nothing was set: unknown ones, those after
// them, and those that registered at another of our servers only, which has to be asked instead.
// Ignored: all of the body but queueDatas.
func registerTopic(c *call) {
	topic, _ := c.req.FieldString(topicField)
	what := fmt.Sprintf("topic %q", topic)
	if !c.guard(what) {
		return
	}
	if _, ok := c.required(topicField); !ok {
		c.failed(what, "the topic is missing")
		return
	}
	if c.req.Body == nil {
		c.guarded(what+" without queues", nil)
		return
	}
	asked, err := remoting.DecodeTopicRoute(c.req.Body)
	var without []string
	if err == nil && len(asked.Queues) > 0 {
		without, err = c.s.table.RegisterTopic(topic, asked.Queues, c.now())
	}
	if err != nil || len(without) == 0 {
		c.guarded(what, err)
		return
	}
	brokers := strings.Join(without[:min(len(without), mostNamed)], ", ")
	remark := bounded("without effect at " + brokers + ": not registered at this name server, or named after one that is not")
	c.audited(what, true, remark)
	c.s.note("topic registered without effect", "topic", bounded(topic), "brokers", bounded(brokers), "from", c.conn.source.String())
	c.reply(remoting.Success, remark, nil, nil)
}

// mostNamed brokers are named in a remark; a request may name tens of thousands.
const mostNamed = 10
