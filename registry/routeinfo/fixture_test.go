package routeinfo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A fixture is one table with a clock of its own.
type fixture struct {
	*Table
	t   testing.TB
	now time.Time
}

func newFixture(t testing.TB, options ...func(*Config)) *fixture {
	cfg := Config{Options: DefaultOptions(), Epoch: 1}
	for _, o := range options {
		o(&cfg)
	}
	return &fixture{Table: New(cfg), t: t, now: time.Unix(1_700_000_000, 0)}
}

func with(change func(*Options)) func(*Config) {
	return func(c *Config) { change(&c.Options) }
}

func actingMaster(o *Options) { o.SupportActingMaster = true }

func (f *fixture) pass(d time.Duration) { f.now = f.now.Add(d) }

// reg is a registration of broker-a, which options change.
func reg(options ...func(*remoting.Registration)) *remoting.Registration {
	r := &remoting.Registration{
		Cluster: "C", Name: "broker-a", Addr: "10.0.0.1:10911", HAAddr: "10.0.0.1:10912", ActingMaster: remoting.ActingMasterFalse,
		Version: version(1), HasTopics: true, HasFilterServers: true, Topics: []remoting.TopicConfig{topicOf("T1", 4, 6), topicOf("T2", 4, 6)},
	}
	for _, o := range options {
		o(r)
	}
	return r
}

type change = func(*remoting.Registration)

// broker names a broker: broker-<letter> at an address that follows from letter and id.
func brokerOf(letter string, id int64) change {
	return func(r *remoting.Registration) {
		r.Name, r.ID = "broker-"+letter, id
		r.Addr = addrOf(letter, id)
		r.HAAddr = "ha-" + r.Addr
	}
}

func addrOf(letter string, id int64) string { return fmt.Sprintf("10.0.%d.%d:10911", letter[0], id) }

func keyOf(letter string, id int64) BrokerKey { return BrokerKey{"C", addrOf(letter, id)} }

func inCluster(c string) change { return func(r *remoting.Registration) { r.Cluster = c } }
func at(addr string) change     { return func(r *remoting.Registration) { r.Addr = addr } }
func zone(z string) change      { return func(r *remoting.Registration) { r.Zone = z } }
func versioned(n int64) change  { return func(r *remoting.Registration) { r.Version = version(n) } }
func elected(state int64) change {
	return func(r *remoting.Registration) { r.Version.StateVersion = state }
}
func silent(d time.Duration) change { return func(r *remoting.Registration) { r.Timeout = d } }
func acting(a remoting.ActingMaster) change {
	return func(r *remoting.Registration) { r.ActingMaster = a }
}

func carrying(topics ...remoting.TopicConfig) change {
	return func(r *remoting.Registration) { r.Topics = topics }
}

func named(names ...string) change {
	return func(r *remoting.Registration) {
		r.Topics = nil
		for _, n := range names {
			r.Topics = append(r.Topics, topicOf(n, 4, 6))
		}
	}
}

func filtering(servers ...string) change {
	return func(r *remoting.Registration) { r.FilterServers, r.HasFilterServers = servers, true }
}

func mapping(topic string) change {
	return func(r *remoting.Registration) {
		r.Mappings = append(r.Mappings, remoting.QueueMapping{Topic: topic, Broker: r.Name, Scope: "__global__", TotalQueues: 8, Current: []remoting.IDPair{{Logical: 0, Physical: 0}}})
	}
}

func version(n int64) remoting.DataVersion {
	return remoting.DataVersion{Timestamp: 1_700_000_000_000, Counter: n}
}

func topicOf(name string, queues, perm int32) remoting.TopicConfig {
	return remoting.TopicConfig{Name: name, ReadQueues: queues, WriteQueues: queues, Perm: perm}
}

// register registers over a connection and requires that it is taken.
func (f *fixture) register(conn ConnID, options ...change) RegisterAnswer {
	f.t.Helper()
	answer, err := f.Register(reg(options...), conn, f.now)
	require.NoError(f.t, err)
	return answer
}

func (f *fixture) registerTopic(topic string, qs []remoting.QueueData, now time.Time) error {
	_, err := f.RegisterTopic(topic, qs, now)
	return err
}

func (f *fixture) refused(conn ConnID, options ...change) string {
	f.t.Helper()
	before := f.show()
	_, err := f.Register(reg(options...), conn, f.now)
	var refused *RefusedError
	require.ErrorAs(f.t, err, &refused)
	require.Equal(f.t, before, f.show(), "a refused registration changes nothing")
	return refused.Remark
}

// lookup returns the decoded route of a topic, nil for none.
func (f *fixture) lookup(topic string) *remoting.TopicRoute {
	f.t.Helper()
	body, ok := f.Route([]byte(topic), remoting.Quoted)
	if !ok {
		require.Nil(f.t, body)
		return nil
	}
	route, err := remoting.DecodeTopicRoute(body)
	require.NoError(f.t, err)
	return route
}

// brokers are the ids and addresses of a topic's groups, as text: "broker-a 0=10.0.0.1:10911 rw".
func (f *fixture) brokersOf(topic string) []string {
	f.t.Helper()
	route := f.lookup(topic)
	if route == nil {
		return nil
	}
	var all []string
	require.Len(f.t, route.Brokers, len(route.Queues))
	for i, b := range route.Brokers {
		require.Equal(f.t, b.Name, route.Queues[i].Broker)
		text := b.Name
		for _, a := range b.Addrs {
			text += fmt.Sprintf(" %d=%s", a.ID, a.Addr)
		}
		all = append(all, fmt.Sprintf("%s perm %d", text, route.Queues[i].Perm))
	}
	return all
}

func (f *fixture) topicNames() []string {
	f.t.Helper()
	list, err := remoting.DecodeTopicList(f.Topics())
	require.NoError(f.t, err)
	slices.Sort(list.Topics)
	return list.Topics
}

// clusters is the answer of code 106 as text.
func (f *fixture) clusters() []string {
	f.t.Helper()
	info, err := remoting.DecodeClusterInfo(f.ClusterInfo())
	require.NoError(f.t, err)
	var all []string
	for _, c := range info.Clusters {
		all = append(all, c.Cluster+": "+strings.Join(c.Names, " "))
	}
	for _, b := range info.Brokers {
		text := b.Name
		for _, a := range b.Addrs {
			text += fmt.Sprintf(" %d=%s", a.ID, a.Addr)
		}
		all = append(all, text)
	}
	return all
}

// show is everything that clients can ask for, as text.
func (f *fixture) show() string { return showOf(f.Table) }

func showOf(t *Table) string {
	text := string(t.ClusterInfo()) + "\n" + string(t.Topics()) + "\n"
	_, topics := t.FindTopics("", MaxTopics)
	for _, topic := range topics {
		bare, _ := t.Route([]byte(topic.Name), remoting.Bare)
		text += fmt.Sprintf("%+v %s\n", topic, bare)
	}
	for _, w := range t.Words() {
		if w.Kind == KV && !w.Deleted {
			text += fmt.Sprintf("%s/%s=%s\n", w.Scope, w.Name, w.Value)
		}
	}
	return text
}
