package replication

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// inWorld runs a test in a world of its own and virtual time.
func inWorld(t *testing.T, options func(*Config), test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, options)
		defer w.stopAll()
		test(t, w)
	})
}

func TestEveryChangeReachesEveryPeer(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b, c := w.start("a"), w.start("b"), w.start("c")
		w.within(2*time.Second, "synced", w.synced)
		k := a.register("ORDERS", "1", 1000)
		took := w.within(time.Second, "registered everywhere", func() bool { return b.has(k) && c.has(k) })
		require.Less(t, took, 50*time.Millisecond, "content leaves at once")

		require.NoError(t, b.reg.SetStatus(k, eureka.OutOfService, 0, registry.FromClient))
		w.within(time.Second, "override everywhere", func() bool {
			in, ok := c.reg.Instance(k)
			return ok && in.Status == eureka.OutOfService && w.agree()
		})
		require.NoError(t, c.reg.SetMetadata(k, eureka.Metadata{{Key: "colour", Value: "blue"}}, registry.FromClient))
		w.within(time.Second, "metadata everywhere", func() bool {
			in, _ := a.reg.Instance(k)
			colour, _ := in.Metadata.Get("colour")
			return colour == "blue" && w.agree()
		})
		require.NoError(t, c.reg.Cancel(k, registry.FromClient))
		w.within(time.Second, "cancelled everywhere", func() bool { return !a.has(k) && !b.has(k) && w.agree() })
		require.Equal(t, registry.NotFound, a.renew(k, 1000))
	})
}

func TestJoinerCopiesEverythingOnce(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		for i := range 2000 { // several pieces
			a.register(fmt.Sprintf("APP%d", i%7), fmt.Sprintf("instance-%d", i), 1000)
		}
		gone := registry.Key{App: "APP1", ID: "instance-1"}
		out := registry.Key{App: "APP2", ID: "instance-2"}
		require.NoError(t, b.reg.Register(w.instance("APP2", "instance-2", 1000), registry.FromClient))
		require.NoError(t, b.reg.SetStatus(out, eureka.OutOfService, 0, registry.FromClient))
		require.NoError(t, a.reg.Cancel(gone, registry.FromClient))
		w.within(5*time.Second, "agreed", w.agree)

		c := w.start("c")
		took := w.within(2*time.Second, "joined", c.rep.Synced)
		t.Logf("joined after %v", took)
		require.True(t, w.agree())
		require.Equal(t, 1999, c.reg.Stats().Instances)
		require.Equal(t, 1, c.reg.Stats().Tombstones)
		require.Less(t, c.rep.totals.EntriesReceived.Load(), uint64(2100), "from one peer, not from both")
		in, ok := c.reg.Instance(out)
		require.True(t, ok)
		require.Equal(t, eureka.OutOfService, in.Status)
		require.Equal(t, registry.NotFound, c.renew(gone, 1000), "the tombstone came too")
	})
}

// Renewals at one server alone keep the instance alive on all; when they end, it goes everywhere within seconds of its lease.
func TestRenewalsKeepLeasesAliveEverywhere(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b, c := w.start("a"), w.start("b"), w.start("c")
		w.within(2*time.Second, "synced", w.synced)
		k := a.register("ORDERS", "1", 1000)
		for range 20 {
			time.Sleep(30 * time.Second)
			require.True(t, a.has(k) && b.has(k) && c.has(k))
			require.Equal(t, registry.Renewed, a.renew(k, 1000))
		}
		time.Sleep(time.Second)
		require.EqualValues(t, 40, a.rep.totals.RenewalsSent.Load(), "to each peer once, relayed by nobody")
		require.Zero(t, b.rep.totals.RenewalsSent.Load())
		time.Sleep(93 * time.Second)
		require.True(t, a.has(k) && b.has(k) && c.has(k), "a renewal may travel for 5 s")
		time.Sleep(4 * time.Second)
		require.False(t, a.has(k) || b.has(k) || c.has(k))
	})
}

func TestSlowPeerLosesNothingWhenItsQueueOverflows(t *testing.T) {
	inWorld(t, func(c *Config) { c.MaxQueue = 20 }, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		w.setSlow("a", "b", 400*time.Millisecond)
		for i := range 200 {
			a.register("ORDERS", fmt.Sprint(i), 1000)
			time.Sleep(5 * time.Millisecond)
		}
		w.setSlow("a", "b", 0)
		w.within(5*time.Second, "agreed", w.agree)
		require.Equal(t, 200, b.reg.Stats().Instances)
		require.NotZero(t, a.rep.totals.Overflows.Load())
	})
}

func TestLeaverFlushesFirst(t *testing.T) {
	inWorld(t, func(c *Config) { c.RenewalDelay = 3 * time.Second }, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		k := a.register("ORDERS", "1", 1000)
		w.within(time.Second, "registered", func() bool { return b.has(k) })
		w.setSlow("a", "b", 200*time.Millisecond)
		a.renew(k, 1000)
		last := a.register("ORDERS", "2", 1000)
		start := time.Now()
		require.NoError(t, a.rep.Flush(t.Context()))
		require.Less(t, time.Since(start), 2*time.Second)
		require.True(t, b.has(last))
		require.EqualValues(t, 1, b.rep.totals.RenewalsReceived.Load())
		w.kill(a, 0)
		synctest.Wait()
		require.True(t, b.has(k) && b.has(last))
		require.True(t, b.rep.Hearing().Covered(time.Now()), "alone now, and the leaver was heard to the end")
	})
}

func TestLostAnswersAndDelaysChangeNothing(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		streams := a.rep.totals.Streams.Load()
		w.setLose(0.3)
		w.setSlow("b", "a", 50*time.Millisecond)
		for i := range 200 {
			a.register("ORDERS", fmt.Sprint(i%50), int64(1000+i))
			time.Sleep(20 * time.Millisecond)
		}
		w.setLose(0)
		w.within(3*time.Second, "agreed", w.agree)
		require.Equal(t, 50, b.reg.Stats().Instances)
		require.Equal(t, streams, a.rep.totals.Streams.Load(), "a lost answer is asked for again on the same stream")
	})
}

func TestHealingMakesEqualWithinSeconds(t *testing.T) {
	for name, both := range map[string]bool{"one direction": false, "both directions": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(t *testing.T, w *world) {
				a, b := w.start("a"), w.start("b")
				w.within(2*time.Second, "synced", w.synced)
				for i := range 30 {
					a.register("ORDERS", fmt.Sprint(i), 1000)
				}
				w.within(time.Second, "agreed", w.agree)
				w.setCut("a", "b", true)
				w.setCut("b", "a", both)
				time.Sleep(20 * time.Second)
				require.False(t, b.rep.Hearing().Covered(time.Now().Add(-18*time.Second)))
				missing, listed := b.rep.Hearing().Unreachable()
				require.Equal(t, 1, missing)
				require.Equal(t, 1, listed)
				a.register("ORDERS", "only at a", 1000)
				b.register("PAYMENTS", "only at b", 1000)
				require.NoError(t, a.reg.Cancel(registry.Key{App: "ORDERS", ID: "3"}, registry.FromClient))
				require.NoError(t, b.reg.SetStatus(registry.Key{App: "ORDERS", ID: "4"}, eureka.Down, 0, registry.FromClient))
				time.Sleep(20 * time.Second)
				w.setCut("a", "b", false)
				w.setCut("b", "a", false)
				took := w.within(5*time.Second, "agreed", w.agree)
				t.Logf("equal %v after healing", took)
				w.within(5*time.Second, "heard", w.synced)
				w.within(5*time.Second, "known to agree", func() bool {
					return a.rep.Status()[0].Agrees && b.rep.Status()[0].Agrees && a.rep.Status()[0].DiffersFor == 0
				})
			})
		})
	}
}

// A peer that refuses calls has gone: nobody waits for it in a flush, and the list is told to look at it.
func TestARefusedStreamIsTold(t *testing.T) {
	var mu sync.Mutex
	var lost []string
	options := func(c *Config) {
		c.Lost = func(id string) {
			mu.Lock()
			defer mu.Unlock()
			lost = append(lost, id)
		}
	}
	inWorld(t, options, func(t *testing.T, w *world) {
		a, b := w.start("a"), w.start("b")
		w.within(2*time.Second, "synced", w.synced)
		b.stop()
		b.done.Wait()
		a.register("ORDERS", "1", 1000)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		require.NoError(t, a.rep.Flush(ctx))
		require.Less(t, time.Since(began), time.Second)
		mu.Lock()
		defer mu.Unlock()
		require.Contains(t, lost, b.peer.ID)
	})
}
