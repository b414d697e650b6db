package routeinfo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A model is one server alone, in the plainest way: registrations as they came, everything else reckoned when it is asked
// for.
type model struct {
	now     time.Time
	brokers map[BrokerKey]*modelBroker
	wiped   map[string]bool
	deleted map[[3]string][]remoting.DataVersion // by cluster, topic, group
	kv      map[string]string
	options Options
	order   int
}

type modelBroker struct {
	*remoting.Registration
	conn    ConnID
	renewed time.Time
	came    int
	topics  map[string]modelTopic
	mapped  map[string]remoting.QueueMapping
}

type modelTopic struct {
	remoting.TopicConfig
	carried remoting.DataVersion
}

func newModel(o Options) *model {
	return &model{
		brokers: map[BrokerKey]*modelBroker{}, wiped: map[string]bool{}, deleted: map[[3]string][]remoting.DataVersion{},
		kv: map[string]string{}, options: o,
	}
}

// group is one group by id; an id has who came last.
func (m *model) group(cluster, name string) []*modelBroker {
	byID := map[int64]*modelBroker{}
	for _, b := range m.brokers {
		if b.Cluster == cluster && b.Name == name && (byID[b.ID] == nil || byID[b.ID].came < b.came) {
			byID[b.ID] = b
		}
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b *modelBroker) int { return cmp.Compare(a.ID, b.ID) })
}

func (m *model) register(r *remoting.Registration, conn ConnID) bool {
	key := BrokerKey{r.Cluster, r.Addr}
	b := m.brokers[key]
	if b != nil && conn < b.conn {
		b.renewed = m.now
		return true
	}
	group := m.group(r.Cluster, r.Name)
	at := slices.IndexFunc(group, func(o *modelBroker) bool { return o.ID == r.ID })
	if at >= 0 && group[at] != b && group[at].Version.StateVersion > r.Version.StateVersion {
		delete(m.brokers, key)
		return true
	}
	if at < 0 && len(r.Topics) == 1 {
		return false
	}
	first := b == nil || b.ID != r.ID || b.Name != r.Name
	if b == nil || b.Name != r.Name {
		b = &modelBroker{topics: map[string]modelTopic{}, mapped: map[string]remoting.QueueMapping{}}
	}
	fresh := first || b.Version != r.Version
	if m.options.DeleteTopicWithRegistration && len(r.Mappings) == 0 {
		maps.DeleteFunc(b.topics, func(name string, _ modelTopic) bool {
			return !slices.ContainsFunc(r.Topics, func(c remoting.TopicConfig) bool { return c.Name == name })
		})
	}
	for _, c := range r.Topics {
		_, known := b.topics[c.Name]
		gone := slices.Contains(m.deleted[[3]string{r.Cluster, c.Name, r.Name}], r.Version)
		if !gone && (fresh || !known) {
			b.topics[c.Name] = modelTopic{c, r.Version}
		}
	}
	maps.DeleteFunc(b.topics, func(name string, _ modelTopic) bool {
		return fresh && slices.Contains(m.deleted[[3]string{r.Cluster, name, r.Name}], r.Version)
	})
	for _, x := range r.Mappings {
		if _, known := b.mapped[x.Topic]; fresh || !known {
			b.mapped[x.Topic] = x
		}
	}
	b.Registration, b.conn, b.renewed = r, conn, m.now
	m.brokers[key] = b
	if first {
		m.order++
		b.came = m.order
		maps.DeleteFunc(m.brokers, func(k BrokerKey, o *modelBroker) bool {
			return o != b && (k.Addr == r.Addr || (o.Cluster == r.Cluster && o.Name == r.Name && o.ID == r.ID))
		})
	}
	return true
}

func (m *model) remove(which func(*modelBroker) bool) {
	maps.DeleteFunc(m.brokers, func(_ BrokerKey, b *modelBroker) bool { return which(b) })
}

func (m *model) deleteTopic(topic, cluster string) {
	for _, b := range m.brokers {
		if _, ok := b.topics[topic]; ok && (cluster == "" || cluster == b.Cluster) {
			key := [3]string{b.Cluster, topic, b.Name}
			m.deleted[key] = append(m.deleted[key], b.Version, b.topics[topic].carried)
			delete(b.topics, topic)
		}
	}
}

func (m *model) registerTopic(topic string, names []string) {
	groups := map[string][][]*modelBroker{}
	for _, b := range m.brokers {
		if g := m.group(b.Cluster, b.Name); g[0] == b {
			groups[b.Name] = append(groups[b.Name], g)
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return groups[name] == nil }) && m.route(topic) == nil {
		return
	}
	for _, name := range names {
		if groups[name] == nil {
			return
		}
		for _, g := range groups[name] {
			delete(m.deleted, [3]string{g[0].Cluster, topic, name})
			g[0].topics[topic] = modelTopic{topicOf(topic, 3, 6), g[0].Version}
		}
	}
}

// route is nil for a topic that nobody has.
func (m *model) route(topic string) *remoting.TopicRoute {
	r := &remoting.TopicRoute{}
	seen := map[[2]string]bool{}
	var groups [][]*modelBroker
	for _, b := range m.brokers {
		if key := [2]string{b.Name, b.Cluster}; !seen[key] {
			seen[key] = true
			groups = append(groups, m.group(b.Cluster, b.Name))
		}
	}
	slices.SortFunc(groups, func(a, b []*modelBroker) int {
		return cmp.Or(cmp.Compare(a[0].Name, b[0].Name), cmp.Compare(a[0].Cluster, b[0].Cluster))
	})
	for _, g := range groups {
		first := g[0]
		c, ok := first.topics[topic]
		if !ok || slices.ContainsFunc(r.Queues, func(q remoting.QueueData) bool { return q.Broker == first.Name }) {
			continue
		}
		data := remoting.BrokerData{Cluster: first.Cluster, Name: first.Name, Zone: first.Zone, ActingMaster: true}
		for _, b := range g {
			data.Addrs = append(data.Addrs, remoting.BrokerAddr{ID: b.ID, Addr: b.Addr})
			data.ActingMaster = data.ActingMaster && b.ActingMaster == remoting.ActingMasterTrue
			if len(b.FilterServers) > 0 {
				r.FilterServers = append(r.FilterServers, remoting.FilterServers{Addr: b.Addr, List: b.FilterServers})
			}
		}
		if m.wiped[first.Name] || (data.ActingMaster && first.ID != 0) {
			c.Perm &^= permWrite
		}
		if m.options.SupportActingMaster && data.ActingMaster && c.Perm&permWrite == 0 {
			data.Addrs[0].ID = 0
		}
		r.Brokers = append(r.Brokers, data)
		r.Queues = append(r.Queues, remoting.QueueData{Broker: first.Name, ReadQueues: c.ReadQueues, WriteQueues: c.WriteQueues, Perm: c.Perm, SysFlag: c.SysFlag})
		if x, ok := first.mapped[topic]; ok {
			r.Mappings = append(r.Mappings, x)
		}
	}
	if len(r.Queues) == 0 {
		return nil
	}
	if r.OrderConf, r.HasOrderConf = m.kv[topic]; !m.options.OrderMessage {
		r.OrderConf, r.HasOrderConf = "", false
	}
	return r
}

var (
	modelTopics   = []string{"T1", "T2", "T3", "T4", syncPrefix + "broker-a"}
	modelNames    = []string{"broker-a", "broker-b", "nobody"}
	modelClusters = []string{"C", "D"}
)

func drawRegistration(rt *rapid.T) *remoting.Registration {
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
	id := pick("id", 3)
	r := &remoting.Registration{
		Cluster: modelClusters[pick("cluster", 2)], Name: modelNames[pick("name", 2)], ID: int64(id),
		// Addresses follow from name and id most of the time; then brokers move.
		ActingMaster: remoting.ActingMaster(pick("acting", 3)), Zone: []string{"", "z"}[pick("zone", 2)], HasTopics: true, HasFilterServers: true,
		Timeout: []time.Duration{0, 10 * time.Second, 30 * time.Second}[pick("timeout", 3)],
		Version: remoting.DataVersion{StateVersion: int64(pick("state", 2)), Counter: int64(pick("counter", 4))},
	}
	r.Addr = fmt.Sprintf("%s:%d", r.Name, id)
	if pick("moved", 6) == 0 {
		r.Addr = fmt.Sprintf("elsewhere:%d", pick("port", 3))
	}
	r.HAAddr = "ha-" + r.Addr
	for _, name := range modelTopics {
		if pick("carries", 2) == 0 {
			r.Topics = append(r.Topics, topicOf(name, int32(4+pick("queues", 2)), []int32{6, 7, 4, 2}[pick("perm", 4)]))
		}
	}
	if pick("filters", 4) == 0 {
		r.FilterServers = []string{"f:1"}
	}
	if pick("mapping", 4) == 0 {
		mapping("T1")(r)
	}
	return r
}

// Whatever happens to a server alone, it answers as the model does, and what it keeps ready is what it would make anew.
func TestTableAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		options := Options{
			SupportActingMaster:         rapid.Bool().Draw(rt, "supportActingMaster"),
			OrderMessage:                rapid.Bool().Draw(rt, "orderMessage"),
			DeleteTopicWithRegistration: rapid.Bool().Draw(rt, "deleteTopicWithRegistration"),
		}
		f := newFixture(t, with(func(o *Options) { *o = options }))
		m := newModel(options)
		m.now = f.now
		rt.Repeat(map[string]func(*rapid.T){
			"":           func(rt *rapid.T) { f.requireModel(rt, m) },
			"register":   func(rt *rapid.T) { f.bothRegister(rt, m) },
			"register 2": func(rt *rapid.T) { f.bothRegister(rt, m) },
			"again": func(rt *rapid.T) {
				if b := drawBroker(rt, m); b != nil {
					again := *b.Registration
					short, ok := f.RegisterAgain(BrokerKey{b.Cluster, b.Addr}, b.conn, f.now)
					shown := f.show()
					long, err := f.Register(&again, b.conn, f.now)
					require.Equal(rt, err == nil, m.register(&again, b.conn))
					if ok {
						require.Equal(rt, long, short)
						require.Equal(rt, shown, f.show())
					}
				}
			},
			"heartbeat": func(rt *rapid.T) {
				if b := drawBroker(rt, m); b != nil {
					require.True(rt, f.Touch(BrokerKey{b.Cluster, b.Addr}, f.now))
					b.renewed = m.now
				}
			},
			"unregister": func(rt *rapid.T) {
				if b := drawBroker(rt, m); b != nil {
					conn := ConnID(rapid.Uint64Range(1, 20).Draw(rt, "conn"))
					f.Unregister(BrokerKey{b.Cluster, b.Addr}, b.Name, conn, f.now)
					m.remove(func(o *modelBroker) bool { return o == b && conn >= b.conn })
				}
			},
			"close": func(rt *rapid.T) {
				conn := ConnID(rapid.Uint64Range(1, 20).Draw(rt, "conn"))
				f.ConnClosed(conn, f.now)
				m.remove(func(b *modelBroker) bool { return b.conn == conn })
			},
			"expire": func(rt *rapid.T) {
				f.pass(time.Duration(rapid.IntRange(1, 60).Draw(rt, "seconds")) * time.Second)
				m.now = f.now
				f.Expire(f.now)
				m.remove(func(b *modelBroker) bool { return m.now.Sub(b.renewed) > cmp.Or(b.Timeout, defaultTimeout) })
			},
			"wipe": func(rt *rapid.T) {
				name := rapid.SampledFrom(modelNames).Draw(rt, "name")
				f.wipe(name)
				m.wiped[name] = m.wiped[name] || slices.ContainsFunc(slices.Collect(maps.Values(m.brokers)), func(b *modelBroker) bool { return b.Name == name })
			},
			"add": func(rt *rapid.T) {
				name := rapid.SampledFrom(modelNames).Draw(rt, "name")
				f.add(name)
				delete(m.wiped, name)
			},
			"delete": func(rt *rapid.T) {
				topic, cluster := rapid.SampledFrom(modelTopics).Draw(rt, "topic"), rapid.SampledFrom([]string{"", "C", "D"}).Draw(rt, "cluster")
				f.deleteTopic(topic, cluster)
				m.deleteTopic(topic, cluster)
			},
			"register topic": func(rt *rapid.T) {
				topic, names := rapid.SampledFrom(modelTopics).Draw(rt, "topic"), rapid.SliceOfN(rapid.SampledFrom(modelNames), 1, 2).Draw(rt, "names")
				var qs []remoting.QueueData
				for _, name := range names {
					qs = append(qs, remoting.QueueData{Broker: name, ReadQueues: 3, WriteQueues: 3, Perm: 6})
				}
				require.NoError(rt, f.registerTopic(topic, qs, f.now))
				m.registerTopic(topic, names)
			},
			"order": func(rt *rapid.T) {
				topic := rapid.SampledFrom(modelTopics).Draw(rt, "topic")
				if rapid.Bool().Draw(rt, "put") {
					m.kv[topic] = fmt.Sprint("broker-a:", rapid.IntRange(1, 3).Draw(rt, "queues"))
					require.NoError(rt, f.PutKV(orderNamespace, topic, m.kv[topic], "me", f.now))
				} else {
					delete(m.kv, topic)
					require.NoError(rt, f.DeleteKV(orderNamespace, topic, "me", f.now))
				}
			},
		})
	})
}

func drawBroker(rt *rapid.T, m *model) *modelBroker {
	keys := slices.SortedFunc(maps.Keys(m.brokers), BrokerKey.compare)
	if len(keys) == 0 {
		return nil
	}
	return m.brokers[rapid.SampledFrom(keys).Draw(rt, "broker")]
}

func (f *fixture) bothRegister(rt *rapid.T, m *model) {
	r, conn := drawRegistration(rt), ConnID(rapid.Uint64Range(1, 20).Draw(rt, "conn"))
	_, err := f.Register(r, conn, f.now)
	require.Equal(rt, err == nil, m.register(r, conn))
}

func (f *fixture) requireModel(rt *rapid.T, m *model) {
	var names []string
	for _, name := range modelTopics {
		route := m.route(name)
		if strings.HasPrefix(name, syncPrefix) {
			acting := m.options.SupportActingMaster
			m.options.SupportActingMaster = false
			route = m.route(name)
			m.options.SupportActingMaster = acting
		}
		if route != nil {
			names = append(names, name)
		}
		for _, d := range []remoting.Dialect{remoting.Bare, remoting.Quoted} {
			body, ok := f.Route([]byte(name), d)
			require.Equal(rt, route != nil, ok, name)
			if route != nil {
				require.Equal(rt, string(route.AppendJSON(nil, d)), string(body))
			}
		}
	}
	slices.Sort(names)
	require.Equal(rt, names, f.topicNames())
	f.requireReadyIsFresh(rt)
}

// requireReadyIsFresh compares everything that is kept ready with what is made anew.
func (f *fixture) requireReadyIsFresh(rt require.TestingT) {
	digest, shown, stats := f.Digest(), f.show(), f.Stats()
	f.mu.Lock()
	f.gen++
	f.version++
	f.mu.Unlock()
	require.Equal(rt, shown, f.show())
	require.Equal(rt, digest, f.Digest())
	require.Equal(rt, stats.Topics, f.Stats().Topics)
	f.requireSound(rt)
}

// requireSound looks at the table from inside.
func (f *fixture) requireSound(rt require.TestingT) {
	require.Len(rt, f.shapes.byRows, len(f.shapes.all))
	topics, splits := 0, 0
	for place, s := range f.shapes.all {
		require.EqualValues(rt, place, s.place)
		require.NotEmpty(rt, s.rows)
		require.NotEmpty(rt, s.topics)
		for place, tp := range s.topics {
			require.EqualValues(rt, place, tp.place)
			require.Same(rt, s, tp.shape)
			require.Same(rt, tp, f.topics[tp.name])
		}
		topics += len(s.topics)
		splits += count(s.split)
	}
	require.Len(rt, f.topics, topics)
	require.Equal(rt, splits, f.shapes.splits)
	require.Empty(rt, f.shapes.none.topics)
	for k, b := range f.brokers {
		require.Equal(rt, k, b.key)
		require.NotNil(rt, b.best)
		for slot, s := range b.sources {
			if s != nil {
				require.Equal(rt, slot, s.slot)
				told := 0
				for range f.carried(b, slot) {
					told++
				}
				require.Equal(rt, told, s.topics)
			}
		}
	}
	members := 0
	for k, g := range f.groups {
		require.Equal(rt, k, g.key)
		require.NotEmpty(rt, g.holders)
		members += len(g.members)
	}
	require.Len(rt, f.brokers, members)
}
