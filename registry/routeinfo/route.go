package routeinfo

import (
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Route returns the encoded route of a topic, which must not be changed. It is false when nobody has the topic.
//
// A topic whose answer is ready costs one map read and no allocation.
func (t *Table) Route(topic []byte, d remoting.Dialect) (body []byte, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	tp := t.topics[string(topic)]
	if tp == nil {
		return nil, false
	}
	kept := &tp.answers().bodies[d&1]
	ready := kept.Load()
	if ready == nil || ready.gen != t.gen {
		ready = &encoded{gen: t.gen}
		if r := t.route(tp, nil); len(r.Queues) > 0 {
			ready.body = r.AppendJSON(nil, d)
		}
		kept.Store(ready)
	}
	return ready.body, ready.body != nil
}

// RouteZone is Route for a client that asked for one zone: broker groups of other zones are left out, unless they have no
// master (apache/rocketmq ZoneRouteRPCHook.java: filterByZoneName). A route of no group at all is still a route.
func (t *Table) RouteZone(topic []byte, zone string, d remoting.Dialect) ([]byte, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	tp := t.topics[string(topic)]
	if tp == nil || len(t.view(tp).rows) == 0 {
		return nil, false
	}
	r := t.route(tp, func(g *group) bool { return !g.hasMaster() || strings.EqualFold(g.zone, zone) })
	return r.AppendJSON(nil, d), true
}

// route puts an answer together, of the groups that pass. A name that several clusters have stands for the first of them:
// clients know groups by name only.
func (t *Table) route(tp *topic, passes func(*group) bool) *remoting.TopicRoute {
	r := &remoting.TopicRoute{}
	if t.ordered(tp.name) {
		r.OrderConf, _ = t.words.kv[orderNamespace].get(tp.name)
		r.HasOrderConf = true
	}
	last := ""
	for i, v := range t.view(tp).rows {
		name := v.g.key.name
		if (i > 0 && name == last) || (passes != nil && !passes(v.g)) {
			continue
		}
		last = name
		r.Queues = append(r.Queues, remoting.QueueData{Broker: name, ReadQueues: v.read, WriteQueues: v.write, Perm: v.perm, SysFlag: v.flag})
		r.Brokers = append(r.Brokers, t.brokerData(tp, v))
		for _, b := range v.g.holders {
			if len(b.best.filters) > 0 {
				r.FilterServers = append(r.FilterServers, remoting.FilterServers{Addr: b.key.Addr, List: b.best.filters})
			}
		}
		if m := t.mapping(tp, v.b); m != nil {
			r.Mappings = append(r.Mappings, *m)
		}
	}
	return r
}

// brokerData is a group as a route shows it. Without a master its lowest broker stands in for it, where that is asked for and
// nobody can write there (apache/rocketmq RouteInfoManager.java: pickupTopicRouteData).
func (t *Table) brokerData(tp *topic, v visible) remoting.BrokerData {
	data := v.g.data()
	acts := t.options.SupportActingMaster && v.g.acting && !v.g.hasMaster() && v.perm&permWrite == 0
	if acts && !strings.HasPrefix(tp.name, syncPrefix) {
		data.Addrs[0].ID = 0
	}
	return data
}

// mapping is what a broker says of a static topic, nil for nothing. It goes with the broker; upstream keeps it for ever
// (apache/rocketmq RouteInfoManager.java: topicQueueMappingInfoTable).
func (t *Table) mapping(tp *topic, b *broker) *remoting.QueueMapping {
	if t.mapped[tp.name] == 0 {
		return nil
	}
	var found *remoting.QueueMapping
	var by *source
	for _, s := range b.sources {
		if s != nil && s.mappings[tp.name] != nil && (by == nil || s.outranks(by)) {
			found, by = s.mappings[tp.name], s
		}
	}
	return found
}
