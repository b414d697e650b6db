package namesrv

import "fmt"

const clusterNameField = "clusterName"

// DELETE_TOPIC_IN_NAMESRV (216), every version. Guarded.
//
// Behaviour: removes a topic, with clusterName only from the brokers of that cluster; unknown ones count as removed.
// Ours: it holds on all servers, and a broker's next registration brings the topic back only if something changed at the broker since;
// in the reference any registration does. A missing topic is code 1.
func deleteTopic(c *call) {
	topic, _ := c.req.FieldString(topicField)
	cluster, _ := c.req.FieldString(clusterNameField)
	what := fmt.Sprintf("topic %q", topic)
	if cluster != "" {
		what += fmt.Sprintf(" in cluster %q", cluster)
	}
	if !c.guard(what) {
		return
	}
	if _, ok := c.required(topicField); !ok {
		c.failed(what, "the topic is missing")
		return
	}
	c.guarded(what, c.s.table.DeleteTopic(topic, cluster, c.by(), c.now()))
}
