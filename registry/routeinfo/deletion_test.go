package routeinfo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func (f *fixture) deleteTopic(topic, cluster string) {
	f.t.Helper()
	require.NoError(f.t, f.DeleteTopic(topic, cluster, "me", f.now))
}

// topics.json steps 41 to 54
func TestDeleteTopic(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), named("T1", "T2"))
	f.register(2, brokerOf("b", 0), inCluster("B"), named("T1", "T3"))
	f.deleteTopic("T1", "B")
	require.Equal(t, []string{"broker-a 0=" + addrOf("a", 0) + " perm 6"}, f.brokersOf("T1"))
	f.deleteTopic("T1", "")
	require.Nil(t, f.lookup("T1"))
	require.Equal(t, []string{"T2", "T3"}, f.topicNames())
	words := len(f.Words())
	f.deleteTopic("Nope", "")
	f.deleteTopic("T2", "Nope")
	f.deleteTopic("T1", "")
	require.NotNil(t, f.lookup("T2"))
	require.Len(t, f.Words(), words)
}

func TestDeletionsHoldByDataVersion(t *testing.T) {
	f := newFixture(t)
	f.register(1)
	f.deleteTopic("T1", "")
	f.register(1)
	require.Nil(t, f.lookup("T1"), "the same version again")
	f.register(1, named("T1", "T2", "T3"))
	require.Nil(t, f.lookup("T1"), "the same version with other topics")
	f.ConnClosed(1, f.now)
	f.register(2)
	require.Nil(t, f.lookup("T1"), "over another connection")
	f.register(2, versioned(2), named("T2", "T3"))
	require.Nil(t, f.lookup("T1"), "another version without it")
	f.register(2, versioned(3))
	require.NotNil(t, f.lookup("T1"), "the broker's newer word")

	restarted := newFixture(t)
	for _, w := range f.Words() {
		require.True(t, restarted.MergeWord(w))
	}
	restarted.register(1)
	require.Nil(t, restarted.lookup("T1"), "after a restart of all servers")
	require.NotNil(t, restarted.lookup("T2"))
}

// A word may come after the registration: from a slow database, or from another server.
func TestDeletionsThatComeLate(t *testing.T) {
	origin := newFixture(t)
	origin.register(1, versioned(5))
	origin.deleteTopic("T1", "")
	word := origin.Words()[0]

	for _, row := range []struct {
		name          string
		registrations [][]change
		routed        bool
	}{
		{"at that version", [][]change{{versioned(5)}}, false},
		{"carried by a later version", [][]change{{versioned(5)}, {versioned(6)}}, true},
		{"not carried since that version", [][]change{{versioned(5)}, {versioned(6), named("T3")}}, false},
		{"carried by another version, then not", [][]change{{versioned(4)}, {versioned(6), named("T3")}}, true},
		{"of another broker", [][]change{{brokerOf("b", 0), versioned(5)}}, true},
		{"of another cluster", [][]change{{inCluster("D"), versioned(5)}}, true},
		{"by a slave that copied its master", [][]change{{brokerOf("a", 1), versioned(5)}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			for _, options := range row.registrations {
				f.register(1, options...)
			}
			require.True(t, f.MergeWord(word))
			require.False(t, f.MergeWord(word))
			require.Equal(t, row.routed, f.lookup("T1") != nil)
		})
	}
}

func TestRegisterTopicLiftsDeletions(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0))
	f.register(2, brokerOf("b", 0))
	f.deleteTopic("T1", "")
	require.NoError(t, f.registerTopic("T1", []remoting.QueueData{{Broker: "broker-a", ReadQueues: 3, WriteQueues: 3, Perm: 6}}, f.now))
	f.register(1, brokerOf("a", 0))
	f.register(2, brokerOf("b", 0))
	route := f.lookup("T1")
	require.Equal(t, []remoting.QueueData{{Broker: "broker-a", ReadQueues: 3, WriteQueues: 3, Perm: 6}}, route.Queues)
}

// topics.json steps 17 to 40
func TestRegisterTopic(t *testing.T) {
	at := func(names ...string) (qs []remoting.QueueData) {
		for _, name := range names {
			qs = append(qs, remoting.QueueData{Broker: name, ReadQueues: 3, WriteQueues: 3, Perm: 6})
		}
		return qs
	}
	f := newFixture(t)
	f.register(1, brokerOf("a", 0))
	f.register(2, brokerOf("b", 0))
	elsewhere := newFixture(t)
	elsewhere.register(1, brokerOf("c", 0))
	(&link{from: elsewhere, to: f, name: "e"}).pull()
	for _, row := range []struct {
		topic   string
		qs      []remoting.QueueData
		want    int // groups
		without []string
	}{
		{"New1", at("broker-a"), 1, nil},
		{"New2", at("nope"), 0, []string{"nope"}},
		{"New1", at("broker-b", "nope", "broker-a", "nope"), 2, []string{"nope", "broker-a"}},
		{"New3", at("broker-b", "nope"), 0, []string{"broker-b", "nope"}},
		{"New4", nil, 0, nil},
		{"New5", append(at("broker-a"), remoting.QueueData{Broker: "broker-a", ReadQueues: 8}), 1, nil},
		{"New6", at("broker-c", "broker-a"), 1, []string{"broker-c"}},
		{"New6", at("broker-c"), 1, []string{"broker-c"}},
	} {
		without, err := f.RegisterTopic(row.topic, row.qs, f.now)
		require.NoError(t, err)
		require.Equal(t, row.without, without, row.topic)
		require.Len(t, f.brokersOf(row.topic), row.want, row.topic)
	}
	require.Equal(t, int32(8), f.lookup("New5").Queues[0].ReadQueues, "the last word on a broker counts")
	require.Error(t, f.registerTopic(strings.Repeat("x", remoting.MaxName+1), at("broker-a"), f.now))
	f.register(1, brokerOf("a", 0), named("T1", "New1"))
	require.Equal(t, int32(3), f.lookup("New1").Queues[0].ReadQueues, "it is known, and the version is the same")
}

func TestDeletionsAtManyBrokersAreRefused(t *testing.T) {
	f := newFixture(t)
	for i := range 500 {
		f.register(ConnID(i+1), at(fmt.Sprintf("10.0.0.1:%d", i)), func(r *remoting.Registration) { r.Name = fmt.Sprintf("broker-%d", i) })
	}
	err := f.DeleteTopic("T1", "", "me", f.now)
	require.ErrorContains(t, err, "too many brokers have the topic for a deletion that holds")
	require.Len(t, f.brokersOf("T1"), 500)
}

func TestDeletionsSaidAtTheSameTimeAreBothMeant(t *testing.T) {
	a := newFixture(t)
	b := newFixture(t, func(c *Config) { c.Epoch = 2 })
	a.register(1, brokerOf("a", 0))
	b.register(1, brokerOf("b", 0))
	a.deleteTopic("T1", "")
	b.deleteTopic("T1", "")
	for range 3 {
		for _, w := range a.Words() {
			b.MergeWord(w)
		}
		for _, w := range b.Words() {
			a.MergeWord(w)
		}
	}
	require.Equal(t, a.Words(), b.Words())
	for _, f := range []*fixture{a, b} {
		f.register(1, brokerOf("a", 0))
		f.register(2, brokerOf("b", 0))
		require.Nil(t, f.lookup("T1"))
	}
}

func TestTheFaultOfForgottenDeletions(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Faults.ForgetDeletions = true })
	f.register(1)
	f.deleteTopic("T1", "")
	require.Nil(t, f.lookup("T1"))
	f.register(1)
	require.NotNil(t, f.lookup("T1"))
}

// The versions under which topics were carried are remembered, if not for ever.
func TestVersionsOfABrokerAreBounded(t *testing.T) {
	f := newFixture(t)
	for v := range int64(3 * versionsKept) {
		f.register(1, named(fmt.Sprintf("T%d", v), "other"), versioned(v))
	}
	require.LessOrEqual(t, len(f.brokers[BrokerKey{"C", "10.0.0.1:10911"}].own().recent), versionsKept)
	late := func(topic string, v int64) bool {
		value := deletedVersions{"broker-a": {versions: []deletedVersion{{version(v), 1}}}}.encode()
		require.True(t, f.MergeWord(Word{Kind: Deletion, Scope: "C", Name: topic, Value: value, Counter: 1}))
		return f.lookup(topic) == nil
	}
	require.True(t, late(fmt.Sprintf("T%d", 3*versionsKept-2), 3*versionsKept-2))
	require.True(t, late("T0", 3*versionsKept-1), "carried too long ago to know when, but before")
	require.False(t, late("T1", 1), "of a version that is not remembered")
}

func TestDeletedVersionsAreBounded(t *testing.T) {
	d := deletedVersions{}
	for n := range int64(20) {
		require.True(t, d.add("broker-a", version(n), uint64(n+1)))
		require.False(t, d.add("broker-a", version(n), uint64(n+2)))
	}
	require.Len(t, d["broker-a"].versions, versionsDeleted)
	require.Equal(t, d, Word{Value: d.encode()}.deletedVersions())
	require.Empty(t, Word{Value: "not JSON"}.deletedVersions())
	require.Equal(t, deletedVersions{"a": {versions: []deletedVersion{{version(7), 5}}}}, Word{Value: `{"a":[[0,1700000000000,7]]}`, Counter: 5}.deletedVersions())
}

// Deletions and liftings of one topic, said anywhere, come to the same in whatever order they are learnt.
func TestDeletionsAddUpInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var said []Word
		for i := range rapid.IntRange(2, 6).Draw(rt, "words") {
			group := func() deletedGroup {
				g := deletedGroup{lifted: rapid.Uint64Max(6).Draw(rt, "lifted")}
				for range rapid.IntRange(0, 5).Draw(rt, "versions") {
					v := deletedVersion{version(rapid.Int64Range(1, 12).Draw(rt, "version")), rapid.Uint64Range(1, 9).Draw(rt, "said")}
					g, _ = g.join(deletedGroup{versions: []deletedVersion{v}})
				}
				return g
			}
			d := deletedVersions{"broker-a": group(), "broker-b": group()}
			said = append(said, Word{Kind: Deletion, Scope: "C", Name: "T1", Value: d.encode(), Deleted: len(d.groups()) == 0, Counter: rapid.Uint64Range(1, 9).Draw(rt, "counter"), Epoch: int64(i)})
		}
		add := func(order []Word) deletedVersions {
			f := newFixture(t)
			for _, w := range order {
				f.MergeWord(w)
			}
			all := f.deletions("T1", "C")
			require.Equal(rt, len(all.groups()) > 0, f.deleted("T1", "C") != nil)
			for _, w := range f.Words() {
				require.False(rt, f.MergeWord(w))
			}
			return all
		}
		require.Equal(rt, add(said).encode(), add(rapid.Permutation(said).Draw(rt, "order")).encode())
	})
}

// One server deleted the topic at broker-a and then again; another one did so at broker-b without knowing. It is the counters
// that are not equal.
func TestDeletionsSaidApartAreBothMeant(t *testing.T) {
	for _, aFirst := range []bool{true, false} {
		a := newFixture(t)
		b := newFixture(t, func(c *Config) { c.Epoch = 2 })
		a.register(1, brokerOf("a", 0))
		b.register(1, brokerOf("b", 0))
		a.deleteTopic("T1", "")
		b.pass(time.Minute)
		b.deleteTopic("T1", "")
		words := []Word{a.Words()[0], b.Words()[0]}
		if !aFirst {
			words[0], words[1] = words[1], words[0]
		}
		f := newFixture(t)
		f.register(1, brokerOf("a", 0))
		f.register(2, brokerOf("b", 0))
		for _, w := range words {
			f.MergeWord(w)
		}
		require.Nil(t, f.lookup("T1"))
	}
}

// What was lifted does not come back with an older word that another server says anew, and still deletes elsewhere.
func TestALiftedDeletionStaysLifted(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0))
	f.register(2, brokerOf("b", 0))
	f.deleteTopic("T1", "")
	old := f.Words()[0]
	f.pass(time.Second)
	for _, name := range []string{"broker-a", "broker-b"} {
		require.NoError(t, f.registerTopic("T1", []remoting.QueueData{{Broker: name, ReadQueues: 3, WriteQueues: 3, Perm: 6}}, f.now))
		f.MergeWord(old)
		old.Counter++
	}
	require.Len(t, f.brokersOf("T1"), 2)
	require.True(t, f.Words()[0].Deleted)
	old.Counter = f.Words()[0].Counter + 1
	require.True(t, f.MergeWord(old))
	require.Nil(t, f.deleted("T1", "C"), "said with a later number, but of the same deletion")
}

// All of RegisterTopic counts or nothing.
func TestRegisterTopicIsRefusedAsAWhole(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0))
	f.register(2, brokerOf("b", 0), inCluster("D"))
	for cluster, name := range map[string]string{"C": "broker-a", "D": "broker-b"} {
		require.True(t, f.MergeWord(Word{Kind: Deletion, Scope: cluster, Name: "T1", Value: `{"` + name + `":[[0,0,0]]}`, Counter: 1}))
	}
	both := []remoting.QueueData{{Broker: "broker-a"}, {Broker: "broker-b"}}
	before, words := f.show(), f.Words()
	f.limits.wordBytes = f.words.bytes + 15 // room to say that one of them is lifted
	require.Error(t, f.registerTopic("T1", both, f.now))
	require.Equal(t, before, f.show())
	require.Equal(t, words, f.Words())
	require.NoError(t, f.registerTopic("T1", both[:1], f.now))
}
