package peerstore_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

func TestAddressThatAnswersAsSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(3)
		victim := servers[2]
		other := peerstoretest.NewFake() // another cluster, which got the victim's address
		stranger := w.start("stranger", "", func(h *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) {
			h.Store, l.Store = other.NewPath(), other.NewPath()
		})
		time.Sleep(time.Second)
		other.Do(func(r *peerstoretest.Rows) { r.NewUUID("test") })
		w.mu.Lock()
		w.byBase[peerstore.BaseURL(victim.url)] = stranger
		w.mu.Unlock()
		w.within(3*time.Second, "not served", func() bool { return !servers[0].serves(victim.url) })
		for _, m := range servers[0].list.All() {
			if m.Addresses.Eureka == victim.url {
				require.Contains(t, m.Problem, "answers at its address")
			}
		}
		w.mu.Lock()
		w.byBase[peerstore.BaseURL(victim.url)] = victim
		w.mu.Unlock()
		w.within(3*time.Second, "served again", func() bool { return servers[0].serves(victim.url) })
	})
}

func TestFlappingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(4)
		flapping, observer := servers[3], servers[0]
		for i := range 3 {
			flapping.freeze()
			w.within(20*time.Second, "removed", func() bool { return !observer.lists(flapping.url) })
			flapping.thaw()
			w.within(5*time.Second, "back", func() bool { return observer.lists(flapping.url) })
			if i < 2 {
				w.within(time.Second, "served", func() bool { return observer.serves(flapping.url) })
			}
			time.Sleep(10 * time.Second)
		}
		require.False(t, observer.serves(flapping.url), "copied to at once, served when steady")
		w.within(12*time.Second, "steady for two TTLs", func() bool { return observer.serves(flapping.url) })
	})
}

func TestDrainingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(2)
		a, b := servers[0], servers[1]
		a.hb.SetPhase(peerstore.PhaseDraining, "stopping")
		a.list.Refresh()
		w.within(250*time.Millisecond, "led away", func() bool { return !b.serves(a.url) && !a.serves(a.url) })
		require.True(t, b.lists(a.url), "still copied to")
		require.Len(t, a.list.Serving(), 1)

		b.kill()
		time.Sleep(15 * time.Second)
		require.Empty(t, a.list.Peers())
		require.True(t, a.serves(a.url), "the last server keeps itself")
	})
}

func TestDrainWithoutDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(3)
		w.db.SetDown(true)
		time.Sleep(time.Minute)
		a := servers[0]
		a.hb.SetPhase(peerstore.PhaseDraining, "stopping")
		w.within(3*time.Second, "led away", func() bool {
			return w.everywhere(func(s *server) bool { return !s.serves(a.url) && s.lists(a.url) }, a)
		})
		start := time.Now()
		a.stop()
		require.LessOrEqual(t, time.Since(start), 3*time.Second)
	})
}

func TestReplicationCountsAsProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(2)
		a, b := servers[0], servers[1]
		w.mu.Lock()
		w.cut[[2]string{peerstore.BaseURL(a.url), peerstore.BaseURL(b.url)}] = true
		w.mu.Unlock()
		w.within(6*time.Second, "unreachable", func() bool { return !a.serves(b.url) })
		require.Equal(t, []string{b.hb.Self().ID}, a.list.Status().Unreachable)
		a.list.Heard(b.hb.Self().ID)
		require.True(t, a.serves(b.url), "replication hears it")
		a.list.Heard("a stranger")
		a.list.Doubt("a stranger")

		w.mu.Lock()
		clear(w.cut)
		w.mu.Unlock()
		time.Sleep(10 * time.Second)
		b.kill()
		a.list.Doubt(b.hb.Self().ID)
		w.within(300*time.Millisecond, "probed at once", func() bool { return !a.serves(b.url) })
	})
}

// A storm of notifications must not become a storm of reads.
func TestNotificationStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		store := &storm{Store: db.NewPath()}
		l := peerstore.NewList(peerstore.ListConfig{
			Store: store, Cluster: "test", Self: func() peerstore.Peer { return me }, Prober: proberFunc(nil),
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, l.Run(ctx))
		require.LessOrEqual(t, store.reads, 20*60+1)
		require.Greater(t, store.reads, 10*60)
	})
}

type storm struct {
	peerstore.Store
	reads int
}

func (s *storm) Rows(ctx context.Context, cluster string) (peerstore.View, error) {
	s.reads++
	return s.Store.Rows(ctx, cluster)
}

func (s *storm) Watch(ctx context.Context, _ string, wake func()) error {
	for ctx.Err() == nil {
		wake()
		time.Sleep(time.Millisecond)
	}
	return ctx.Err()
}

func TestPollingOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		noWatch := func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) { l.Store = deaf{l.Store} }
		w.cluster(4, noWatch)
		for i := range 5 {
			s := w.start(fmt.Sprintf("n%d", i), "", noWatch)
			w.within(2500*time.Millisecond, "join", func() bool {
				return w.everywhere(func(o *server) bool { return o.lists(s.url) }, s)
			})
			time.Sleep(5 * time.Second)
			s.stop()
			w.within(2500*time.Millisecond, "leave", func() bool {
				return w.everywhere(func(o *server) bool { return !o.lists(s.url) && !o.serves(s.url) })
			})
		}
	})
}

type deaf struct{ peerstore.Store }

func (deaf) Watch(context.Context, string, func()) error { return peerstore.ErrNoWatch }

func TestChangedTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(2)
		changed := servers[0].list.Changed()
		time.Sleep(time.Minute)
		select {
		case <-changed:
			require.Fail(t, "nothing changed")
		default:
		}
		w.start("third", "")
		<-changed
		require.NotEqual(t, changed, servers[0].list.Changed())
	})
}

func TestRowsArePruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(3)
		servers[2].kill()
		time.Sleep(10 * time.Minute)
		require.Equal(t, peerstore.PhaseExpired, rowOf(t, w.db, servers[2].hb.Self().ID).Phase)
	})
}

// The planted bugs must do harm where the healthy rules do none, or nobody would notice that a rule is missing. The rules back
// each other up, so what stands behind a rule is switched off in both runs.
func TestPlantedBugsAreCaught(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   func(*world, []*server)
		healthy peerstore.Faults
		bug     peerstore.Faults
	}{
		{
			name:  "no probe, and a server loses its way to the database",
			fault: func(_ *world, servers []*server) { servers[0].path.SetBlackHole(true) },
			bug:   peerstore.Faults{NoProbe: true},
		},
		{
			name: "no pause rule, and the database is away",
			fault: func(w *world, _ []*server) {
				w.db.SetDown(true)
				time.Sleep(time.Minute)
				w.db.SetDown(false)
			},
			healthy: peerstore.Faults{NoProbe: true},
			bug:     peerstore.Faults{NoProbe: true, NoPauseRule: true},
		},
		{
			name: "no last good list, and the table is empty for a moment",
			fault: func(w *world, _ []*server) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.emptyUntil = time.Now().Add(5 * time.Second)
			},
			bug: peerstore.Faults{NoLastGood: true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			harm := func(f peerstore.Faults) (harmed bool) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					servers := w.cluster(5, withFaults(f))
					tt.fault(w, servers)
					time.Sleep(time.Minute)
					for _, s := range servers {
						harmed = harmed || len(s.removals()) > 0 || s.worst() == 0
					}
				})
				return harmed
			}
			require.False(t, harm(tt.healthy), "healthy")
			require.True(t, harm(tt.bug), "the bug does no harm here")
		})
	}
}
