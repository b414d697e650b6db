package namesrv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// REGISTER_TOPIC_IN_NAMESRV (217), since 5.0; brokers from 5.1.4 send it with enableSingleTopicRegister. Guarded, but open to
// connections over which a broker is registered.
//
// Behaviour: sets the queues of a topic at known brokers, up to the first unknown one; without a body nothing happens. All of that is
// answered success.
// Ours: a missing topic is code 1. Where the topic is not as asked afterwards, the remark beside the success says so: at an unknown
// broker, and at one that registered at another of our servers only, which has to be asked instead.
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
	if err == nil && len(asked.Queues) > 0 {
		err = c.s.table.RegisterTopic(topic, asked.Queues, c.now())
	}
	if err != nil {
		c.guarded(what, err)
		return
	}
	without := c.s.withoutTopic(topic, asked.Queues)
	if len(without) == 0 {
		c.guarded(what, nil)
		return
	}
	remark := bounded("without effect at " + strings.Join(without, ", ") + ": not registered at this name server, or named after one that is not")
	c.audited(what, true, remark)
	c.s.note("topic registered without effect", "topic", bounded(topic), "brokers", bounded(strings.Join(without, ", ")), "from", c.conn.source.String())
	c.reply(remoting.Success, remark, nil, nil)
}

// mostNamed brokers are named in a remark; a request may name hundreds of thousands.
const mostNamed = 10

// withoutTopic names the first brokers at which a topic is not as it was asked to be.
func (s *Server) withoutTopic(topic string, asked []remoting.QueueData) []string {
	var shown remoting.TopicRoute
	if body, ok := s.table.Route([]byte(topic), remoting.Quoted); ok {
		if route, err := remoting.DecodeTopicRoute(body); err == nil { // it is our own encoding
			shown = *route
		}
	}
	var without []string
	for _, q := range asked {
		if len(without) == mostNamed {
			break
		}
		of := func(is remoting.QueueData) bool { return is.Broker == q.Broker }
		other := func(is remoting.QueueData) bool {
			// Not the permission: what is shown may be less.
			return of(is) && (is.ReadQueues != q.ReadQueues || is.WriteQueues != q.WriteQueues)
		}
		if (!slices.ContainsFunc(shown.Queues, of) || slices.ContainsFunc(shown.Queues, other)) && !slices.Contains(without, q.Broker) {
			without = append(without, q.Broker)
		}
	}
	return without
}
