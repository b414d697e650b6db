package replication

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// What an idle cluster knows: with a keepalive each 5 s, everything that a peer heard 5 s ago has come, not more.
func TestHeardThroughFollowsKeepalives(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		for range 200 {
			time.Sleep(437 * time.Millisecond)
			require.True(t, a.rep.Hearing().Covered(time.Now().Add(-5100*time.Millisecond)))
			require.False(t, a.rep.Hearing().Covered(time.Now()), "not even light is that fast")
		}
		before := time.Now().Add(-10 * time.Millisecond) // the way of an answer
		b.register("ORDERS", "1", 1000)
		w.within(time.Second, "covered at once by any call", func() bool { return a.rep.Hearing().Covered(before) })
	})
}

// The three ways in which a server may be unheard, and what evictions do then.
func TestNobodyIsEvictedByADeafServer(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		k := a.register("ORDERS", "1", 1000)
		w.within(time.Second, "registered", func() bool { return b.has(k) })
		w.setCut("a", "b", true)
		for range 10 { // the client lives, but b does not hear of it
			time.Sleep(30 * time.Second)
			require.Equal(t, registry.Renewed, a.renew(k, 1000))
			require.True(t, b.has(k), "b is deaf and knows it")
		}
		w.setCut("a", "b", false)
		w.within(5*time.Second, "synced again", w.synced)
		time.Sleep(60 * time.Second)
		require.True(t, b.has(k), "the opening brought the age of the lease")
		time.Sleep(60 * time.Second)
		require.False(t, a.has(k) || b.has(k), "the client died")
	})
}

// With a third server that hears both, the dead are evicted in time although two do not hear each other.
func TestAWitnessVouches(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b, c := w.start("a"), w.start("b"), w.start("c")
		w.within(2*time.Second, "synced", w.synced)
		dead, alive := a.register("ORDERS", "dead", 1000), a.register("ORDERS", "alive", 1000)
		w.within(time.Second, "registered", func() bool { return b.has(dead) && c.has(alive) })
		w.setCut("a", "b", true)
		start := time.Now()
		for range 4 {
			time.Sleep(30 * time.Second)
			require.Equal(t, registry.Renewed, a.renew(alive, 1000))
		}
		took := w.within(20*time.Second, "the dead one gone at b", func() bool { return !b.has(dead) })
		t.Logf("gone at b %v after its last renewal", time.Since(start))
		require.Less(t, took, 20*time.Second)
		for range 10 {
			time.Sleep(30 * time.Second)
			a.renew(alive, 1000)
			require.True(t, b.has(alive), "what the witness knows of a lease counts")
		}
		_ = c
	})
}

func TestDepartedWhileUnheardCountsForOneMoreLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Now: time.Now, Keepalive: 5 * time.Second, Silence: 15 * time.Second, Lease: 90 * time.Second}
		h := newHearing(cfg)
		h.vouch = newVouching(time.Now)
		require.False(t, h.Covered(time.Now()), "the list was not read yet")
		require.False(t, h.synced())
		h.list(nil)
		require.True(t, h.Covered(time.Now()))
		require.True(t, h.synced(), "nobody is listed")

		one, two := peerstore.Peer{ID: "one"}, peerstore.Peer{ID: "two"}
		h.list([]peerstore.Peer{one, two})
		require.False(t, h.synced())
		for _, id := range []string{"one", "two"} {
			h.opened(id, 1)
			h.accepted(id, 1, false, time.Time{})
			require.False(t, h.synced(), "open is not applied")
			h.accepted(id, 1, true, time.Now())
		}
		require.True(t, h.synced())
		require.True(t, h.Covered(time.Now()))

		h.list([]peerstore.Peer{two})
		require.True(t, h.Covered(time.Now()), "one was heard when it left")
		time.Sleep(21 * time.Second)
		h.accepted("two", 1, true, time.Now())
		h.list([]peerstore.Peer{one, two})
		require.False(t, h.Covered(time.Now()), "one is not heard")
		require.False(t, h.Vouched(registry.Key{}, registry.Version{}, time.Now()))
		h.list([]peerstore.Peer{two})
		require.False(t, h.Covered(time.Now()), "nor was it when it left")
		require.False(t, h.Vouched(registry.Key{}, registry.Version{}, time.Now()), "and nobody can vouch for it")
		h.dropped(10 * time.Second)
		for range 19 {
			time.Sleep(5 * time.Second)
			require.False(t, h.Covered(time.Now()))
			h.opened("two", 2)
			h.accepted("two", 2, true, time.Now())
		}
		time.Sleep(5 * time.Second)
		h.accepted("two", 2, true, time.Now())
		require.True(t, h.Covered(time.Now()), "one lease and the pause have passed")
	})
}

func TestPauseDropsEverythingAndComparesAgain(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		k := a.register("ORDERS", "1", 1000)
		w.within(time.Second, "registered", func() bool { return b.has(k) })
		streams := b.rep.totals.Streams.Load()
		b.rep.Paused(time.Minute)
		require.False(t, b.rep.Synced())
		require.False(t, b.rep.Hearing().Covered(time.Now().Add(-time.Hour)))
		w.within(time.Second, "heard again", b.rep.Synced)
		require.Greater(t, b.rep.totals.Streams.Load(), streams)
		require.True(t, w.agree())
	})
}

// Whoever waits for the list and then for copies may look between the two: when the list has servers that Run has not seen.
func TestSyncedIsOfTheListOfNow(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a := w.start("a")
		time.Sleep(time.Second)
		synctest.Wait()
		require.True(t, a.rep.Synced(), "alone")
		a.rep.cfg.Peers = func() []peerstore.Peer { return []peerstore.Peer{{ID: "b"}} } // and nobody has said that it changed
		require.False(t, a.rep.Synced())
	})
}

func TestSyncedNeedsOneCopyIfAnybodyWasEverListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHearing(Config{Now: time.Now, Keepalive: 5 * time.Second, Silence: 15 * time.Second})
		h.list([]peerstore.Peer{{ID: "one"}})
		h.list(nil)
		require.False(t, h.synced(), "the one to copy from left before it was copied")
	})
}

func TestTestimonyIsForOneVerdictAndBrief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVouching(time.Now)
		k, end := registry.Key{App: "A", ID: "1"}, time.Now()
		version := registry.Version{Stamp: 1, Epoch: 1, Registered: true}
		missing := []string{"x", "y"}
		require.False(t, v.vouched(k, version, end, missing))
		batch := v.take()
		require.Equal(t, map[registry.Key]verdict{k: {version, end}}, batch)
		v.add(k, batch[k], []string{"x"})
		require.False(t, v.vouched(k, version, end, missing))
		v.add(k, batch[k], []string{"y", "x"})
		require.True(t, v.vouched(k, version, end, missing))
		require.False(t, v.vouched(k, version, end.Add(time.Second), missing), "renewed since")
		require.False(t, v.vouched(k, registry.Version{Stamp: 2}, end, missing))
		require.False(t, v.vouched(k, version, end, []string{"x", "z"}))
		time.Sleep(testimonyValid + time.Millisecond)
		require.False(t, v.vouched(k, version, end, missing))
		v.take()
		require.Empty(t, v.testimonies, "forgotten")
	})
}

func TestQuestionsAreBounded(t *testing.T) {
	v := newVouching(time.Now)
	for i := range maxPending + 100 {
		v.vouched(registry.Key{ID: string(rune(i))}, registry.Version{}, time.Time{}, []string{"x"})
	}
	require.LessOrEqual(t, len(v.pending), maxPending)
	require.Len(t, v.take(), maxAsk)
}
