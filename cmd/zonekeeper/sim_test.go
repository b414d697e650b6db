package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/replication"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// TestSimulation lets a cluster of five Apps, twenty-four Eureka clients and six RocketMQ brokers live through at least thirty faults in ten virtual minutes, then
// seven quiet ones, and finds no promise broken. ZONEKEEPER_SIM_SEEDS=N runs N seeds; ZONEKEEPER_SIM_SEED=N replays one,
// with the servers' log.
func TestSimulation(t *testing.T) {
	if one := os.Getenv("ZONEKEEPER_SIM_SEED"); one != "" {
		seed, err := strconv.ParseUint(one, 10, 64)
		require.NoError(t, err, "ZONEKEEPER_SIM_SEED")
		w := simulate(t, seed, Faults{}, os.Stderr)
		require.Empty(t, w.fails)
		return
	}
	seeds := 3
	if n := os.Getenv("ZONEKEEPER_SIM_SEEDS"); n != "" {
		var err error
		seeds, err = strconv.Atoi(n)
		require.NoError(t, err, "ZONEKEEPER_SIM_SEEDS")
	}
	first := uint64(time.Now().UnixNano() % 1_000_000_000)
	for i := range seeds {
		seed := first + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel() // outside the bubble; each seed has a world of its own
			w := simulate(t, seed, Faults{}, io.Discard)
			t.Logf("seed %d: %d faults, %v", seed, w.faultsDid, w.counts)
			require.GreaterOrEqual(t, w.faultsDid, 30)
			require.Empty(t, w.fails, "replay with ZONEKEEPER_SIM_SEED=%d", seed)
		})
	}
}

func simulate(t *testing.T, seed uint64, faults Faults, log io.Writer) *simWorld {
	var w *simWorld
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w = newSimWorld(t, seed, 5, 24, faults, dir, simLog(log))
		w.begin()
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); {
			w.live(time.Duration(w.rand.Int64N(int64(20 * time.Second))))
			w.chaos()
			w.brokerChaos()
		}
		w.settle()
	})
	return w
}

// simLog is the servers' log with virtual times.
func simLog(out io.Writer) slog.Handler {
	if out == io.Discard {
		return slog.DiscardHandler
	}
	return slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})
}

// begin starts all servers within three seconds and the clients within a beat.
func (w *simWorld) begin() {
	for i := range w.slots {
		w.Start(i, false)
		w.live(time.Duration(w.rand.IntN(600)) * time.Millisecond)
	}
	for _, c := range w.clients {
		d := time.Duration(w.rand.Int64N(int64(simBeat)))
		w.group.Go(func() {
			if sleep(w.ctx, d) {
				c.Launch()
			}
		})
	}
	for _, b := range w.brokers {
		b.Start()
	}
	w.live(30 * time.Second)
}

// live lets time pass, with a look at everything each second.
func (w *simWorld) live(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		sleep(w.ctx, min(time.Second, time.Until(end)))
		w.check()
	}
}

// settle heals everything, lets quiet pass, compares, and ends all.
func (w *simWorld) settle() {
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	w.live(130 * time.Second) // every fault under way ends by itself
	w.net.Heal()
	w.mu.Lock()
	clear(w.apart)
	w.mu.Unlock()
	for i, s := range w.slots {
		if s == nil || !s.running() {
			if s != nil {
				<-s.done
			}
			w.Start(i, false)
		}
	}
	w.live(300 * time.Second)
	w.final()
	w.finalRoutes()
	w.end()
}

func (w *simWorld) end() {
	for _, s := range w.standing() {
		close(s.hurry)
	}
	w.stop()
	w.group.Wait()
	for _, c := range w.clients {
		c.http.CloseIdleConnections()
	}
}

// TestPlantedBugs breaks one rule at a time and shows that the simulation notices. Each has a world in which the rule matters.
func TestPlantedBugs(t *testing.T) {
	for _, bug := range []struct {
		name   string
		faults Faults
		notice []string // any of these
		story  func(w *simWorld)
	}{
		{
			"no grace after an outage", Faults{List: peerstore.Faults{NoGrace: true}},
			[]string{"living server unseen by a newcomer"},
			func(w *simWorld) {
				// The database comes back to one server first, which declares the outage. A fresh server reads the rows of the others,
				// all old, and its packets to them are lost: without grace it takes them for dead, and itself for complete without them.
				w.slots[3].Crash()
				w.live(20 * time.Second)
				w.db.SetDown(true)
				w.live(40 * time.Second)
				away := w.slots[1:3]
				for _, s := range away {
					s.path.SetCut(true)
				}
				w.db.SetDown(false)
				w.live(4 * time.Second)
				fresh := w.Start(3, false)
				for _, s := range away {
					w.cut(fresh, s, true, true)
				}
				w.live(4 * time.Second)
				for _, s := range away {
					w.expectListed(fresh, s)
					s.path.SetCut(false)
					w.cut(fresh, s, true, false)
				}
			},
		},
		{
			"no tombstones", Faults{Registry: registry.Faults{NoTombstone: true}},
			[]string{"cancelled instance still there", "cancelled instance back", "visible is not alive"},
			func(w *simWorld) {
				for _, s := range w.slots[1:] {
					w.cut(w.slots[0], s, true, true)
				}
				w.live(time.Second)
				for _, c := range w.clients[:8] {
					c.Cancel()
				}
				w.live(5 * time.Second)
				for _, s := range w.slots[1:] {
					w.cut(w.slots[0], s, true, false)
				}
				w.live(70 * time.Second)
			},
		},
		{
			"unordered queue", Faults{Replication: replication.Faults{Unordered: true}},
			[]string{"live lease lost", "renewals do not arrive", "renewing client not visible though all is well"},
			func(w *simWorld) { w.live(6 * time.Minute) },
		},
		{
			"eviction while deaf", Faults{Registry: registry.Faults{DeafEviction: true}},
			[]string{"live lease lost"},
			func(w *simWorld) {
				for _, s := range w.slots[1:] {
					w.cut(w.slots[0], s, true, true)
				}
				w.live(3 * time.Minute)
				for _, s := range w.slots[1:] {
					w.cut(w.slots[0], s, true, false)
				}
			},
		},
		{
			"no rule for pauses", Faults{Registry: registry.Faults{NoPauseRule: true}, List: peerstore.Faults{NoPauseRule: true}},
			[]string{"live client sent away"},
			func(w *simWorld) {
				// All servers stop at once, as when the machine below them is moved: every lease is over when they wake.
				before := w.counts["renewals answered 404"]
				for _, s := range w.slots {
					s.Pause(2 * time.Minute)
				}
				w.live(3 * time.Minute)
				if n := w.counts["renewals answered 404"] - before; n > 0 {
					w.fail("live client sent away", "%d renewals answered 404", n)
				}
			},
		},
		{
			"news of routes that get lost", Faults{RouteSharing: replication.RouteFaults{Lossy: true, Trusting: true}},
			[]string{"live broker missing though all is well", "routes differ", "dead broker kept though its connections closed"},
			func(w *simWorld) {
				// Brokers that reach one name server only are known to the others by its word alone.
				for _, b := range w.brokers {
					b.Crash()
					for _, s := range w.slots[1:] {
						w.separate(b.host, s.namesrv(), true)
					}
				}
				w.live(5 * time.Second)
				for _, b := range w.brokers {
					b.Start()
				}
				w.live(time.Minute)
				for _, b := range w.brokers[:3] {
					b.Crash()
				}
				w.live(time.Minute)
			},
		},
		{
			"the word of a dead name server against all others", Faults{Routes: routeinfo.Faults{KeepUnheard: true}},
			[]string{"dead broker kept though its connections closed"},
			func(w *simWorld) {
				w.slots[0].Crash()
				w.brokers[0].Crash()
				w.live(time.Minute)
			},
		},
	} {
		t.Run(bug.name, func(t *testing.T) {
			run := func(faults Faults) map[string]string {
				var w *simWorld
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					w = newSimWorld(t, 7, 4, 24, faults, dir, simLog(io.Discard))
					w.begin()
					w.live(time.Minute)
					bug.story(w)
					w.settle()
				})
				return w.fails
			}
			require.Empty(t, run(Faults{}), "the same story without the bug")
			fails := run(bug.faults)
			noticed := false
			for _, what := range bug.notice {
				_, ok := fails[what]
				noticed = noticed || ok
			}
			require.True(t, noticed, "the bug went unnoticed: %v", fails)
		})
	}
}

// expectListed: a newcomer must see a server that lives but has not got back to the database yet.
func (w *simWorld) expectListed(by, living *simServer) {
	for _, p := range by.app.list.Peers() {
		if p.Addresses.Eureka == "http://"+living.addr+"/eureka/" {
			return
		}
	}
	w.fail("living server unseen by a newcomer", "%s does not list %s", by.addr, living.addr)
}
