package routeinfo

// Notice tells brokers of a group that its lowest id, the one that may act as master, is another (code 905).
type Notice struct {
	To          []string // addresses
	MinID       int64
	MinAddr     string
	OfflineAddr string // of the one that was the lowest and is gone; "" when a lower one came
	HAAddr      string // of the new lowest when it came; "" when it stayed
}

// maxNotices bounds what waits to be sent. Beyond it the oldest are forgotten: brokers also ask, every second.
const maxNotices = 4_096

// notices are what is to be sent, in order.
type notices struct {
	pending []Notice
	ready   chan struct{}
}

func newNotices() notices { return notices{ready: make(chan struct{}, 1)} }

// Notices returns what is to be sent since the last call, in the order in which it happened.
func (t *Table) Notices() []Notice {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.notices.pending
	t.notices.pending = nil
	return all
}

// NoticesReady gets a value when Notices has something to return.
func (t *Table) NoticesReady() <-chan struct{} { return t.notices.ready }

// lowest is the first of a group at one moment.
type lowest struct {
	b  *broker
	id int64
}

func (t *Table) lowest(k groupKey) lowest {
	if g := t.groups[k]; g != nil {
		return lowest{g.provider(), g.provider().best.id}
	}
	return lowest{}
}

func (t *Table) lowestOf(b *broker) lowest {
	if b.group == nil {
		return lowest{}
	}
	return t.lowest(b.group.key)
}

// arrived notes a broker that came and is lower than what was the lowest. The first of a group is nobody's news
// (apache/rocketmq RouteInfoManager.java: registerBroker, isMinBrokerIdChanged).
func (t *Table) arrived(b *broker, before lowest) {
	if before.b == nil || b.group == nil {
		return
	}
	if now := t.lowestOf(b); now.b == b && now.id < before.id {
		t.notify(b.group, Notice{HAAddr: b.best.haAddr}, b)
	}
}

// gone notes a group whose lowest has gone, where slaves may act as master (apache/rocketmq RouteInfoManager.java:
// unRegisterBroker, cleanTopicByUnRegisterRequests).
func (t *Table) gone(g *group, before lowest) {
	if g == nil || before.b == nil || len(g.members) == 0 || !g.acting || before.b.group == g {
		return
	}
	t.notify(g, Notice{OfflineAddr: before.b.key.Addr}, nil)
}

func (t *Table) notify(g *group, n Notice, except *broker) {
	if !t.options.NotifyMinBrokerIDChanged || t.quiet {
		return
	}
	first := g.provider()
	n.MinID, n.MinAddr = first.best.id, first.key.Addr
	for _, b := range g.holders {
		if b != except {
			n.To = append(n.To, b.key.Addr)
		}
	}
	if len(n.To) == 0 {
		return
	}
	if len(t.notices.pending) == maxNotices {
		t.notices.pending = t.notices.pending[maxNotices/2:]
	}
	t.notices.pending = append(t.notices.pending, n)
	select {
	case t.notices.ready <- struct{}{}:
	default:
	}
}
