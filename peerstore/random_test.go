package peerstore_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

var (
	seeds = flag.Int("peerstore.seeds", 12, "how many random schedules TestRandomFaults plays")
	seed  = flag.Uint64("peerstore.seed", 0, "play this one schedule")
)

// TestRandomFaults plays random schedules of everything that can happen to the database, to the ways to it, and to servers. Three
// servers stay well themselves; whatever else happens, they must never lose each other. After a quiet time everybody's lists must
// be exactly the living servers.
func TestRandomFaults(t *testing.T) {
	first := rand.Uint64()
	for i := range uint64(*seeds) {
		number := first + i
		if *seed != 0 {
			number = *seed
		}
		ok := t.Run(fmt.Sprintf("seed %d", number), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playRandomFaults(t, rand.New(rand.NewPCG(number, 0))) })
		})
		if !ok || *seed != 0 {
			t.Logf("replay with -args -peerstore.seed=%d", number)
			return
		}
	}
}

func playRandomFaults(t *testing.T, random *rand.Rand) {
	w := newWorld(t)
	well := w.cluster(3)
	others := []*server{w.start("a", ""), w.start("b", ""), w.start("c", "")}
	check := func(what string) {
		t.Helper()
		for _, s := range well {
			for _, o := range well {
				require.True(t, s == o || s.lists(o.url), "%s: %s lost %s", what, s.name, o.name)
				require.True(t, s.serves(o.url), "%s: %s does not serve %s", what, s.name, o.name)
			}
		}
	}
	names := 0
	crash := func(i int, url string) (comeBack func()) {
		if others[i].dead { // by the first of two faults
			return func() {}
		}
		others[i].kill()
		return func() {
			names++
			others[i] = w.start(fmt.Sprintf("n%d", names), url)
		}
	}
	faults := []func(i int, d time.Duration) (what string, undo func()){
		func(int, time.Duration) (string, func()) {
			w.db.SetDown(true)
			return "database down", func() { w.db.SetDown(false) }
		},
		func(int, time.Duration) (string, func()) {
			w.db.SetFrozen(true)
			return "database frozen", func() { w.db.SetFrozen(false) }
		},
		func(int, time.Duration) (string, func()) {
			jump := time.Duration(random.Int64N(int64(4*time.Hour))) - 2*time.Hour
			w.db.JumpClock(jump)
			return fmt.Sprintf("clock jumped %v", jump), func() {}
		},
		func(int, time.Duration) (string, func()) {
			w.db.StopReplication()
			return "failover", func() {
				w.db.SetDown(true)
				time.Sleep(5 * time.Second)
				w.db.Failover()
			}
		},
		func(i int, _ time.Duration) (string, func()) {
			s := slices.Concat(well, others)[i]
			s.path.SetBlackHole(true)
			return s.name + " loses the database", func() { s.path.SetBlackHole(false) }
		},
		func(i int, _ time.Duration) (string, func()) {
			s := slices.Concat(well, others)[i]
			s.path.SetLatency(1500 * time.Millisecond)
			return s.name + " has a slow way", func() { s.path.SetLatency(0) }
		},
		func(i int, _ time.Duration) (string, func()) {
			s := slices.Concat(well, others)[i]
			s.path.LoseReplies(3)
			return s.name + " loses replies", func() {}
		},
		func(i int, _ time.Duration) (string, func()) {
			return others[i%3].name + " crashes and comes back elsewhere", crash(i%3, "")
		},
		func(i int, _ time.Duration) (string, func()) {
			return others[i%3].name + " crashes and comes back", crash(i%3, others[i%3].url)
		},
		func(i int, _ time.Duration) (string, func()) {
			others[i%3].freeze()
			return others[i%3].name + " is stopped", func() { others[i%3].thaw() }
		},
		func(i int, _ time.Duration) (string, func()) {
			pair := [2]string{peerstore.BaseURL(well[i%3].url), peerstore.BaseURL(others[i%3].url)}
			w.mu.Lock()
			w.cut[pair] = true
			w.mu.Unlock()
			return "a link is cut", func() { w.mu.Lock(); delete(w.cut, pair); w.mu.Unlock() }
		},
	}
	time.Sleep(10 * time.Second)
	for range 12 {
		i, length := random.IntN(6), time.Duration(random.Int64N(int64(40*time.Second)))
		what, undo := faults[random.IntN(len(faults))](i, length)
		second, undoSecond := "", func() {}
		if random.IntN(3) == 0 { // sometimes two at a time
			second, undoSecond = faults[random.IntN(len(faults))](random.IntN(6), length)
		}
		what = what + ", " + second
		t.Logf("%v: %s, for %v", time.Now().Format("15:04:05"), what, length)
		for end := time.Now().Add(length); time.Now().Before(end); {
			time.Sleep(200 * time.Millisecond)
			check(what)
		}
		undoSecond()
		undo()
		for end := time.Now().Add(time.Duration(random.Int64N(int64(30 * time.Second)))); time.Now().Before(end); {
			time.Sleep(200 * time.Millisecond)
			check("after " + what)
		}
	}
	w.db.SetDown(false)
	w.db.SetFrozen(false)
	time.Sleep(80 * time.Second) // a TTL, a grace, a ban on removals, steady for two TTLs
	for _, s := range slices.Concat(well, others) {
		require.Len(t, s.list.Peers(), 5, s.name)
		require.Len(t, s.list.Serving(), 6, s.name)
		require.True(t, s.hb.Status().Registered)
		for _, o := range slices.Concat(well, others) {
			require.True(t, s.serves(o.url), "%s does not serve %s", s.name, o.name)
		}
	}
}
