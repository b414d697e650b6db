package namesrv

import (
	"fmt"
	"strconv"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const brokerNameField = "brokerName"

// WIPE_WRITE_PERM_OF_BROKER (205), every version. Guarded.
//
// Behaviour: takes the write permission from all topics of a broker name and answers how many they are; an unknown name has none.
// Ours: it holds on all servers, for topics to come and whatever the broker registers, until code 327; the reference forgets it with
// the broker's next change of a topic. A missing name is code 1.
func wipeWritePerm(c *call) {
	c.changePermission("wipeTopicCount", c.s.table.WipeWrite)
}

// changePermission does what codes 205 and 327 have in common.
func (c *call) changePermission(count string, change func(broker, by string, now time.Time) (int, error)) {
	broker, _ := c.req.FieldString(brokerNameField)
	what := fmt.Sprintf("broker %q", broker)
	if !c.guard(what) {
		return
	}
	if _, ok := c.required(brokerNameField); !ok {
		c.failed(what, "the name is missing")
		return
	}
	topics, err := change(broker, c.by(), c.now())
	if err != nil {
		c.guarded(what, err)
		return
	}
	c.audited(what, true, fmt.Sprintf("done, %d topics", topics))
	c.reply(remoting.Success, "", []remoting.Field{{Name: count, Value: strconv.Itoa(topics)}}, nil)
}
