package namesrv

import (
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const (
	topicField    = "topic"
	zoneNameField = "__ZONE_NAME"
	zoneModeField = "__ZONE_MODE"
)

// GET_ROUTEINFO_BY_TOPIC (105), every version: what producers and consumers ask, each topic every 30 seconds.
//
// Behaviour: answers the brokers and queues of a topic, as bytes that the table has ready; code 17 if there are none, code 1 while
// the server is not ready. Clients keep their old route on both. Numeric keys are bare for versions before 4.9.4 that do not say
// acceptStandardJsonOnly, among them every client written in Go (remoting.Dialect). In zone mode (5.1) groups of other zones are left
// out, unless they have no master.
// Ours: zone mode keeps the dialect; the reference falls back to bare keys there.
// Ignored: any other field, such as those of namespaces and streams.
func getRouteByTopic(c *call) {
	c.queried()
	if !c.serving() {
		c.refuse(remoting.SystemError, "name server not ready")
		return
	}
	topic, ok := c.req.Field(topicField)
	if !ok {
		// Compat: a field that is missing is null there, and so is the topic that is not found.
		topic = []byte("null")
	}
	var body []byte
	if zone := c.zone(); zone == "" {
		body, ok = c.s.table.Route(topic, c.req.Dialect())
	} else {
		body, ok = c.s.table.RouteZone(topic, zone, c.req.Dialect())
	}
	if !ok {
		c.refuse(remoting.TopicNotExist, "No topic route info in name server for the topic: "+string(topic)+
			"\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.")
		return
	}
	c.ok(body)
}

// serving reports whether routes may be told.
//
// Compat: needWaitForService is a fixed wait after the start (NamesrvConfig.java). 5.1.0 to 5.3.1 never ended it.
func (c *call) serving() bool {
	if settings := c.s.settings.Load(); settings.NeedWaitForService {
		if c.conn.active.Sub(c.s.started) < time.Duration(settings.WaitSecondsForService)*time.Second {
			return false
		}
	}
	return c.s.cfg.Ready()
}

// zone is the zone that the client keeps to, "" for none (apache/rocketmq ZoneRouteRPCHook.java).
func (c *call) zone() string {
	if !c.req.Bool(zoneModeField) {
		return ""
	}
	zone, _ := c.req.FieldString(zoneNameField)
	return strings.TrimSpace(zone)
}
