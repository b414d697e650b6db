package replication

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// What a broker tells one server is on all of them at once, whatever it is.
func TestBrokerOfOneServerIsCompleteOnAll(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		b := w.newBroker("broker-a", 0, "Orders", "Payments")
		slave := w.newBroker("broker-a", 1, "Orders", "Payments")
		b.register(s[0])
		slave.register(s[1])
		took := w.soon(time.Second, "everywhere", func() bool {
			return b.everywhere("Orders") && b.everywhere("Payments") && slave.everywhere("Orders") && w.agreed()
		})
		require.Less(t, took, 50*time.Millisecond, "news leaves at once")
		first, _ := s[0].table.Route([]byte("Orders"), remoting.Bare)
		for _, other := range s[1:] {
			body, _ := other.table.Route([]byte("Orders"), remoting.Bare)
			require.Equal(t, string(first), string(body))
			require.Equal(t, string(s[0].table.ClusterInfo()), string(other.table.ClusterInfo()))
		}

		b.change("Orders", "Payments", "Refunds")
		b.register(s[0])
		w.soon(time.Second, "the new topic is everywhere", func() bool { return b.everywhere("Refunds") && w.agreed() })

		b.disconnect(s[0])
		took = w.soon(time.Second, "gone everywhere", func() bool { return b.nowhere("Orders") && w.agreed() })
		require.Less(t, took, 50*time.Millisecond)
		w.soon(10*time.Second, "everybody knows that all agree", w.knownToAgree)
	})
}

// Whoever hears a broker keeps it alive for all; when it falls silent, it goes everywhere when its timeout is over.
func TestRenewalsTravel(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		b := w.newBroker("broker-a", 0, "Orders")
		b.register(s[1])
		for range 20 {
			time.Sleep(30 * time.Second)
			require.True(t, b.everywhere("Orders"))
			b.register(s[1])
		}
		time.Sleep(119 * time.Second)
		require.True(t, b.everywhere("Orders"))
		w.soon(8*time.Second, "expired everywhere", func() bool { return b.nowhere("Orders") })
		require.True(t, w.agreed())
	})
}

// A broker with connections to all is gone on all when it dies, and stays while one connection is left.
func TestKilledBrokerIsGoneAtOnce(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		b, other := w.newBroker("broker-a", 0, "Orders"), w.newBroker("broker-b", 0, "Orders")
		b.register(s...)
		other.register(s...)
		time.Sleep(time.Second)
		b.disconnect(s[0])
		b.disconnect(s[1])
		time.Sleep(time.Second)
		require.True(t, b.everywhere("Orders"), "one server still holds it")
		b.disconnect(s[2])
		took := w.soon(time.Second, "gone", func() bool { return b.nowhere("Orders") })
		require.Less(t, took, 50*time.Millisecond)
		require.True(t, other.everywhere("Orders"))
		require.True(t, w.agreed())
	})
}

func TestServerThatCrashes(t *testing.T) {
	t.Run("its brokers stay for their time", func(t *testing.T) {
		inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
			b := w.newBroker("broker-a", 0, "Orders")
			b.register(s[0])
			time.Sleep(10 * time.Second)
			w.crash(s[0], 13*time.Second)
			time.Sleep(90 * time.Second) // 113 s since it was heard
			require.True(t, b.everywhere("Orders"))
			w.soon(15*time.Second, "expired", func() bool { return b.nowhere("Orders") })
			require.True(t, w.agreed())
		})
	})
	t.Run("its brokers come to another server", func(t *testing.T) {
		inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
			b := w.newBroker("broker-a", 0, "Orders")
			b.register(s[0])
			time.Sleep(time.Second)
			w.crash(s[0], 13*time.Second)
			time.Sleep(30 * time.Second)
			b.register(s[2])
			time.Sleep(time.Second)
			b.kill()
			w.soon(100*time.Millisecond, "the word of the dead server is worth nothing", func() bool { return b.nowhere("Orders") })
			require.True(t, w.agreed())
		})
	})
	t.Run("and a broker dies after it", func(t *testing.T) {
		inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
			b := w.newBroker("broker-a", 0, "Orders")
			b.register(s...)
			time.Sleep(40 * time.Second)
			b.register(s...)
			time.Sleep(20 * time.Second)
			w.crash(s[0], 0)
			time.Sleep(100 * time.Millisecond)
			b.kill()
			w.soon(100*time.Millisecond, "gone on the others", func() bool { return b.nowhere("Orders") })
			require.True(t, w.agreed())
		})
	})
	t.Run("and a broker dies with it", func(t *testing.T) {
		inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
			b := w.newBroker("broker-a", 0, "Orders")
			b.register(s...)
			time.Sleep(20 * time.Second)
			b.disconnect(s[1], s[2])
			b.disconnect(s[0]) // nobody is told of this any more: it ends in the same moment
			w.crash(s[0], 0)
			w.soon(time.Second, "gone on the others", func() bool { return b.nowhere("Orders") })
			require.True(t, w.agreed())
		})
	})
}

// A server that comes back is another source: what its predecessor said goes when brokers talk to it, or in time.
func TestServerThatRestarts(t *testing.T) {
	inRouteWorld(t, 2, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		b, lost := w.newBroker("broker-a", 0, "Orders"), w.newBroker("broker-b", 0, "Refunds")
		b.register(s[0])
		lost.register(s[0])
		time.Sleep(time.Second)
		w.crash(s[0], 0)
		again := w.startServer("a")
		w.soon(time.Second, "it has from the other what it had told it", func() bool {
			return b.everywhere("Orders") && lost.everywhere("Refunds") && w.agreed()
		})
		delete(b.conns, s[0])
		b.register(again)
		time.Sleep(100 * time.Second)
		b.register(again)
		w.soon(25*time.Second, "who did not come back has expired everywhere", func() bool { return lost.nowhere("Refunds") })
		require.True(t, b.everywhere("Orders"))
		require.True(t, w.agreed())
	})
}

func TestPartitionHeals(t *testing.T) {
	for name, both := range map[string]bool{"one direction": false, "both directions": true} {
		t.Run(name, func(t *testing.T) {
			inRouteWorld(t, 2, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
				a, b := w.newBroker("broker-a", 0, "Orders"), w.newBroker("broker-b", 0, "Orders")
				dies := w.newBroker("broker-c", 0, "Orders")
				a.register(s[0])
				b.register(s[1])
				dies.register(s[0])
				w.soon(time.Second, "agreed", func() bool { return a.everywhere("Orders") && b.everywhere("Orders") && w.agreed() })
				w.setCut("a", "b", true)
				w.setCut("b", "a", both)
				time.Sleep(20 * time.Second)
				require.False(t, s[0].routes.Status()[0].Heard && s[1].routes.Status()[0].Heard)
				dies.disconnect(s[0])
				b.change("Orders", "Late")
				b.register(s[1])
				a.register(s[0])
				time.Sleep(20 * time.Second)
				require.True(t, a.everywhere("Orders"))
				w.setCut("a", "b", false)
				w.setCut("b", "a", false)
				took := w.soon(5*time.Second, "agreed", func() bool { return b.everywhere("Late") && dies.nowhere("Orders") && w.agreed() })
				t.Logf("equal %v after healing", took)
				w.soon(6*time.Second, "known to agree", w.knownToAgree)
			})
		})
	}
}

// Two servers that cannot talk to each other still know through a third what brokers say, for as long as that lasts.
func TestThirdServerRelays(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		b := w.newBroker("broker-a", 0, "Orders")
		b.register(s[0])
		time.Sleep(time.Second)
		for _, link := range [][2]string{{"a", "c"}, {"c", "a"}} {
			w.setCut(link[0], link[1], true)
		}
		late := w.newBroker("broker-b", 0, "Late")
		time.Sleep(20 * time.Second)
		late.register(s[0])
		w.soon(45*time.Second, "what was registered after the cut", func() bool { return late.everywhere("Late") })
		for range 40 {
			b.register(s[0])
			late.register(s[0])
			time.Sleep(15 * time.Second)
			require.True(t, b.everywhere("Orders"))
			require.True(t, late.everywhere("Late"))
		}
		for _, link := range [][2]string{{"a", "c"}, {"c", "a"}} {
			w.setCut(link[0], link[1], false)
		}
		w.soon(5*time.Second, "agreed", w.agreed)
		late.kill()
		w.soon(time.Second, "gone", func() bool { return late.nowhere("Late") })
	})
}

// A joiner copies everything, with what the others have from a server that has died, for the time that is left.
func TestJoinerCopiesEverything(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		var brokers []*simBroker
		for i := range 30 {
			var topics []string
			for j := range 2000 {
				topics = append(topics, fmt.Sprintf("topic-with-a-name-of-usual-length-%d", (i*100+j)%5000))
			}
			b := w.newBroker(fmt.Sprintf("broker-%d", i), 0, topics...)
			b.register(s[i%2])
			brokers = append(brokers, b)
		}
		orphan := w.newBroker("orphan", 0, "Orphaned")
		orphan.register(s[2])
		time.Sleep(60 * time.Second)
		for i, b := range brokers {
			b.register(s[i%2])
		}
		w.crash(s[2], 13*time.Second)
		joiner := w.startServer("d")
		require.False(t, joiner.routes.Copied())
		took := w.soon(5*time.Second, "copied", joiner.routes.Copied)
		t.Logf("copied 60,000 topics after %v", took)
		require.EqualValues(t, 2, joiner.routes.totals.Copies.Load(), "one of each server")
		require.EqualValues(t, 32, joiner.routes.totals.Received.Load(), "what it hears itself nobody passes on")
		require.True(t, w.agreed())
		require.Equal(t, 31, joiner.table.Stats().Brokers)
		require.True(t, orphan.routed(joiner, "Orphaned"))
		require.False(t, orphan.nowhere("Orphaned"))
		w.soon(60*time.Second, "the time that was left is over", func() bool { return orphan.nowhere("Orphaned") })
		require.True(t, w.agreed())
	})
}

// A joiner that finds a listed server dead has what that one said from another one, at once.
func TestJoinerBesideADeadServer(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		orphan := w.newBroker("orphan", 0, "Orphaned")
		orphan.register(s[2])
		time.Sleep(time.Second)
		go w.crash(s[2], 13*time.Second)
		time.Sleep(time.Second)
		joiner := w.startServer("d")
		w.soon(500*time.Millisecond, "passed on", func() bool { return orphan.routed(joiner, "Orphaned") })
		require.False(t, joiner.routes.Copied(), "the list has it that the third one can be reached")
		time.Sleep(13 * time.Second)
		require.True(t, joiner.routes.Copied())
		require.True(t, w.agreed())
	})
}

// Whose name server has left the list is not asked any more, although its process goes on.
func TestOnlyNameServersAreAsked(t *testing.T) {
	inRouteWorld(t, 2, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		b := w.newBroker("broker-a", 0, "Orders")
		b.register(s[0])
		time.Sleep(time.Second)
		for _, phase := range []peerstore.Phase{peerstore.PhaseDraining, peerstore.PhaseLeft} {
			w.setPhase(s[0], phase)
			time.Sleep(100 * time.Millisecond)
			if phase == peerstore.PhaseDraining {
				require.Equal(t, phase, s[1].routes.Status()[0].Phase)
				require.True(t, s[1].routes.Status()[0].Heard)
			}
		}
		require.Empty(t, s[1].routes.Status())
		require.True(t, s[1].routes.Copied(), "there is nobody to copy from")
		require.True(t, b.routed(s[1], "Orders"))
		w.soon(125*time.Second, "expired", func() bool { return !b.routed(s[1], "Orders") })
	})
}

// See TestSyncedIsOfTheListOfNow.
func TestCopiedIsOfTheListOfNow(t *testing.T) {
	inRouteWorld(t, 1, nil, func(t *testing.T, _ *routeWorld, s []*nameServer) {
		time.Sleep(time.Second)
		synctest.Wait()
		r := s[0].routes
		require.True(t, r.Copied(), "alone")
		for phase, copied := range map[peerstore.Phase]bool{peerstore.PhaseServing: false, peerstore.PhaseLeft: true} {
			r.cfg.Peers = func() []peerstore.Peer { return []peerstore.Peer{{ID: "b", NamesrvPhase: phase}} }
			require.Equal(t, copied, r.Copied(), phase)
		}
	})
}

// What is lost on the way, which nothing should ever be, is noticed by its digest and copied.
func TestLostNewsIsMended(t *testing.T) {
	lossy := func(c *RoutesConfig) { c.Faults.Lossy = true }
	run := func(options func(*RoutesConfig)) (mended bool) {
		inRouteWorld(t, 2, options, func(t *testing.T, w *routeWorld, s []*nameServer) {
			for i := range 20 {
				w.newBroker(fmt.Sprintf("broker-%d", i), 0, "Orders").register(s[0])
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond)
			require.False(t, w.agreed(), "half of it is lost")
			time.Sleep(16 * time.Second)
			mended = w.agreed()
			require.Equal(t, mended, s[1].routes.Status()[0].Agrees)
		})
		return mended
	}
	require.True(t, run(lossy))
	require.False(t, run(func(c *RoutesConfig) { lossy(c); c.Faults.Trusting = true }))
}

// A server that shuts down answers those who wait before it closes, and is not asked in a circle afterwards.
func TestStopWaiting(t *testing.T) {
	var calls atomic.Int64
	count := func(c *RoutesConfig) {
		way := c.Transport
		c.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
			calls.Add(1)
			return way.RoundTrip(req)
		})
	}
	inRouteWorld(t, 1, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		w.options = count
		w.startServer("b")
		time.Sleep(time.Minute)
		require.Equal(t, 1, s[0].routes.polls.len())
		require.Less(t, calls.Load(), int64(20), "an idle poll costs a call every 5 s")
		calls.Store(0)
		s[0].routes.StopWaiting()
		time.Sleep(10 * time.Second)
		require.Zero(t, s[0].routes.polls.len())
		require.InDelta(t, 40, calls.Load(), 14)
		b := w.newBroker("broker-a", 0, "Orders")
		b.register(s[0])
		w.soon(time.Second, "news still comes", func() bool { return b.everywhere("Orders") })
	})
}
