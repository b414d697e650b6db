package routeinfo

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// RegisterAnswer is what a broker is told when it has registered.
type RegisterAnswer struct {
	MasterAddr, HAAddr string // of the master of its group; "" for a master, and when there is none
	OrderConf          []byte // KVTable of the order topics, which must not be changed; nil for none
}

// RefusedError says that nothing was changed, and why. Its text is the remark to answer with code 1.
type RefusedError struct {
	Remark string
	Part   bool // what was refused is one topic of a broker that has not registered all it has
}

func (e *RefusedError) Error() string { return e.Remark }

// refusedRegistration is upstream's remark (apache/rocketmq DefaultRequestProcessor.java: registerBroker).
const refusedRegistration = "register broker failed"

func (t *Table) tooManyTopics() error {
	return &RefusedError{Remark: fmt.Sprintf("%s: %d topics are kept; that is the most", refusedRegistration, t.limits.topics)}
}

// Register takes a broker's registration over a connection, all of it or nothing. The error is a *RefusedError. The table
// keeps parts of r, which is not to be changed afterwards.
//
// One that conflicts with a newer master of its group is answered without error and does not count
// (apache/rocketmq RouteInfoManager.java: registerBroker, stateVersion). One that comes over an older connection than the
// broker's last is late: it shows that the broker lives, no more.
func (t *Table) Register(r *remoting.Registration, conn ConnID, now time.Time) (RegisterAnswer, error) {
	payload := t.hashTopics(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	in := registration{Registration: r, t: t, conn: conn, now: now, payload: payload}
	in.b = t.brokers[BrokerKey{r.Cluster, r.Addr}]
	if in.b != nil {
		in.own = in.b.own()
	}
	if in.late() { // before all else: it must not even lose against a newer master
		in.own.renewed = now
		t.feed.renewed(in.own)
		return t.registered(in.b, in.ID), nil
	}
	g := t.groups[groupKey{r.Cluster, r.Name}]
	rival := g.holder(r.ID)
	if rival != nil && rival != in.b && rival.best.version.StateVersion > r.Version.StateVersion {
		if in.own != nil {
			t.lose(in.b, in.own, now, now)
		}
		return RegisterAnswer{OrderConf: t.orderConf()}, nil
	}
	if err := in.check(rival); err != nil {
		return RegisterAnswer{}, err
	}
	in.commit()
	return t.registered(in.b, in.ID), nil
}

// registered is the answer to a broker that says it has an id.
func (t *Table) registered(b *broker, id int64) RegisterAnswer {
	answer := RegisterAnswer{OrderConf: t.orderConf()}
	if master := b.group.holder(0); id != 0 && master != nil {
		answer.MasterAddr, answer.HAAddr = master.key.Addr, master.best.haAddr
	}
	return answer
}

// hashTopics is a number by which a registration of the same topics is known again, never 0.
func (t *Table) hashTopics(r *remoting.Registration) uint64 {
	h := offset.number(uint64(len(r.Topics))).number(uint64(len(r.Mappings)))
	for i := range r.Topics {
		c := &r.Topics[i]
		h = h.number(maphash.String(t.seed, c.Name)).
			number(uint64(uint32(c.ReadQueues))<<32 | uint64(uint32(c.WriteQueues))).
			number(uint64(uint32(c.Perm))<<32 | uint64(uint32(c.SysFlag)))
	}
	return h.finish() | 1
}

// A registration is one on its way into the table.
type registration struct {
	*remoting.Registration
	t       *Table
	conn    ConnID
	now     time.Time
	payload uint64

	b     *broker // nil for an unknown address
	own   *source // nil for one that is not registered here
	first bool    // everything of it counts
	fresh bool    // its data version is another
}

// late says whether the broker has registered over a newer connection already.
func (in *registration) late() bool {
	return in.own != nil && in.conn != 0 && in.conn < in.own.conn && !in.t.cfg.Faults.NoFence
}

// check refuses what cannot be kept. Upstream changes its tables before it finds out.
func (in *registration) check(holder *broker) error {
	switch {
	case in.Cluster == "" || in.Name == "" || in.Addr == "":
		return &RefusedError{Remark: refusedRegistration + ": clusterName, brokerName and brokerAddr must not be empty"}
	case holder == nil && in.HasTopics && len(in.Topics) == 1:
		// A topic created before the broker's first full registration: to take it would show a broker of one topic.
		return &RefusedError{Remark: refusedRegistration, Part: true}
	case in.b == nil && len(in.t.brokers) >= in.t.limits.brokers:
		return &RefusedError{Remark: fmt.Sprintf("%s: %d brokers are kept; that is the most", refusedRegistration, in.t.limits.brokers)}
	}
	if !in.t.room(in.Topics) {
		return in.t.tooManyTopics()
	}
	return in.extent().check(in.t.limits)
}

// commit makes the registration count. Nothing in it can fail.
func (in *registration) commit() {
	t := in.t
	lowest := t.lowest(groupKey{in.Cluster, in.Name})
	if in.own != nil && in.own.name != in.Name {
		t.drop(in.b, in.own, in.now) // another broker at the address
		in.b.died = in.now
		t.settle(in.b)
		in.b, in.own = t.brokers[in.b.key], nil
	}
	if in.b == nil {
		in.b = t.addBroker(BrokerKey{in.Cluster, in.Addr})
	}
	created := in.own == nil
	if created {
		in.begin()
	}
	in.first = created || in.own.id != in.ID
	in.fresh = in.first || in.own.version != in.Version
	changed := in.describe()
	if in.fresh {
		in.own.bump(in.Version)
	}
	in.takeTopics()
	if in.fresh {
		in.dropDeleted()
	}
	if in.takeMappings() {
		changed = true
	}
	t.link(in.b, in.own, in.conn)
	in.own.renewed = in.now
	if changed || in.fresh {
		t.feed.content(in.b, in.own)
		in.b.choose()
		t.settle(in.b)
	} else {
		t.feed.renewed(in.own)
	}
	if in.first {
		in.displace()
	}
	t.arrived(in.b, lowest)
}

// begin makes our own source of the broker. What other servers told of its topics is taken over, so that a first
// registration that does not carry all of them makes nothing vanish.
func (in *registration) begin() {
	t := in.t
	in.own = &source{name: in.Name, id: in.ID, since: in.now, renewed: in.now}
	adopted := in.b.best
	in.b.sources[ownSlot] = in.own
	in.b.choose()
	if adopted == nil || adopted.name != in.Name {
		return
	}
	in.own.bump(adopted.version)
	in.own.adopted = in.own.stamp
	t.setMappings(in.own, maps.Clone(adopted.mappings))
	e := telling{b: in.b, slot: ownSlot, stamp: in.own.stamp}
	for _, s := range t.shapes.of(in.b) {
		for _, tp := range slices.Backward(s.topics) { // each may leave it
			if q, ok := in.b.told(s.of(in.b), t.hidden(tp.name, in.b)); ok {
				e.queues = q
				t.reshape(tp, e)
			}
		}
	}
}

// describe takes over what the registration says of the broker itself. It says whether that is news.
func (in *registration) describe() bool {
	s := in.own
	timeout := in.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	news := in.first || s.haAddr != in.HAAddr || s.zone != in.Zone || s.acting != in.ActingMaster || s.timeout != timeout
	s.id, s.haAddr, s.zone, s.acting, s.timeout = in.ID, in.HAAddr, in.Zone, in.ActingMaster, timeout
	if in.HasFilterServers && !slices.Equal(s.filters, in.FilterServers) {
		s.filters, news = in.FilterServers, true
	}
	return news
}

// takeTopics stores a topic when anything of the registration is new, or the topic is (apache/rocketmq
// RouteInfoManager.java: registerBroker, isTopicConfigChanged).
func (in *registration) takeTopics() {
	t, s := in.t, in.own
	if !in.HasTopics || (!in.fresh && s.payload == in.payload) {
		return
	}
	s.payload = in.payload
	if t.options.DeleteTopicWithRegistration && len(in.Mappings) == 0 {
		in.dropAbsent()
	}
	e := telling{b: in.b, slot: ownSlot, stamp: s.stamp}
	for i := range in.Topics {
		c := &in.Topics[i]
		if len(t.words.deletions) > 0 && t.deleted(c.Name, in.Cluster).holds(in.Name, in.Version) {
			continue
		}
		if !in.fresh {
			if _, known := t.toldBy(in.b, ownSlot, c.Name); known {
				continue
			}
		}
		e.queues = queuesOf(c)
		if t.tell(c.Name, e) {
			t.feed.changed(s, c.Name)
		}
	}
}

// dropAbsent forgets the topics that the registration does not carry.
func (in *registration) dropAbsent() {
	carried := make(map[string]bool, len(in.Topics))
	for i := range in.Topics {
		carried[in.Topics[i].Name] = true
	}
	for tp := range in.t.carried(in.b, ownSlot) {
		if !carried[tp.name] {
			in.t.reshape(tp, telling{b: in.b, slot: ownSlot, drop: true})
			in.t.feed.changed(in.own, tp.name)
		}
	}
}

// dropDeleted forgets topics of earlier versions that an operator deleted at this one: the word came before the version.
func (in *registration) dropDeleted() {
	t := in.t
	for _, tp := range slices.Collect(maps.Keys(t.buried)) {
		if t.deleted(tp.name, in.Cluster).holds(in.Name, in.Version) {
			t.forgetOwn(tp.name, func(b *broker, _ row) bool { return b == in.b })
		}
	}
}

// takeMappings stores the mappings of static topics, under a known data version those that are missing. It says whether there were any.
//
// A 5.x broker makes a static topic in two steps under one data version, first the topic, then the mapping; a periodic registration
// that comes between makes upstream, which goes by the version, miss the mapping until the next change
// (apache/rocketmq RouteInfoManager.java: registerBroker).
func (in *registration) takeMappings() bool {
	var all map[string]*remoting.QueueMapping
	for i := range in.Mappings {
		m := &in.Mappings[i]
		if _, known := in.own.mappings[m.Topic]; known && !in.fresh {
			continue
		}
		if all == nil {
			all = make(map[string]*remoting.QueueMapping, len(in.own.mappings)+len(in.Mappings))
			maps.Copy(all, in.own.mappings)
		}
		all[m.Topic] = m
	}
	if all == nil {
		return false
	}
	in.t.setMappings(in.own, all)
	return true
}

// displace takes away what stands in the way of a broker that has just come: an older address with its id, or the same
// address in another cluster. Upstream keeps such entries until they expire, and then closes the connection of whoever has
// them (apache/rocketmq RouteInfoManager.java: scanNotActiveBroker).
func (in *registration) displace() {
	displaced := make(map[*broker]struct{})
	for _, b := range in.b.group.members {
		if b.best.id == in.ID {
			displaced[b] = struct{}{}
		}
	}
	for k, b := range in.t.brokers {
		if k.Addr == in.Addr {
			displaced[b] = struct{}{}
		}
	}
	delete(displaced, in.b)
	for _, b := range sorted(displaced) {
		if s := b.own(); s != nil {
			in.t.lose(b, s, in.now, in.now)
		}
	}
}
