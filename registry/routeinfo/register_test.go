package routeinfo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func TestRegisterMakesTopicsRouted(t *testing.T) {
	f := newFixture(t)
	answer := f.register(1, brokerOf("a", 0), carrying(topicOf("T1", 8, 6), topicOf("T2", 4, 4)), zone("z"), filtering("f:1", "f:2"))
	require.Equal(t, RegisterAnswer{}, answer)
	require.Equal(t, &remoting.TopicRoute{
		Queues: []remoting.QueueData{{Broker: "broker-a", ReadQueues: 8, WriteQueues: 8, Perm: 6}},
		Brokers: []remoting.BrokerData{{
			Cluster: "C", Name: "broker-a", Zone: "z", Addrs: []remoting.BrokerAddr{{ID: 0, Addr: addrOf("a", 0)}},
		}},
		FilterServers: []remoting.FilterServers{{Addr: addrOf("a", 0), List: []string{"f:1", "f:2"}}},
	}, f.lookup("T1"))
	require.Equal(t, []string{"T1", "T2"}, f.topicNames())
	require.Nil(t, f.lookup("T3"))
	require.Equal(t, Stats{Topics: 2, Brokers: 1, DirectBrokers: 1, Version: f.Stats().Version}, f.Stats())
}

// When a topic that is there already is overwritten: upstream's rules, register-5x.json steps 77 to 92.
func TestWhichTopicsARegistrationChanges(t *testing.T) {
	for _, row := range []struct {
		name   string
		second []change
		want   []int32 // queues of T1, T2, T3; 0 for no route
	}{
		{"same version: known topics stay", []change{carrying(topicOf("T1", 9, 6), topicOf("T2", 9, 6))}, []int32{4, 4, 0}},
		{"same version: an unknown topic is added", []change{carrying(topicOf("T1", 9, 6), topicOf("T3", 9, 6))}, []int32{4, 4, 9}},
		{"one unknown topic of a known broker is added", []change{carrying(topicOf("T3", 9, 6))}, []int32{4, 4, 9}},
		{"other version: topics are overwritten, absent ones stay", []change{versioned(2), carrying(topicOf("T1", 9, 6), topicOf("T3", 9, 6))}, []int32{9, 4, 9}},
		{"an older version is another, too", []change{versioned(0), carrying(topicOf("T1", 9, 6), topicOf("T3", 9, 6))}, []int32{9, 4, 9}},
		{"no table of topics", []change{versioned(2), func(r *remoting.Registration) { r.HasTopics, r.Topics = false, nil }}, []int32{4, 4, 0}},
		{"another id at the address: everything counts", []change{brokerOf("a", 0), at("10.0.0.1:10911"), func(r *remoting.Registration) { r.ID = 1 }, carrying(topicOf("T1", 9, 6), topicOf("T2", 9, 6))}, []int32{9, 9, 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.register(1)
			f.register(1, row.second...)
			for i, want := range row.want {
				route := f.lookup(fmt.Sprintf("T%d", i+1))
				if want == 0 {
					require.Nil(t, route)
					continue
				}
				require.Len(t, route.Queues, 1)
				require.Equal(t, want, route.Queues[0].ReadQueues, "T%d", i+1)
			}
		})
	}
}

func TestRegistrationsThatAreRefused(t *testing.T) {
	for _, row := range []struct {
		name   string
		change change
		remark string
	}{
		{"one topic of an unknown broker", named("Solo"), "register broker failed"},
		{"one topic of an unknown id", func(r *remoting.Registration) { brokerOf("a", 3)(r); named("Solo")(r) }, "register broker failed"},
		{"no broker name", func(r *remoting.Registration) { r.Name = "" }, "register broker failed: clusterName, brokerName and brokerAddr must not be empty"},
		{"no cluster", inCluster(""), "register broker failed: clusterName, brokerName and brokerAddr must not be empty"},
		{"no address", at(""), "register broker failed: clusterName, brokerName and brokerAddr must not be empty"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.register(1, brokerOf("b", 0))
			require.Equal(t, row.remark, f.refused(2, row.change))
		})
	}
}

func TestOneTopicIsTakenFromWhoHasTheID(t *testing.T) {
	f := newFixture(t)
	f.register(1, func(r *remoting.Registration) { r.HasTopics, r.Topics = false, nil })
	f.register(1, named("Solo"))
	require.Equal(t, []string{"broker-a 0=10.0.0.1:10911 perm 6"}, f.brokersOf("Solo"))
	f.register(2, at("10.0.0.9:10911"), named("Solo"), versioned(2)) // another address takes over its id
	require.Equal(t, []string{"broker-a 0=10.0.0.9:10911 perm 6"}, f.brokersOf("Solo"))
}

func TestTooManyBrokersAndTopicsAreRefused(t *testing.T) {
	f := newFixture(t)
	f.limits.brokers, f.limits.topics = 2, 5
	f.register(1, brokerOf("a", 0))
	f.register(1, brokerOf("b", 0))
	require.Equal(t, "register broker failed: 2 brokers are kept; that is the most", f.refused(1, brokerOf("c", 0)))
	f.register(1, brokerOf("b", 0), named("T1", "T2", "T3", "T4", "T5"))
	require.Equal(t, "register broker failed: 5 topics are kept; that is the most", f.refused(1, brokerOf("b", 0), named("T1", "T2", "T6")))
	require.EqualError(t, f.registerTopic("T6", []remoting.QueueData{{Broker: "broker-a"}}, f.now), "register broker failed: 5 topics are kept; that is the most")
	require.NoError(t, f.registerTopic("T5", []remoting.QueueData{{Broker: "broker-a"}}, f.now))

	other := newFixture(t)
	other.register(1, brokerOf("x", 0), named("X1", "X2"))
	other.register(1, brokerOf("y", 0))
	f.limits.brokers = 3
	batch := other.Since(0, 0, true, 1<<20, other.now)
	require.True(t, f.Inherit("other", batch.Items, true, true, f.now))
	require.Equal(t, []string{"C: broker-a broker-b broker-y", "broker-a 0=" + addrOf("a", 0), "broker-b 0=" + addrOf("b", 0), "broker-y 0=" + addrOf("y", 0)}, f.clusters(), "nor are they inherited")
}

// register-slave.json: what slaves are told, and whose topics count.
func TestSlaves(t *testing.T) {
	f := newFixture(t)
	require.Empty(t, f.register(1, brokerOf("a", 1)).MasterAddr, "a slave before its master")
	f.register(2, brokerOf("a", 0), carrying(topicOf("T1", 8, 6), topicOf("T2", 8, 6)))
	require.Equal(t, RegisterAnswer{MasterAddr: addrOf("a", 0), HAAddr: "ha-" + addrOf("a", 0)}, f.register(1, brokerOf("a", 1), named("T1", "SlaveOnly")))
	require.Equal(t, int32(8), f.lookup("T1").Queues[0].ReadQueues, "the master's word")
	require.Nil(t, f.lookup("SlaveOnly"))

	f.Unregister(keyOf("a", 0), "broker-a", 2, f.now)
	require.Equal(t, []string{"broker-a 1=" + addrOf("a", 1) + " perm 6"}, f.brokersOf("T1"), "without a master its slave's topics are the group's")
	require.NotNil(t, f.lookup("SlaveOnly"))
}

func TestElectedMasters(t *testing.T) {
	f := newFixture(t)
	f.register(1, elected(4))
	f.register(2, at("10.0.0.2:10911"), elected(5))
	require.Equal(t, []string{"broker-a 0=10.0.0.2:10911 perm 6"}, f.brokersOf("T1"))

	answer := f.register(1, elected(4), versioned(9))
	require.Equal(t, RegisterAnswer{}, answer, "answered, but it does not count")
	require.Equal(t, []string{"broker-a 0=10.0.0.2:10911 perm 6"}, f.brokersOf("T1"))
	require.Equal(t, 1, f.Stats().Brokers)

	f.register(1, elected(6))
	require.Equal(t, []string{"broker-a 0=10.0.0.1:10911 perm 6"}, f.brokersOf("T1"))
	require.Equal(t, 1, f.Stats().Brokers)
}

func TestAnOutvotedBrokerIsForgotten(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 1), elected(1))
	f.register(2, brokerOf("a", 0), elected(5))
	f.register(1, brokerOf("a", 0), at(addrOf("a", 1)), elected(4)) // the slave takes itself for the master
	require.Equal(t, []string{"broker-a 0=" + addrOf("a", 0) + " perm 6"}, f.brokersOf("T1"))
}

func TestTheLastWithAnIDHasIt(t *testing.T) {
	f := newFixture(t)
	f.register(1)
	f.pass(time.Second)
	f.register(2, at("10.0.0.2:10911"))
	require.Equal(t, []string{"broker-a 0=10.0.0.2:10911 perm 6"}, f.brokersOf("T1"))
	require.Equal(t, 1, f.Stats().Brokers, "the replaced address is not kept")
	_, known, _ := f.QueryDataVersion(BrokerKey{"C", "10.0.0.1:10911"}, version(1), f.now)
	require.False(t, known)
}

func TestAnAddressMovesToAnotherNameOrCluster(t *testing.T) {
	f := newFixture(t)
	f.register(1)
	f.register(1, func(r *remoting.Registration) { r.Name = "renamed"; named("T1", "T3")(r) })
	require.Equal(t, []string{"renamed 0=10.0.0.1:10911 perm 6"}, f.brokersOf("T1"))
	require.Nil(t, f.lookup("T2"), "nothing of the old name is left")
	f.register(1, inCluster("D"))
	require.Equal(t, []string{"D: broker-a", "broker-a 0=10.0.0.1:10911"}, f.clusters())
}

func TestGroupsOfTwoClustersAreApart(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), named("T1", "T2"))
	f.register(2, brokerOf("b", 0), inCluster("B"), func(r *remoting.Registration) { r.Name = "broker-a"; named("T1", "T3")(r) })
	require.Equal(t, []string{"broker-a 0=" + addrOf("b", 0) + " perm 6"}, f.brokersOf("T1"), "clients know a name once: the first cluster's")
	require.Equal(t, []string{"broker-a 0=" + addrOf("a", 0) + " perm 6"}, f.brokersOf("T2"))
	require.Equal(t, []string{"broker-a 0=" + addrOf("b", 0) + " perm 6"}, f.brokersOf("T3"))
	require.Equal(t, []string{"B: broker-a", "C: broker-a", "broker-a 0=" + addrOf("b", 0)}, f.clusters())
	f.ConnClosed(2, f.now)
	require.Equal(t, []string{"broker-a 0=" + addrOf("a", 0) + " perm 6"}, f.brokersOf("T1"))
}

func TestFilterServers(t *testing.T) {
	f := newFixture(t)
	f.register(1, filtering("f:1"))
	f.register(1, func(r *remoting.Registration) { r.HasFilterServers, r.FilterServers = false, nil })
	require.Len(t, f.lookup("T1").FilterServers, 1, "not told of: they stay")
	f.register(1, filtering())
	require.Empty(t, f.lookup("T1").FilterServers)
}

func TestDeleteTopicWithRegistration(t *testing.T) {
	f := newFixture(t, with(func(o *Options) { o.DeleteTopicWithRegistration = true }))
	f.register(1, brokerOf("a", 0), named("T1", "T2", "T3"))
	f.register(2, brokerOf("b", 0), named("T1", "T4"))
	f.register(1, brokerOf("a", 0), named("T3", "T5"), versioned(2))
	require.Equal(t, []string{"T1", "T3", "T4", "T5"}, f.topicNames())
	require.Equal(t, []string{"broker-b 0=" + addrOf("b", 0) + " perm 6"}, f.brokersOf("T1"))
	f.register(1, brokerOf("a", 0), named("T3", "T6"), mapping("T3"), versioned(3))
	require.Equal(t, []string{"T1", "T3", "T4", "T5", "T6"}, f.topicNames(), "not with static topics: their registrations may be partial")
	f.SetOptions(DefaultOptions())
	f.register(1, brokerOf("a", 0), named("T3"), versioned(4))
	require.Equal(t, []string{"T1", "T3", "T4", "T5", "T6"}, f.topicNames())
	f.SetOptions(Options{DeleteTopicWithRegistration: true})
	f.register(1, brokerOf("a", 0), named("T3"), versioned(4))
	require.Equal(t, []string{"T1", "T3", "T4"}, f.topicNames(), "the same registration again, read anew")
}

func TestALateRegistrationOverAnOldConnection(t *testing.T) {
	f := newFixture(t)
	f.register(1, silent(10*time.Second))
	f.register(2, versioned(2), silent(10*time.Second), named("T1", "T3"))
	f.pass(9 * time.Second)
	f.register(1, versioned(1), silent(10*time.Second), named("T1", "Old"))
	require.Nil(t, f.lookup("Old"))
	f.ConnClosed(1, f.now)
	require.NotNil(t, f.lookup("T1"), "the newer connection holds it")
	f.pass(9 * time.Second)
	require.Empty(t, f.Expire(f.now))
	require.NotNil(t, f.lookup("T1"), "it was a sign of life all the same")
	f.ConnClosed(2, f.now)
	require.Nil(t, f.lookup("T1"))
}

func TestSixtyThousandTopicsInOneRegistration(t *testing.T) {
	f := newFixture(t)
	r := reg()
	r.Topics = nil
	for i := range 60_000 {
		r.Topics = append(r.Topics, topicOf(fmt.Sprintf("topic-%d", i), 4, 6))
	}
	_, err := f.Register(r, 1, f.now)
	require.NoError(t, err)
	require.Equal(t, 60_000, f.Stats().Topics)
	require.NotNil(t, f.lookup("topic-59999"))
	require.Len(t, f.shapes.byRows, 1, "topics that are alike share what is kept of them")

	other := newFixture(t)
	batch := f.Since(0, 0, true, 1, f.now)
	require.True(t, other.Inherit("a", batch.Items, batch.Reset, !batch.More, other.now))
	require.Equal(t, f.Digest(), other.Digest())
	f.ConnClosed(1, f.now)
	require.Zero(t, f.Stats().Topics)
	require.Empty(t, f.topics)
	require.Empty(t, f.shapes.byRows)
}

// What is said again under a known version replaces no mapping, so it must not be counted as if it did; and what the registration
// does not say stays.
func TestLimitsOfABrokerCountWhatStays(t *testing.T) {
	queues := func(topic string, n int) change {
		return func(r *remoting.Registration) {
			m := remoting.QueueMapping{Topic: topic, Broker: r.Name}
			for i := range n {
				m.Current = append(m.Current, remoting.IDPair{Logical: int32(i)})
			}
			r.Mappings = append(r.Mappings, m)
		}
	}
	unfiltered := func(r *remoting.Registration) { r.FilterServers, r.HasFilterServers = nil, false }
	const names = "may have 40 bytes together"
	f := newFixture(t)
	f.limits.brokerMappings = 10
	f.register(1, queues("A", 8))
	require.Contains(t, f.refused(1, queues("A", 0), queues("B", 1)), "with 10 queues")
	f.register(1, queues("A", 0), queues("B", 0))
	require.Contains(t, f.refused(1, queues("C", 0)), "with 10 queues")
	f.register(1, queues("A", 0), queues("B", 8), versioned(2))
	f.register(1, queues("B", 0), queues("B", 8), versioned(3))

	f = newFixture(t)
	f.limits.brokerNames = 40
	f.register(1, named("T", "U"), filtering(strings.Repeat("f", 30)))
	require.Contains(t, f.refused(1, named("T", "U", "a topic too many"), unfiltered, versioned(2)), names)
	require.Contains(t, f.registerTopic("a topic too many", []remoting.QueueData{{Broker: "broker-a"}}, f.now).Error(), names)
	f.register(1, named("T", "U", "a topic in its place"), filtering("f"), versioned(2))

	f = newFixture(t)
	f.limits.brokerNames = 40
	f.register(1, named("T", "U"), queues(strings.Repeat("m", 25), 1))
	require.Contains(t, f.refused(1, named("T", "U", "a topic too many"), versioned(2)), names)
}

// Another broker comes to an address, and another server knows it already: what is taken over from there counts.
func TestLimitsOfARenamedBroker(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	f.limits.brokerTopics = 4
	here := at("10.9.9.9:1")
	f.register(1, brokerOf("a", 0), here, named("x", "y"))
	other.register(1, brokerOf("b", 0), here, named("a", "b", "c"), versioned(5))
	f.SetHeard("o", true, f.now)
	(&link{from: other, to: f, name: "o"}).pull()
	require.Contains(t, f.refused(2, brokerOf("b", 0), here, named("d", "e"), versioned(6)), "4 topics of one broker")
	f.register(2, brokerOf("b", 0), here, named("c", "d"), versioned(6))
	require.Equal(t, 4, f.brokers[BrokerKey{"C", "10.9.9.9:1"}].own().topics)
}

// Topics leave a shape for another with each version; one that stays behind, since its broker does not carry it any more, must
// not hold the room of all.
func TestAShapeGivesRoomBack(t *testing.T) {
	f := newFixture(t)
	names := topicNames(2_000)
	for i := range 20 {
		f.register(1, named(names[i:]...), versioned(int64(i+1)))
	}
	require.Len(t, f.shapes.all, 20)
	room := 0
	for _, s := range f.shapes.all {
		room += cap(s.topics)
	}
	require.Less(t, room, 2*len(names)+20*minRoom)
	f.requireSound(t)
}

// The group has elected another master since, but the broker itself is here over a newer connection.
func TestALateRegistrationThatIsOutvoted(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), elected(4))
	f.register(2, brokerOf("a", 1), at(addrOf("a", 0)), elected(5), silent(10*time.Second))
	f.register(3, brokerOf("a", 0), at(addrOf("a", 9)), elected(5))
	f.pass(9 * time.Second)
	answer := f.register(1, brokerOf("a", 0), elected(4))
	require.Empty(t, answer.MasterAddr)
	require.True(t, f.HoldsConn(2), "the newer registration stays")
	f.pass(9 * time.Second)
	f.Expire(f.now)
	require.True(t, f.HoldsConn(2), "and what was late is a sign of life")
}

// What one broker has must fit into one item of a feed.
func TestABrokerWithTooManyTopicsIsRefused(t *testing.T) {
	const remark = "register broker failed: 3 topics of one broker are kept; that is the most: delete some there, or move them to another broker"
	f := newFixture(t)
	f.limits.brokerTopics = 3
	require.Equal(t, remark, f.refused(1, named("T1", "T2", "T3", "T4")))
	f.register(1, named("T1", "T2", "T3"))
	f.register(1, named("T2", "T3"), versioned(2))
	require.Equal(t, remark, f.refused(1, named("T3", "T4"), versioned(3)), "what it does not carry any more stays")
	require.EqualError(t, f.registerTopic("T4", []remoting.QueueData{{Broker: "broker-a"}}, f.now), remark)
	require.NoError(t, f.registerTopic("T3", []remoting.QueueData{{Broker: "broker-a"}}, f.now))
	f.register(1, brokerOf("b", 0), named("T4", "T5"))
	f.limits.brokerMappings = 4 // two topics with one queue each
	f.register(1, mapping("T1"), versioned(2))
	f.register(1, mapping("T1"), mapping("T2"), versioned(2))
	require.Contains(t, f.refused(1, mapping("T3"), versioned(2)), "static topics with 4 queues of one broker are kept; that is the most")

	other := newFixture(t)
	other.limits.brokerTopics = 3
	(&link{from: f, to: other, name: "f"}).pull()
	require.Equal(t, remark, other.refused(5, named("T4", "T5")), "with what it has elsewhere")
	other.register(5, named("T1", "T2"))
	f.SetOptions(Options{DeleteTopicWithRegistration: true})
	f.register(1, named("T4", "T5"), versioned(4))
}

func TestABrokerWithTooLongNamesIsRefused(t *testing.T) {
	const remark = "register broker failed: the names of one broker's topics may have 10 bytes together: delete some there, or move them to another broker"
	f := newFixture(t)
	f.limits.brokerNames = 10
	require.Equal(t, remark, f.refused(1, named("four", "seven77")))
	f.register(1, named("four", "three"))
	f.register(1, named("four", "three"), versioned(2))
	require.Equal(t, remark, f.refused(1, named("T4"), versioned(3)))
	require.EqualError(t, f.registerTopic("T4", []remoting.QueueData{{Broker: "broker-a"}}, f.now), remark)
	f.register(1, named("T"), versioned(3))
	require.Equal(t, remark, f.refused(1, mapping("T"), versioned(4)))
	require.NoError(t, f.DeleteTopic("three", "", "test", f.now))
	f.register(1, named("T4"), versioned(5))

	other := newFixture(t)
	other.limits.brokerNames = 10
	(&link{from: f, to: other, name: "f"}).pull()
	require.Equal(t, remark, other.refused(5, named("T", "five5")), "with what it has elsewhere")
	other.register(5, named("T", "abc"))
}
