package routeinfo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// zone.json
func TestRouteZone(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), zone("zoneA"))
	f.register(2, brokerOf("b", 0), zone("zoneB"))
	f.register(3, brokerOf("c", 0))
	f.register(4, brokerOf("d", 1), zone("zoneD"), filtering("f:1"))
	for _, row := range []struct {
		zone string
		want []string
	}{
		{"ZONEA", []string{"broker-a", "broker-d"}},
		{"zoneB", []string{"broker-b", "broker-d"}},
		{"zoneX", []string{"broker-d"}},
		{"", []string{"broker-c", "broker-d"}},
	} {
		for _, d := range []remoting.Dialect{remoting.Bare, remoting.Quoted} {
			body, ok := f.RouteZone([]byte("T1"), row.zone, d)
			require.True(t, ok)
			route, err := remoting.DecodeTopicRoute(body)
			require.NoError(t, err)
			var names []string
			for _, q := range route.Queues {
				names = append(names, q.Broker)
			}
			require.Equal(t, row.want, names)
			require.Len(t, route.Brokers, len(names))
			require.Len(t, route.FilterServers, 1)
		}
	}
	_, ok := f.RouteZone([]byte("Nope"), "zoneA", remoting.Bare)
	require.False(t, ok)
	f.ConnClosed(4, f.now)
	body, ok := f.RouteZone([]byte("T1"), "zoneX", remoting.Bare)
	require.True(t, ok, "a route of no group is a route")
	require.Equal(t, `{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}`, string(body))
}

// static-topic.json
func TestStaticTopicMappings(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), mapping("T1"))
	f.register(2, brokerOf("b", 0))
	require.Len(t, f.lookup("T1").Mappings, 1)
	require.Empty(t, f.lookup("T2").Mappings)
	f.register(1, brokerOf("a", 0), func(r *remoting.Registration) {
		mapping("T1")(r)
		r.Mappings[0].TotalQueues = 99
	})
	require.Equal(t, int32(8), f.lookup("T1").Mappings[0].TotalQueues, "the same version")
	f.register(3, brokerOf("c", 0))
	f.register(3, brokerOf("c", 0), mapping("T2"))
	require.Len(t, f.lookup("T2").Mappings, 1, "the same version, and a mapping that was missing: a registration came between topic and mapping")
	f.ConnClosed(3, f.now)
	require.Empty(t, f.lookup("T2").Mappings)
	f.register(1, brokerOf("a", 0), mapping("T2"), versioned(2))
	require.Len(t, f.lookup("T1").Mappings, 1, "not carried any more, but not taken back")
	require.Len(t, f.lookup("T2").Mappings, 1)
	f.ConnClosed(1, f.now)
	require.Empty(t, f.lookup("T1").Mappings, "it goes with its broker")
	require.Empty(t, f.mapped)
	require.Nil(t, f.topics["T1"].special)
}

// Two dialects, in the order of ids that each asks for: register-slave.json steps 51 to 54.
func TestDialects(t *testing.T) {
	f := newFixture(t)
	for _, id := range []int64{17, 16, 0} {
		f.register(1, brokerOf("a", id), at(string(rune('a'+id))+":1"), named("T1", "T2"))
	}
	quoted, _ := f.Route([]byte("T1"), remoting.Quoted)
	require.Contains(t, string(quoted), `{"0":"a:1","16":"q:1","17":"r:1"}`)
	bare, _ := f.Route([]byte("T1"), remoting.Bare)
	require.Contains(t, string(bare), `{0:"a:1",16:"q:1",17:"r:1"}`)
}

func TestReadyAnswersCostNoAllocation(t *testing.T) {
	f := newFixture(t)
	f.register(1, mapping("T2"))
	for _, name := range []string{"T1", "T2", "nope"} {
		topic := []byte(name)
		f.Route(topic, remoting.Quoted)
		require.Zero(t, testing.AllocsPerRun(100, func() { f.Route(topic, remoting.Quoted) }), name)
	}
}

func TestLists(t *testing.T) {
	flagged := func(name string, flag int32) remoting.TopicConfig {
		c := topicOf(name, 4, 6)
		c.SysFlag = flag
		return c
	}
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), carrying(topicOf("T1", 4, 6), flagged("Unit", 1), flagged("HasSub", 2), flagged("UnitSub", 3)))
	f.register(2, brokerOf("b", 0), inCluster("B"), named("T1", "T3"))
	for range 2 { // the second time from what is kept ready
		for _, row := range []struct{ got, want string }{
			{string(f.Topics()), `{"topicList":["HasSub","T1","T3","Unit","UnitSub"]}`},
			{string(f.TopicsOfCluster("B")), `{"topicList":["T1","T3"]}`},
			{string(f.TopicsOfCluster("Nope")), `{"topicList":[]}`},
			{string(f.UnitTopics(Unit)), `{"topicList":["Unit","UnitSub"]}`},
			{string(f.UnitTopics(HasUnitSub)), `{"topicList":["HasSub","UnitSub"]}`},
			{string(f.UnitTopics(HasUnitSubUnunit)), `{"topicList":["HasSub"]}`},
			{string(f.SystemTopics()), `{"brokerAddr":"` + addrOf("b", 0) + `","topicList":["B","broker-b","C","broker-a"]}`},
			{string(f.MemberGroup("C", "broker-a")), `{"brokerMemberGroup":{"brokerAddrs":{0:"` + addrOf("a", 0) + `"},"brokerName":"broker-a","cluster":"C"}}`},
			{string(f.MemberGroup("X", "broker-a")), `{"brokerMemberGroup":{"brokerAddrs":{0:"` + addrOf("a", 0) + `"},"brokerName":"broker-a","cluster":"X"}}`},
			{string(f.MemberGroup("C", "nope")), `{"brokerMemberGroup":{"brokerAddrs":{},"brokerName":"nope","cluster":"C"}}`},
		} {
			require.Equal(t, row.want, row.got)
		}
	}
	f.ConnClosed(2, f.now)
	require.Equal(t, `{"topicList":[]}`, string(f.TopicsOfCluster("B")))
	require.Equal(t, `{"topicList":["HasSub","T1","Unit","UnitSub"]}`, string(f.Topics()))
}

func TestExplain(t *testing.T) {
	a, b, l := two(t)
	may := acting(remoting.ActingMasterTrue)
	a.register(1, brokerOf("a", 0), may)
	a.register(2, brokerOf("b", 0))
	a.deleteTopic("T1", "")
	a.register(2, brokerOf("b", 0), versioned(2))
	a.wipe("broker-b")
	b.register(1, brokerOf("a", 1), may)
	l.pull()
	a.pass(time.Second)

	e := b.Explain("T1", b.now)
	require.True(t, e.Routed)
	require.Len(t, e.Deletions, 1)
	require.Len(t, e.Groups, 2)
	gone, wiped := e.Groups[0], e.Groups[1]
	require.False(t, gone.Routed)
	require.Equal(t, "me", gone.SuppressedBy.By)
	require.Equal(t, []string{"broker-a", "broker-b"}, gone.SuppressedBy.Brokers)
	require.Len(t, gone.Brokers, 2)
	require.True(t, wiped.Routed)
	require.Nil(t, wiped.SuppressedBy)
	require.Equal(t, int32(6), wiped.Registered)
	require.Equal(t, int32(4), wiped.Effective)
	require.Equal(t, ReducedByWipe, wiped.Reduced[0].Why)
	require.Equal(t, "me", wiped.Reduced[0].By)
	require.Equal(t, []SourceExplanation{{
		Server: "a", Heard: true, Version: version(2), LastHeard: b.now, Registered: b.now,
		Expires: b.now.Add(defaultTimeout + heardGrace), Carries: true,
	}}, wiped.Brokers[0].Sources)

	l.fall()
	a.ConnClosed(1, a.now)
	b.register(1, brokerOf("a", 1), may, versioned(9))
	b.pass(time.Hour)
	require.True(t, b.Explain("T1", b.now).Groups[0].Brokers[0].Sources[0].Overdue)
	b.Expire(b.now)
	require.Empty(t, b.Explain("T1", b.now).Groups)
	require.False(t, b.Explain("never", b.now).Routed)
	require.Empty(t, b.Snapshot(b.now).Brokers)

	b.register(1, brokerOf("a", 1), may, versioned(9))
	reduced := b.Explain("T1", b.now).Groups[0]
	require.Equal(t, []Reduction{{Why: ReducedWithoutMaster}}, reduced.Reduced)
	require.Equal(t, addrOf("a", 1), reduced.Provider)
	s := b.Snapshot(b.now)
	require.Len(t, s.Brokers, 1)
	require.Equal(t, 2, s.Brokers[0].Topics)
	require.True(t, s.Brokers[0].Provider)
}
