package registry

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func (f *fixture) entry(k Key) Entry {
	f.t.Helper()
	e, ok := f.Entry(k)
	require.True(f.t, ok)
	return e
}

func (f *fixture) entries() (list []Entry) {
	f.Entries(func(e Entry) bool { list = append(list, e); return true })
	slices.SortFunc(list, func(a, b Entry) int { return compareRecords(&record{Key: a.Key}, &record{Key: b.Key}) })
	return list
}

// holding is what servers must agree on: everything but times and what last happened.
type holding struct {
	Key       Key
	Version   Version
	Tombstone bool
	Override  Override
	Instance  *eureka.Instance
}

func agreed(t require.TestingT, list []Entry) (all []holding) {
	for _, e := range list {
		h := holding{e.Key, e.Version, e.Tombstone, e.Override, nil}
		if !e.Tombstone && e.Text != nil {
			in, err := eureka.DecodeBareInstance(e.Text, 0)
			require.NoError(t, err)
			in.ActionType, in.LastUpdatedTimestamp, in.LeaseInfo = 0, 0, eureka.LeaseInfo{}
			h.Instance = in
		}
		all = append(all, h)
	}
	return all
}

func TestMergeOutcomes(t *testing.T) {
	base := func() *fixture { f := newFixture(t, func(c *Config) { c.Epoch = 1 }); return f }
	registered := func(f *fixture) *fixture { f.register(sample("a")); return f }
	cancelled := func(f *fixture) *fixture {
		registered(f)
		require.NoError(t, f.Cancel(orders("a"), FromClient))
		return f
	}
	older := registered(base()).entry(orders("a"))
	newer := func() Entry {
		f := registered(base())
		f.register(sample("a", noted("2")))
		return f.entry(orders("a"))
	}()
	tombstone := cancelled(base()).entry(orders("a"))
	aged := func(e Entry, age time.Duration) Entry { e.Age = age; return e }
	renamed := func(e Entry) Entry { e.ID = "b"; return e }
	garbled := func(e Entry) Entry { e.Text = []byte("{"); return e }
	for _, row := range []struct {
		name    string
		have    func(*fixture) *fixture
		e       Entry
		want    MergeOutcome
		visible bool
	}{
		{"unknown", func(f *fixture) *fixture { return f }, older, Applied, true},
		{"unknown, enough lease left", func(f *fixture) *fixture { return f }, aged(older, 74*time.Second), Applied, true},
		{"unknown, lease nearly over", func(f *fixture) *fixture { return f }, aged(older, 75*time.Second), Refused, false},
		{"unknown, from the future", func(f *fixture) *fixture { return f }, aged(older, -time.Hour), Applied, true},
		{"not an instance", func(f *fixture) *fixture { return f }, garbled(older), Refused, false},
		{"another instance", func(f *fixture) *fixture { return f }, renamed(older), Refused, false},
		{"same", registered, older, Same, true},
		{"newer", registered, newer, Applied, true},
		{"newer, lease over there: ours counts", registered, aged(newer, time.Hour), Applied, true},
		{"cancelled there", registered, tombstone, Applied, false},
		{"cancelled there long ago", registered, aged(tombstone, time.Hour), Refused, true},
		{"cancelled here", cancelled, older, Older, false},
		{"cancelled here, registered again there", cancelled, newerThan(tombstone, newer), Applied, true},
		{"tombstone of the unknown", func(f *fixture) *fixture { return f }, tombstone, Applied, false},
		{"tombstone of the same", cancelled, tombstone, Same, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := row.have(base())
			require.Equal(t, row.want, f.Merge(2, row.e))
			_, visible := f.Instance(orders("a"))
			require.Equal(t, row.visible, visible)
		})
	}
}

// newerThan is content registered on top of a tombstone.
func newerThan(tombstone, content Entry) Entry {
	content.Version = tombstone.Version.registered(0, 3)
	return content
}

func TestMergedLeases(t *testing.T) {
	a, b := newFixture(t), newFixture(t)
	a.register(sample("a"))
	b.Merge(7, a.entry(orders("a")))
	b.forward(40 * time.Second)
	v := a.entry(orders("a")).Version
	for _, row := range []struct {
		age    time.Duration
		copied bool
		want   time.Duration
	}{
		{36 * time.Second, true, 40 * time.Second}, // explained by travel
		{34 * time.Second, true, 34 * time.Second},
		{33 * time.Second, false, 33 * time.Second},
		{50 * time.Second, false, 33 * time.Second},
		{0, false, 0},
	} {
		require.Equal(t, Heard, b.MergeRenewal(7, orders("a"), v, row.age, row.copied))
		require.Equal(t, row.want, b.entry(orders("a")).Age)
	}
}

func TestMergeRenewalOutcomes(t *testing.T) {
	f := newFixture(t)
	v := Version{Stamp: dirty, Registered: true, Epoch: 7}
	newer := Version{Stamp: dirty, Counter: 5, Registered: true, Epoch: 8}
	require.Equal(t, Want, f.MergeRenewal(8, orders("a"), v, 0, false), "unknown")
	require.Equal(t, Heard, f.MergeRenewal(8, orders("a"), v, 0, true), "a list of ages asks for nothing")
	f.register(sample("a"))
	require.Equal(t, Heard, f.MergeRenewal(8, orders("a"), v, 0, false))
	require.Equal(t, Want, f.MergeRenewal(8, orders("a"), newer, 0, false))
	require.NoError(t, f.Cancel(orders("a"), FromClient))
	require.Equal(t, Cancelled, f.MergeRenewal(8, orders("a"), v, 0, false))
	require.Equal(t, Want, f.MergeRenewal(8, orders("a"), newer, 0, false), "registered again elsewhere")
}

func TestOverrideMergesApart(t *testing.T) {
	a, b := newFixture(t, func(c *Config) { c.Epoch = 1 }), newFixture(t, func(c *Config) { c.Epoch = 2 })
	a.register(sample("a"))
	b.Merge(1, a.entry(orders("a")))
	require.NoError(t, a.SetStatus(orders("a"), eureka.OutOfService, 0, FromClient))
	b.register(sample("a", dirtyAt(dirty+9))) // newer content, made without knowing of the override
	fromA, fromB := a.entry(orders("a")), b.entry(orders("a"))
	require.Contains(t, string(fromA.Text), `"status":"UP","overriddenStatus":"UNKNOWN"`, "content is told without the override")
	require.Equal(t, Older, b.Merge(1, fromA))
	require.Equal(t, Applied, a.Merge(2, fromB))
	for _, f := range []*fixture{a, b} {
		require.Equal(t, eureka.OutOfService, f.get(orders("a")).Status)
		require.Equal(t, []string{"ORDERS/a OUT_OF_SERVICE"}, []string{ids(f.full())[0][:len("ORDERS/a OUT_OF_SERVICE")]})
		require.EqualValues(t, dirty+9, f.get(orders("a")).LastDirtyTimestamp)
	}
	require.Equal(t, a.Digest(), b.Digest())

	// An override alone, of an instance that is not here.
	c := newFixture(t)
	e := Entry{Key: orders("a"), Override: fromA.Override}
	require.Equal(t, Applied, c.Merge(1, e))
	require.Equal(t, Same, c.Merge(1, e))
	require.Equal(t, []Entry{{Key: orders("a"), Override: fromA.Override, DeltaAge: -1}}, c.entries())
	require.Equal(t, Older, c.Merge(1, Entry{Key: orders("a"), Override: Override{Counter: 0, Epoch: 1}}))
}

// Entries of any servers, applied in any order any number of times, end in the same state everywhere.
func TestServersConverge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var servers []*fixture
		for i := range rapid.IntRange(2, 4).Draw(rt, "servers") {
			f := newFixture(t, func(c *Config) { c.Epoch = int64(i + 1) })
			servers = append(servers, f)
		}
		pick := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, name) }
		var underWay []Entry
		for range rapid.IntRange(5, 40).Draw(rt, "operations") {
			k := orders(rapid.StringMatching("[a-c]").Draw(rt, "id"))
			f := servers[pick("server", len(servers))]
			status1 := eureka.Status(rapid.IntRange(0, eureka.NumStatuses-1).Draw(rt, "status"))
			switch rapid.IntRange(0, 6).Draw(rt, "op") {
			case 0, 1:
				in := sample(k.ID, status(status1), dirtyAt(rapid.Int64Range(0, 3).Draw(rt, "dirty")), noted(rapid.StringMatching("[0-9]").Draw(rt, "v")))
				require.NoError(rt, f.Register(in, rapid.SampledFrom([]Origin{FromClient, FromJavaPeer}).Draw(rt, "origin")))
			case 2:
				_ = f.Cancel(k, FromClient)
			case 3:
				_ = f.SetStatus(k, status1, 0, FromClient)
			case 4:
				_ = f.ClearStatus(k, status1, 0, FromClient)
			case 5:
				if e, ok := f.Entry(k); ok {
					underWay = append(underWay, e)
				}
			case 6:
				if len(underWay) > 0 {
					f.Merge(9, underWay[pick("late", len(underWay))])
				}
			}
		}
		// All entries reach all servers, in any order, until nothing is news.
		for round := 0; ; round++ {
			require.Less(rt, round, 5, "no end")
			news := false
			for _, f := range servers {
				var all []Entry
				for _, other := range servers {
					all = append(all, other.entries()...)
				}
				all = append(all, underWay...)
				rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "order"), 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				for _, e := range all {
					news = f.Merge(9, e) == Applied || news
				}
			}
			if !news {
				break
			}
		}
		for _, f := range servers[1:] {
			if diff := cmp.Diff(agreed(rt, servers[0].entries()), agreed(rt, f.entries())); diff != "" {
				rt.Fatalf("servers differ: %s", diff)
			}
			require.Equal(rt, servers[0].Digest(), f.Digest())
			require.Equal(rt, servers[0].DigestByApp(), f.DigestByApp())
			require.Equal(rt, servers[0].Snapshot().HashCode(), f.Snapshot().HashCode())
		}
	})
}

func TestEntriesOf(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	f.register(sample("b"))
	f.register(sample("c", inApp("BILLING")))
	require.NoError(t, f.Cancel(orders("b"), FromClient))
	f.LoadOverrides([]StoredOverride{{orders("d"), eureka.Down}})
	var got []string
	f.EntriesOf([]string{"ORDERS"}, func(e Entry) bool { got = append(got, e.ID); return true })
	slices.Sort(got)
	require.Equal(t, []string{"a", "b", "d"}, got)
	got = nil
	f.EntriesOf([]string{"ORDERS"}, func(e Entry) bool { got = append(got, e.ID); return false })
	require.Len(t, got, 1)
	f.EntriesOf([]string{"NOBODY"}, func(Entry) bool { t.Fatal("none"); return false })
}

// A server that syncs up shows in its delta what the others' deltas show, and no more; afterwards everything is news.
func TestSyncUpCopiesTheDelta(t *testing.T) {
	a, b := newFixture(t), newFixture(t, func(c *Config) { c.Epoch = 8 })
	a.register(sample("old"))
	a.register(sample("left long ago"))
	require.NoError(t, a.Cancel(orders("left long ago"), FromClient))
	a.forward(10 * time.Minute)
	a.Renew(orders("old"), Renewal{}, FromClient)
	a.register(sample("new"))
	a.register(sample("left"))
	require.NoError(t, a.Cancel(orders("left"), FromClient))
	b.t = a.t
	b.hands.t = a.hands.t

	b.SyncUp(true)
	for _, e := range a.entries() {
		require.Equal(t, Applied, b.Merge(7, e))
	}
	b.SyncUp(false)
	require.ElementsMatch(t, ids(a.full()), ids(b.full()))
	require.ElementsMatch(t, []string{"ORDERS/new UP ADDED", "ORDERS/left UP DELETED"}, ids(a.deltaNow()))
	require.ElementsMatch(t, ids(a.deltaNow()), ids(b.deltaNow()))

	a.forward(10 * time.Minute)
	b.forward(10 * time.Minute)
	a.register(sample("elsewhere"))
	e := a.entry(orders("elsewhere"))
	e.DeltaAge = -1
	require.Equal(t, Applied, b.Merge(7, e))
	require.Equal(t, []string{"ORDERS/elsewhere UP ADDED"}, ids(b.deltaNow()))
}

func TestWitness(t *testing.T) {
	f := newFixture(t)
	require.Equal(t, WitnessAnswer{State: Gone}, f.Witness(orders("a"), Version{}, f.now()))
	f.register(sample("a"))
	v := f.entry(orders("a")).Version
	f.forward(20 * time.Second)
	require.Equal(t, WitnessAnswer{Alive, 20 * time.Second, f.now().Add(70 * time.Second)}, f.Witness(orders("a"), v, f.now()))
	require.Equal(t, CannotSay, f.Witness(orders("a"), Version{Stamp: 1}, f.now()).State)
	f.forward(70 * time.Second)
	require.Equal(t, WitnessAnswer{SameAndOver, 90 * time.Second, f.now()}, f.Witness(orders("a"), v, f.now()))
	require.NoError(t, f.Cancel(orders("a"), FromClient))
	require.Equal(t, CannotSay, f.Witness(orders("a"), v, f.now()).State)
	f.paused(0, moment(f.now().Sub(f.born)))
	require.Equal(t, CannotSay, f.Witness(orders("b"), v, f.now()).State)
}
