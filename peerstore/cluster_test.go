package peerstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func TestJoinAndLeaveAreSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cluster(8)
		for range 10 {
			s := w.start("new", "")
			w.within(250*time.Millisecond, "join", func() bool {
				return w.everywhere(func(o *server) bool { return o.lists(s.url) || o == s })
			})
			w.within(250*time.Millisecond, "served", func() bool {
				return w.everywhere(func(o *server) bool { return o.serves(s.url) })
			})
			s.stop()
			w.within(250*time.Millisecond, "leave", func() bool {
				return w.everywhere(func(o *server) bool { return !o.lists(s.url) && !o.serves(s.url) })
			})
		}
	})
}

func TestSimultaneousStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 50 {
			w.start(string(rune('a'+i/10))+string(rune('0'+i%10)), "")
		}
		w.within(5*time.Second, "all see all", func() bool {
			return w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 50 && len(s.list.Peers()) == 49 })
		})
	})
}

func TestLostRegisterReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 8 {
			s := w.start(string(rune('a'+i)), "")
			if i%2 == 0 {
				s.path.LoseReplies(2)
			}
		}
		time.Sleep(15 * time.Second)
		view, err := w.db.Rows(t.Context(), "test")
		require.NoError(t, err)
		require.Len(t, view.Rows, 8, "one row each")
		require.True(t, w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 8 }))
	})
}

func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(8)
		for i := range 20 {
			s := w.start("victim", "")
			time.Sleep(6*time.Second + time.Duration(i)*331*time.Millisecond)
			killed := time.Now()
			s.kill()
			w.within(3*time.Second, "out of served", func() bool {
				return w.everywhere(func(o *server) bool { return !o.serves(s.url) })
			})
			w.within(13*time.Second-time.Since(killed), "out of peers", func() bool {
				return w.everywhere(func(o *server) bool { return !o.lists(s.url) })
			})
			require.Greater(t, time.Since(killed), 6*time.Second)
		}
		for _, s := range servers {
			require.GreaterOrEqual(t, s.worst(), 8)
		}
	})
}

func TestWholeClusterReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old := w.cluster(8)
		for _, s := range old {
			s.kill()
		}
		for i := range 8 {
			w.start(string(rune('a'+i)), "")
		}
		w.within(5*time.Second, "new ones serve", func() bool {
			return w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 8 })
		})
		w.within(13*time.Second, "old ones gone", func() bool {
			return w.everywhere(func(s *server) bool { return len(s.list.Peers()) == 7 })
		})
	})
}

func TestRollingRestart(t *testing.T) {
	for name, sameURL := range map[string]bool{"same address": true, "new address": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				servers := w.cluster(5)
				for _, s := range servers {
					url := ""
					if sameURL {
						url = s.url
					}
					s.stop()
					next := w.start(s.name+"x", url)
					time.Sleep(2 * time.Second)
					for _, o := range w.all {
						if o.dead {
							continue
						}
						seen := make(map[string]bool)
						for _, p := range o.list.Serving() {
							require.False(t, seen[p.Addresses.Eureka], "one claimant per address")
							seen[p.Addresses.Eureka] = true
						}
						require.Len(t, seen, 5)
						require.True(t, o.serves(next.url))
					}
				}
			})
		})
	}
}

func TestPausedServer(t *testing.T) {
	for _, pause := range []time.Duration{8 * time.Second, 15 * time.Second, time.Minute, 10 * time.Minute} {
		t.Run(pause.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				servers := w.cluster(5)
				paused := servers[2]
				paused.freeze()
				w.within(5*time.Second, "out of served", func() bool {
					return w.everywhere(func(o *server) bool { return !o.serves(paused.url) }, paused)
				})
				time.Sleep(pause - 5*time.Second)
				still := w.everywhere(func(o *server) bool { return o.lists(paused.url) }, paused)
				require.Equal(t, pause < 10*time.Second, still, "below the TTL it stays a peer")
				paused.thaw()
				w.within(3*time.Second, "back", func() bool {
					return w.everywhere(func(o *server) bool { return o.serves(paused.url) })
				})
				time.Sleep(20 * time.Second)
				require.Empty(t, paused.removals(), "on waking it removes nobody")
			})
		})
	}
}

func TestMassPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(8)
		awake, asleep := servers[:3], servers[3:]
		for _, s := range asleep {
			s.freeze()
		}
		w.within(5*time.Second, "out of served", func() bool {
			return w.everywhere(func(o *server) bool { return len(o.list.Serving()) == 3 }, asleep...)
		})
		time.Sleep(25 * time.Second)
		for _, s := range awake {
			require.Len(t, s.list.Peers(), 7, "held: the network is the suspect")
			require.NotEmpty(t, s.list.Status().Holding)
		}
		for _, s := range asleep {
			s.thaw()
		}
		w.within(3*time.Second, "back", func() bool {
			return w.everywhere(func(o *server) bool { return len(o.list.Serving()) == 8 })
		})
		for _, s := range servers {
			require.Positive(t, s.worst())
			require.Empty(t, s.removals())
		}
	})
}

func TestServersOfOneZoneCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(8)
		for _, s := range servers[3:] {
			s.kill()
		}
		w.within(3*time.Second, "out of served", func() bool {
			return w.everywhere(func(o *server) bool { return len(o.list.Serving()) == 3 })
		})
		w.within(10*time.Second, "out of peers", func() bool {
			return w.everywhere(func(o *server) bool { return len(o.list.Peers()) == 2 })
		})
	})
}

func TestSameAddressTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(3)
		first := servers[0]
		second := w.start("twin", first.url)
		w.mu.Lock()
		w.byBase[peerstore.BaseURL(first.url)] = first // the address leads to the first one
		w.mu.Unlock()
		time.Sleep(30 * time.Second)
		require.Equal(t, peerstore.PhaseServing, first.hb.Self().Phase)
		require.Equal(t, peerstore.PhaseSuperseded, second.hb.Self().Phase, "the loser is not ready")
		require.True(t, second.hb.Status().DuplicateURL)
		for range 600 {
			time.Sleep(time.Second)
			n := 0
			for _, p := range servers[1].list.Serving() {
				if p.Addresses.Eureka == first.url {
					n++
				}
			}
			require.Equal(t, 1, n)
		}
		view, err := w.db.Rows(t.Context(), "test")
		require.NoError(t, err)
		superseded := 0
		for _, r := range view.Rows {
			if r.Phase == peerstore.PhaseSuperseded {
				superseded++
			}
		}
		require.Less(t, superseded, 5, "no ping-pong")
	})
}
