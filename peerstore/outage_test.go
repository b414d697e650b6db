package peerstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

// unharmed asserts that nobody but the excepted addresses ever left anybody's list.
func unharmed(t *testing.T, servers []*server, except ...string) {
	t.Helper()
	for _, s := range servers {
		if s.dead {
			continue
		}
		for _, url := range s.removals() {
			require.Contains(t, except, url, "%s removed a live server", s.name)
		}
		require.Positive(t, s.worst(), "%s had an empty list", s.name)
	}
}

func TestDatabaseOutage(t *testing.T) {
	kinds := map[string]func(*peerstoretest.Fake, bool){
		"down":   (*peerstoretest.Fake).SetDown,
		"frozen": (*peerstoretest.Fake).SetFrozen,
	}
	for kind, set := range kinds {
		for _, length := range []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour} {
			t.Run(kind+" "+length.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					servers := w.cluster(8)
					survivors := servers[:7]
					naive := w.control(survivors...)
					set(w.db, true)
					time.Sleep(length / 2)
					victim := servers[7]
					victim.kill()
					w.within(3*time.Second, "the dead one is not served", func() bool {
						return w.everywhere(func(s *server) bool { return !s.serves(victim.url) })
					})
					time.Sleep(length / 2)
					set(w.db, false)
					w.within(4*time.Second, "all heartbeats recover", func() bool {
						return w.everywhere(func(s *server) bool { st := s.hb.Status(); return st.Failures == 0 && st.SinceOK < 4*time.Second })
					})
					w.within(19*time.Second, "the dead one goes", func() bool {
						return w.everywhere(func(s *server) bool { return !s.lists(victim.url) })
					})
					time.Sleep(time.Minute)
					unharmed(t, survivors, victim.url)
					view, err := w.db.Rows(t.Context(), "test")
					require.NoError(t, err)
					if kind == "down" && length > 10*time.Second {
						require.Equal(t, 1, view.Outages, "declared once")
						naive.failed(t)
					}
					require.LessOrEqual(t, view.Outages, 1)
				})
			})
		}
	}
}

func TestDatabaseOutageOfALargeCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 50 {
			w.start("s"+string(rune('a'+i/10))+string(rune('0'+i%10)), "")
		}
		w.within(10*time.Second, "all see all", func() bool {
			return w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 50 })
		})
		for _, s := range w.all {
			s.watchLists()
		}
		naive := w.control(w.all...)
		w.db.SetDown(true)
		time.Sleep(time.Minute)
		w.db.SetDown(false)
		time.Sleep(30 * time.Second)
		unharmed(t, w.all)
		naive.failed(t)
		view, err := w.db.Rows(t.Context(), "test")
		require.NoError(t, err)
		require.Equal(t, 1, view.Outages)
	})
}

func TestOneServerLosesTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(5)
		lonely := servers[0]
		naive := w.control(servers...)
		lonely.path.SetBlackHole(true)
		time.Sleep(5 * time.Minute) // long enough for its row to be closed as silent
		require.True(t, w.everywhere(func(s *server) bool { return s.serves(lonely.url) }), "it answers, so it lives")
		for _, m := range servers[1].list.All() {
			require.Equal(t, m.Addresses.Eureka == lonely.url, m.Suspect)
		}
		unharmed(t, servers)
		lonely.path.SetBlackHole(false)
		w.within(6*time.Second, "it has a living row again", func() bool {
			view, err := w.db.Rows(t.Context(), "test")
			require.NoError(t, err)
			for _, r := range view.Rows {
				if r.ID == lonely.hb.Self().ID && r.Live && r.Phase == peerstore.PhaseServing {
					return true
				}
			}
			return false
		})
		time.Sleep(30 * time.Second)
		require.True(t, w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 5 && len(s.list.Peers()) == 4 }))
		view, err := w.db.Rows(t.Context(), "test")
		require.NoError(t, err)
		require.Zero(t, view.Outages, "it was not the database")
		unharmed(t, servers)
		naive.failed(t)
	})
}

func TestAllButOneLoseTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(5)
		for _, s := range servers[1:] {
			s.path.SetBlackHole(true)
		}
		a, b := servers[2], servers[3]
		w.mu.Lock()
		w.cut[[2]string{peerstore.BaseURL(a.url), peerstore.BaseURL(b.url)}] = true
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		require.False(t, a.serves(b.url))
		require.False(t, b.serves(a.url))
		require.True(t, a.lists(b.url))
		require.True(t, w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 5 }, a, b))
		unharmed(t, servers)
	})
}

func TestDeathDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(5)
		w.db.SetDown(true)
		time.Sleep(10 * time.Second)
		servers[4].kill()
		time.Sleep(15 * time.Second)
		w.db.SetDown(false)
		w.within(19*time.Second, "gone", func() bool {
			return w.everywhere(func(s *server) bool { return !s.lists(servers[4].url) })
		})
		unharmed(t, servers, servers[4].url)
	})
}

func TestTheLongDeadStayDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(5)
		dead := servers[4]
		dead.kill()
		time.Sleep(50 * time.Second) // not closed by anybody yet
		w.db.SetDown(true)
		time.Sleep(40 * time.Second)
		w.db.SetDown(false)
		fresh := w.start("fresh", "")
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			require.True(t, w.everywhere(func(s *server) bool { return !s.lists(dead.url) && !s.serves(dead.url) }))
		}
		require.True(t, w.everywhere(func(s *server) bool { return s.serves(fresh.url) }))
		unharmed(t, servers, dead.url)
	})
}

func TestFreshServerAfterAnOutageSeesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(5)
		w.db.SetDown(true)
		fresh := w.start("fresh", "")
		time.Sleep(5 * time.Minute)
		require.Empty(t, fresh.list.Peers())
		require.False(t, fresh.list.Settled(), "it knows nothing and says so")
		require.Equal(t, "nothing", fresh.list.Status().Source)
		w.db.SetDown(false)
		w.within(6*time.Second, "it finds all", func() bool { return len(fresh.list.Serving()) == 6 })
		time.Sleep(30 * time.Second)
		require.True(t, w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 6 }))
		unharmed(t, servers)
	})
}

func TestDatabaseClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{time.Minute, -time.Minute, time.Hour, -time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				servers := w.cluster(8)
				survivors := servers[:7]
				naive := w.control(survivors...)
				w.db.JumpClock(jump)
				if jump < 0 {
					// The control survives a jump back, but would keep the dead: see below.
					naive.stop()
				}
				time.Sleep(time.Second)
				servers[7].kill()
				w.within(26*time.Second, "a crash is seen", func() bool {
					return w.everywhere(func(s *server) bool { return !s.lists(servers[7].url) })
				})
				w.db.JumpClock(-jump)
				time.Sleep(time.Minute)
				unharmed(t, servers, servers[7].url)
				if jump > 0 {
					naive.failed(t)
				}
			})
		})
	}
}

func TestFailoverThatLostAJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(5)
		w.db.StopReplication()
		lost := w.start("lost", "")
		time.Sleep(5 * time.Second)
		lost.watchLists()
		naive := w.control(append(servers, lost)...)
		w.db.SetDown(true)
		time.Sleep(8 * time.Second)
		w.db.Failover()
		w.within(4*time.Second, "a row again", func() bool {
			view, err := w.db.Rows(t.Context(), "test")
			require.NoError(t, err)
			return len(view.Rows) == 6
		})
		time.Sleep(time.Minute)
		require.True(t, w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 6 && len(s.list.Peers()) == 5 }))
		unharmed(t, append(servers, lost))
		naive.failed(t)
	})
}

func TestFormerPrimaryIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zombie := peerstoretest.NewFake()
		w := newWorld(t)
		servers := w.cluster(3)
		w.db.Failover()
		time.Sleep(5 * time.Second)
		stale := w.start("stale", "", func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) {
			l.Store = &switched{Store: l.Store, other: zombie, after: time.Now().Add(10 * time.Second)}
		})
		time.Sleep(time.Minute)
		require.Contains(t, stale.list.Status().LastError, "former primary")
		require.Len(t, stale.list.Serving(), 4, "the last good list stays")
		unharmed(t, servers)
	})
}

func TestOperatorsMeddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(5)
		recovered := func() bool {
			view, err := w.db.Rows(t.Context(), "test")
			require.NoError(t, err)
			living := 0
			for _, r := range view.Rows {
				if r.Phase == peerstore.PhaseServing {
					living++
				}
			}
			return living == 5
		}
		w.db.Do(func(r *peerstoretest.Rows) { r.Delete(servers[0].hb.Self().ID) })
		w.within(4*time.Second, "registered again", recovered)
		w.db.Do(func(r *peerstoretest.Rows) {
			for _, id := range r.IDs() {
				r.Delete(id)
			}
		})
		w.within(4*time.Second, "all registered again", recovered)
		time.Sleep(30 * time.Second)
		require.True(t, w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 5 && len(s.list.Peers()) == 4 }))
		unharmed(t, servers)

		evicted := servers[1]
		require.NoError(t, w.db.SetPhase(t.Context(), evicted.hb.Self().ID, peerstore.PhaseEvicted, "an operator"))
		w.within(4*time.Second, "out", func() bool {
			return w.everywhere(func(s *server) bool { return !s.lists(evicted.url) && !s.serves(evicted.url) })
		})
		time.Sleep(9 * time.Minute)
		require.Equal(t, peerstore.PhaseEvicted, evicted.hb.Self().Phase)
		require.Positive(t, evicted.hb.Status().Quarantined)
		require.True(t, w.everywhere(func(s *server) bool { return !s.serves(evicted.url) }))
		w.within(2*time.Minute, "back after the quarantine", func() bool {
			return w.everywhere(func(s *server) bool { return s.serves(evicted.url) })
		})
	})
}

func TestAnotherClusterInTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(3)
		w.db.Do(func(r *peerstoretest.Rows) {
			r.NewUUID("test")
			for _, id := range r.IDs() {
				r.Delete(id)
			}
		})
		time.Sleep(5 * time.Minute)
		for _, s := range servers {
			require.Contains(t, s.list.Status().LastError, "another cluster")
			require.Contains(t, s.hb.Status().LastError, "another cluster")
			require.False(t, s.hb.Status().Registered)
			require.Len(t, s.list.Serving(), 3, "nothing changes until an operator decides")
		}
		unharmed(t, servers)
	})
}
