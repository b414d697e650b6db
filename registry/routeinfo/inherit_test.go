package routeinfo

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A link pulls one table's feed into another, as servers do.
type link struct {
	from, to     *fixture
	name         string // of from, to to
	feed, cursor uint64
	copying      bool
	limit        int
}

// pull takes everything that is new. It reports whether it was understood.
func (l *link) pull() (understood bool) {
	understood = true
	limit := l.limit
	if limit == 0 {
		limit = 1 << 20
	}
	for {
		b := l.from.Since(l.feed, l.cursor, true, limit, l.from.now)
		if b.Reset {
			l.copying = true
		}
		l.feed, l.cursor = b.Feed, b.Next
		if !l.to.Inherit(l.name, b.Items, b.Reset, l.copying && !b.More, l.to.now) {
			understood = false
		}
		if !b.More {
			l.copying = false
			l.to.SetHeard(l.name, true, l.to.now)
			return understood
		}
	}
}

// fall breaks the link: the puller does not hear the other any more.
func (l *link) fall() { l.to.SetHeard(l.name, false, l.to.now) }

// two are two servers, the second of which pulls from the first.
func two(t *testing.T) (a, b *fixture, l *link) {
	a, b = newFixture(t), newFixture(t, func(c *Config) { c.Epoch, c.Self = 2, "b" })
	return a, b, &link{from: a, to: b, name: "a"}
}

// forgetDepartures begins a new feed, that knows of no departure.
func (f *fixture) forgetDepartures() {
	for k, n := range f.feed.departed {
		f.feed.remove(n)
		delete(f.feed.departed, k)
	}
	f.feed.id++
}

func (f *fixture) requireSame(o *fixture) {
	f.t.Helper()
	require.Equal(f.t, f.show(), o.show())
	require.Equal(f.t, f.Digest(), o.Digest())
}

func TestInheritMirrorsAServer(t *testing.T) {
	a, b, l := two(t)
	steps := []func(){
		func() { a.register(1, brokerOf("a", 0), zone("z"), filtering("f:1"), mapping("T1")) },
		func() { a.register(2, brokerOf("a", 1)) },
		func() { a.register(1, brokerOf("a", 0), zone("z"), named("T1", "T3"), versioned(2)) },
		func() { a.register(1, brokerOf("a", 0), zone("y"), named("T1", "T4"), versioned(2)) },
		func() {
			require.NoError(t, a.registerTopic("T9", []remoting.QueueData{{Broker: "broker-a", Perm: 6}}, a.now))
		},
		func() { a.deleteTopic("T3", "") },
		func() { a.wipe("broker-a") },
		func() { require.NoError(t, a.PutKV("ns", "k", "v", "me", a.now)) },
		func() { a.register(3, brokerOf("b", 0), inCluster("D")) },
		func() { require.NoError(t, a.DeleteKV("ns", "k", "me", a.now)) },
		func() { a.add("broker-a") },
		func() { a.ConnClosed(1, a.now) },
		func() { a.ConnClosed(2, a.now) },
		func() { a.Unregister(BrokerKey{"D", addrOf("b", 0)}, "broker-b", 3, a.now) },
	}
	for i, step := range steps {
		step()
		require.True(t, l.pull(), "step %d", i)
		a.requireSame(b)
		late := &link{from: a, to: newFixture(t), name: "a"}
		late.pull()
		a.requireSame(late.to)
		pieces := &link{from: a, to: newFixture(t), name: "a", limit: 1}
		pieces.pull()
		a.requireSame(pieces.to)
	}
	require.Zero(t, b.Stats().Brokers)
}

func TestIncrementsTellOnlyWhatChanged(t *testing.T) {
	a, b, l := two(t)
	a.register(1, named("T1", "T2", "T3"))
	l.pull()
	a.register(1, named("T4"), versioned(2))
	a.deleteTopic("T1", "")
	batch := a.Since(l.feed, l.cursor, true, 1<<20, a.now)
	require.False(t, batch.Reset)
	var content []Item
	for _, x := range batch.Items {
		if x.Kind == Content {
			content = append(content, x)
		}
	}
	require.Len(t, content, 1)
	require.False(t, content[0].Broker.Full)
	require.Equal(t, []remoting.TopicConfig{topicOf("T4", 4, 6)}, content[0].Broker.Topics)
	require.Equal(t, []string{"T1"}, content[0].Broker.Removed)
	l.pull()
	a.requireSame(b)

	var names []string
	for i := range maxDelta + 1 {
		names = append(names, fmt.Sprint(i))
	}
	a.register(1, named(names...), versioned(3))
	l.pull()
	a.requireSame(b)
}

func TestDirectWinsOverInherited(t *testing.T) {
	a, b, l := two(t)
	b.register(1, carrying(topicOf("T1", 4, 6), topicOf("T2", 4, 6)), zone("direct"))
	a.register(1, carrying(topicOf("T1", 8, 6), topicOf("T2", 8, 6), topicOf("T3", 8, 6)), versioned(9), zone("inherited"))
	l.pull()
	require.Equal(t, int32(4), b.lookup("T1").Queues[0].ReadQueues)
	require.Equal(t, "direct", b.lookup("T1").Brokers[0].Zone)
	require.Equal(t, int32(8), b.lookup("T3").Queues[0].ReadQueues, "what only the other server has been told is added")
	b.ConnClosed(1, b.now)
	require.Equal(t, int32(8), b.lookup("T1").Queues[0].ReadQueues, "the other server still holds it")
	_, known, changed := b.QueryDataVersion(BrokerKey{"C", "10.0.0.1:10911"}, version(9), b.now)
	require.False(t, known, "it is to register here, too")
	require.True(t, changed)
	require.False(t, b.Touch(BrokerKey{"C", "10.0.0.1:10911"}, b.now))
}

// A broker that comes to a server which has inherited it shows all its topics at any moment, whatever its first
// registration there carries, and is not refused for carrying one topic.
func TestTheFirstDirectRegistration(t *testing.T) {
	a, b, l := two(t)
	a.register(1, named("T1", "T2", "T3"), mapping("T1"))
	l.pull()
	b.register(1, carrying(topicOf("T2", 8, 6)))
	require.Equal(t, []string{"T1", "T2", "T3"}, b.topicNames())
	require.Equal(t, int32(8), b.lookup("T2").Queues[0].ReadQueues, "what it says counts although the version is known")
	a.ConnClosed(1, a.now)
	l.pull()
	require.Equal(t, []string{"T1", "T2", "T3"}, b.topicNames())
	require.Len(t, b.lookup("T1").Mappings, 1)
}

func TestTheNewestOfInheritedWins(t *testing.T) {
	f := newFixture(t)
	tell := func(server string, v int64, queues int32) {
		o := newFixture(t)
		o.register(1, versioned(v), carrying(topicOf("T1", queues, 6), topicOf("T2", queues, 6)))
		(&link{from: o, to: f, name: server}).pull()
	}
	queues := func() int32 { return f.lookup("T1").Queues[0].ReadQueues }
	tell("b", 2, 2)
	tell("a", 1, 1)
	require.Equal(t, int32(2), queues())
	tell("c", 2, 3)
	require.Equal(t, int32(3), queues(), "the greater peer id")
	tell("a", 3, 4)
	require.Equal(t, int32(4), queues())
}

func TestSlavesAreToldOfInheritedMasters(t *testing.T) {
	a, b, l := two(t)
	a.register(1, brokerOf("a", 0))
	l.pull()
	require.Equal(t, RegisterAnswer{MasterAddr: addrOf("a", 0), HAAddr: "ha-" + addrOf("a", 0)}, b.register(1, brokerOf("a", 1)))
}

func TestInheritedBrokersExpire(t *testing.T) {
	key := BrokerKey{"C", "10.0.0.1:10911"}
	for _, row := range []struct {
		name    string
		timeout time.Duration
		heard   bool
		after   time.Duration
	}{
		{"a server that is not heard", 30 * time.Second, false, 30 * time.Second},
		{"at most two minutes after its last word", time.Hour, false, 2 * time.Minute},
		{"a server that is heard tells itself, a little late", 30 * time.Second, true, 30*time.Second + heardGrace},
		{"as long as it is heard", time.Hour, true, time.Hour + heardGrace},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, b, l := two(t)
			a.register(1, silent(row.timeout))
			l.pull()
			b.SetHeard("a", row.heard, b.now)
			b.pass(row.after)
			b.Expire(b.now)
			require.NotNil(t, b.lookup("T1"))
			b.pass(time.Millisecond)
			require.Empty(t, b.Expire(b.now))
			require.Nil(t, b.lookup("T1"))
		})
	}
	t.Run("renewals keep it", func(t *testing.T) {
		a, b, l := two(t)
		a.register(1, silent(10*time.Second))
		for range 20 {
			l.pull()
			a.pass(time.Second)
			b.pass(time.Second)
			require.True(t, a.Touch(key, a.now))
		}
		l.pull()
		l.fall()
		b.pass(9 * time.Second)
		b.Expire(b.now)
		require.NotNil(t, b.lookup("T1"))
	})
	t.Run("nothing while frozen", func(t *testing.T) {
		a, b, l := two(t)
		a.register(1)
		l.pull()
		b.Freeze(true)
		b.pass(time.Hour)
		b.Expire(b.now)
		require.NotNil(t, b.lookup("T1"))
	})
}

// A broker that is killed goes everywhere at once, even if a server that held it died just before.
func TestDeathTakesAlongWhatUnheardServersSaid(t *testing.T) {
	for _, row := range []struct {
		name       string
		heardFirst bool // the other server falls silent after the death, not before
		keep       bool // the planted fault
		gone       bool
	}{
		{"silent before the death", false, false, true},
		{"silent after the death", true, false, true},
		{"fault", false, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, b, l := two(t)
			b.cfg.Faults.KeepUnheard = row.keep
			a.register(1)
			b.register(1)
			l.pull()
			b.pass(time.Second)
			if !row.heardFirst {
				l.fall()
			}
			b.ConnClosed(1, b.now)
			if row.heardFirst {
				require.NotNil(t, b.lookup("T1"), "a server that we hear still holds it")
				b.pass(time.Second)
				l.fall()
			}
			require.Equal(t, row.gone, b.lookup("T1") == nil)
		})
	}
}

func TestDeathDoesNotOverruleLaterNews(t *testing.T) {
	a, b, l := two(t)
	a.register(1)
	b.register(1)
	l.pull()
	b.pass(time.Second)
	a.pass(time.Second)
	b.ConnClosed(1, b.now)
	b.pass(maxRenewalGap)
	a.pass(maxRenewalGap)
	a.register(1)
	l.pull()
	l.fall()
	require.NotNil(t, b.lookup("T1"), "it has registered there since")

	c := newFixture(t)
	(&link{from: a, to: c, name: "a"}).pull()
	c.SetHeard("a", false, c.now)
	require.NotNil(t, c.lookup("T1"), "a server that falls silent is nobody's death")
}

func TestAGoodbyeToAServerThatOnlyInherited(t *testing.T) {
	a, b, l := two(t)
	a.register(1)
	l.pull()
	key := BrokerKey{"C", "10.0.0.1:10911"}
	b.pass(time.Second)
	b.Unregister(key, "broker-a", 1, b.now)
	require.NotNil(t, b.lookup("T1"), "the server that holds it will tell")
	l.fall()
	require.Nil(t, b.lookup("T1"))
}

func TestAFullCopyTakesAwayWhatItDoesNotName(t *testing.T) {
	a, b, l := two(t)
	a.register(1, brokerOf("a", 0))
	a.register(2, brokerOf("b", 0))
	l.pull()
	a.ConnClosed(1, a.now)
	a.forgetDepartures()
	require.True(t, l.pull())
	require.Equal(t, []string{"broker-b 0=" + addrOf("b", 0) + " perm 6"}, b.brokersOf("T1"))
	a.requireSame(b)
}

// What a server knows from others counts only for those that we do not hear ourselves.
func TestWhatIsPassedOn(t *testing.T) {
	a := newFixture(t, func(c *Config) { c.Self = "a" })
	b := newFixture(t)
	a.register(1, brokerOf("a", 0))
	b.register(1, brokerOf("b", 0))
	(&link{from: a, to: b, name: "a"}).pull()

	c := newFixture(t)
	fromB := &link{from: b, to: c, name: "b"}
	fromB.pull()
	b.requireSame(c)
	sources := c.Snapshot(c.now).Brokers[0].Sources
	require.Len(t, sources, 1)
	require.Equal(t, "a", sources[0].Server)
	require.False(t, sources[0].Heard)

	(&link{from: a, to: c, name: "a"}).pull()
	a.ConnClosed(1, a.now)
	(&link{from: a, to: c, name: "a"}).pull()
	fromB.feed = 0
	fromB.pull()
	require.Equal(t, []string{"C: broker-b", "broker-b 0=" + addrOf("b", 0)}, c.clusters(), "c hears a itself")

	toA := &link{from: b, to: a, name: "b"}
	toA.pull()
	require.Equal(t, []string{"C: broker-b", "broker-b 0=" + addrOf("b", 0)}, a.clusters(), "nobody is told of itself")
	require.True(t, a.Inherit("a", []Item{{Kind: Renewed}}, false, false, a.now))
	a.SetSelf("x")
	require.False(t, a.Inherit("a", []Item{{Kind: Renewed}}, false, false, a.now))
}

func TestWhatIsNotUnderstood(t *testing.T) {
	a, b, l := two(t)
	a.register(1)
	l.pull()
	b.Expire(b.now.Add(time.Hour))
	require.Nil(t, b.lookup("T1"))
	a.pass(maxRenewalGap)
	a.Touch(BrokerKey{"C", "10.0.0.1:10911"}, a.now)
	require.False(t, l.pull(), "a renewal of what is not here")
	a.register(1, named("T9", "T8"), versioned(2))
	require.False(t, l.pull(), "a change of what is not here")
	require.Nil(t, b.lookup("T9"), "not in part")
	l.feed = 0
	require.True(t, l.pull())
	a.requireSame(b)
	require.True(t, b.Inherit("a", []Item{{Kind: Content}, {Kind: Said}, {Kind: 77}, {Kind: Gone}}, false, false, b.now))
	a.requireSame(b)
}

// A copy that is broken off and goes on later has not said what is gone.
func TestACopyThatIsBrokenOff(t *testing.T) {
	a, b, l := two(t)
	for _, letter := range []string{"a", "b", "c"} {
		a.register(ConnID(letter[0]), brokerOf(letter, 0))
	}
	l.pull()
	a.ConnClosed('a', a.now)
	a.forgetDepartures()
	batch := a.Since(0, 0, true, 1, a.now)
	require.True(t, b.Inherit("a", batch.Items, batch.Reset, false, b.now))
	l.fall()
	rest := a.Since(batch.Feed, batch.Next, true, 1<<20, a.now)
	require.False(t, b.Inherit("a", rest.Items, false, true, b.now))
	l.feed = 0
	require.True(t, l.pull())
	a.requireSame(b)
}

// A deletion hides at once what other servers tell, and comes to an end with the version that it named.
func TestDeletionsHideWhatIsInherited(t *testing.T) {
	a, b, l := two(t)
	a.register(1)
	l.pull()
	b.deleteTopic("T1", "")
	require.Nil(t, b.lookup("T1"))
	require.Equal(t, []string{"T2"}, b.topicNames())
	b.register(1)
	require.Nil(t, b.lookup("T1"))
	a.register(1, versioned(2))
	l.pull()
	require.NotNil(t, b.lookup("T1"), "the broker's newer word, told elsewhere")
	for _, w := range b.Words() {
		a.MergeWord(w)
	}
	a.requireSame(b)
}

func TestSourcesBeyondTheSlotsAreNotKept(t *testing.T) {
	a, b, _ := two(t)
	a.register(1)
	for i := range 2 * maxSlots {
		(&link{from: a, to: b, name: fmt.Sprint(i)}).pull()
	}
	require.Len(t, b.Snapshot(b.now).Brokers[0].Sources, maxSlots-1)
	b.register(1)
	b.ConnClosed(1, b.now)
	for i := range 2 * maxSlots {
		b.SetHeard(fmt.Sprint(i), false, b.now)
	}
	require.Nil(t, b.lookup("T1"))
	b.Expire(b.now)
	require.Empty(t, b.peers, "servers of which nothing is left are forgotten")
}

// A server that ended told a third one of a broker; we see the broker go, the third one does not. When it tells us what it has, the broker
// must not come back, unless it was heard of after we saw it go.
func TestWhatIsPassedOnDoesNotBringABrokerBack(t *testing.T) {
	for name, row := range map[string]struct {
		direct  bool // the broker is registered with us
		late    bool // we hear of what we missed afterwards
		renewed time.Duration
		back    bool
	}{
		"we held it":                  {direct: true},
		"another held it":             {},
		"it is alive, there":          {direct: true, renewed: 20 * time.Second, back: true},
		"we did not hear who held it": {late: true},
	} {
		t.Run(name, func(t *testing.T) {
			f, third, ended, other := newFixture(t), newFixture(t), newFixture(t), newFixture(t)
			all := []*fixture{f, third, ended, other}
			pass := func(d time.Duration) {
				for _, x := range all {
					x.pass(d)
				}
			}
			pull := func(to, from *fixture, name string) {
				to.SetHeard(name, true, to.now)
				require.True(t, (&link{from: from, to: to, name: name}).pull())
			}
			ended.register(1, brokerOf("a", 0))
			holder := other
			if row.direct {
				holder = f
			}
			holder.register(1, brokerOf("a", 0))
			if !row.late {
				if !row.direct {
					pull(f, other, "other")
				}
				pull(f, ended, "ended")
				f.SetHeard("ended", false, f.now)
			}
			pass(10 * time.Second)
			holder.ConnClosed(1, holder.now)
			if !row.direct {
				pull(f, other, "other")
			}
			require.Empty(t, f.Snapshot(f.now).Brokers)

			pass(row.renewed)
			ended.Touch(keyOf("a", 0), ended.now)
			pull(third, ended, "ended")
			third.SetHeard("ended", false, third.now)
			if row.renewed == 0 {
				third.brokers[keyOf("a", 0)].source("ended").renewed = third.now.Add(-10 * time.Second)
			}
			pass(5 * time.Second)
			pull(f, third, "third")
			require.Equal(t, row.back, len(f.Snapshot(f.now).Brokers) == 1)
			f.pass(unheardBound + time.Second)
			f.Expire(f.now)
			require.Empty(t, f.deaths)
		})
	}
}

// Of silence nobody knows when the broker went, so it must not count against what another server heard since.
func TestSilenceIsNoDeathOfNow(t *testing.T) {
	f, holder, third := newFixture(t), newFixture(t), newFixture(t)
	f.register(1, brokerOf("a", 0)) // over a link that goes silent
	holder.register(1, brokerOf("a", 0))
	third.SetHeard("holder", true, third.now)
	toThird := &link{from: holder, to: third, name: "holder"}
	f.SetHeard("third", true, f.now)
	for range 8 {
		for _, x := range []*fixture{f, holder, third} {
			x.pass(30 * time.Second)
		}
		holder.Touch(keyOf("a", 0), holder.now)
		require.True(t, toThird.pull())
		require.True(t, (&link{from: third, to: f, name: "third"}).pull(), "a relay of what we do not hear")
		f.Expire(f.now)
		require.Len(t, f.Snapshot(f.now).Brokers, 1)
	}
}

// A server with a half-open connection tells of a broker that we saw go, and then ends: its word does not hold longer than ours, however
// late it came. Passed on by a third server, it is not even shown.
func TestWhatWeSawOutlivesLongTimeouts(t *testing.T) {
	f, other, third := newFixture(t), newFixture(t), newFixture(t)
	pass := func(d time.Duration) {
		for _, x := range []*fixture{f, other, third} {
			x.pass(d)
			x.Expire(x.now)
		}
	}
	brokers := func() int { return len(f.Snapshot(f.now).Brokers) }
	for _, x := range []*fixture{f, other} {
		x.register(1, brokerOf("a", 0), silent(10*time.Minute))
	}
	pass(10 * time.Second)
	f.ConnClosed(1, f.now)
	pass(time.Minute)
	third.SetHeard("other", true, third.now)
	require.True(t, (&link{from: other, to: third, name: "other"}).pull())
	third.SetHeard("other", false, third.now)
	pass(70 * time.Second)

	f.SetHeard("third", true, f.now)
	require.True(t, (&link{from: third, to: f, name: "third"}).pull())
	require.Zero(t, brokers())
	f.SetHeard("other", true, f.now)
	require.True(t, (&link{from: other, to: f, name: "other"}).pull())
	require.Equal(t, 1, brokers(), "who is heard is believed")
	f.SetHeard("other", false, f.now)
	require.Zero(t, brokers())
}

// A server tells of a death without having told of the broker: what a third one had said before is over.
func TestDeathOfABrokerThatTheServerNeverToldOf(t *testing.T) {
	f, holder, third := newFixture(t), newFixture(t), newFixture(t)
	holder.register(1, brokerOf("a", 0))
	third.register(1, brokerOf("a", 0))
	f.SetHeard("third", true, f.now)
	require.True(t, (&link{from: third, to: f, name: "third"}).pull())
	f.SetHeard("third", false, f.now)
	f.pass(10 * time.Second)
	holder.pass(10 * time.Second)
	holder.ConnClosed(1, holder.now)
	require.Len(t, f.Snapshot(f.now).Brokers, 1)
	f.SetHeard("holder", true, f.now)
	require.True(t, (&link{from: holder, to: f, name: "holder"}).pull())
	require.Empty(t, f.Snapshot(f.now).Brokers)
}

// The same where another server saw it go: what it told us is kept beside what we saw ourselves.
func TestWhatOthersSawOutlivesAHalfOpenConnection(t *testing.T) {
	f, saw, other := newFixture(t), newFixture(t), newFixture(t)
	saw.register(1, brokerOf("a", 0))
	other.register(1, brokerOf("a", 0))
	toUs := &link{from: saw, to: f, name: "saw"}
	f.SetHeard("saw", true, f.now)
	require.True(t, toUs.pull())
	for _, x := range []*fixture{f, saw, other} {
		x.pass(10 * time.Second)
	}
	saw.ConnClosed(1, saw.now)
	require.True(t, toUs.pull())
	require.Empty(t, f.Snapshot(f.now).Brokers)
	f.SetHeard("other", true, f.now)
	require.True(t, (&link{from: other, to: f, name: "other"}).pull())
	require.Len(t, f.Snapshot(f.now).Brokers, 1, "who is heard is believed")
	f.SetHeard("other", false, f.now)
	require.Empty(t, f.Snapshot(f.now).Brokers)
}
