package registry

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// losses makes n losses of each application named.
func losses(n int, zone string, subnet uint64, via int64, apps ...string) (list []loss) {
	for _, app := range apps {
		for range n {
			list = append(list, loss{app: app, zone: zone, subnet: subnet, via: via})
		}
	}
	return list
}

// The arithmetic of self-preservation. Every instance renews twice a minute.
func TestSurveyJudges(t *testing.T) {
	const net = 1<<32 | 10<<16 | 0<<8 | 7
	for _, row := range []struct {
		name            string
		leases          int
		lost            []loss
		groups          map[scope]int
		missing, listed int
		want            string
	}{
		{"nobody", 0, nil, nil, 0, 0, ""},
		{"nothing missing", 100, nil, nil, 0, 0, ""},
		{"a laptop with two services", 2, losses(1, "z", net, 0, "A", "B"), map[scope]int{{kind: oneZone, zone: "z"}: 2, {kind: oneSubnet, number: net}: 2, {kind: oneServer}: 2}, 0, 0, ""},
		{"one of one", 1, losses(1, "", 0, 0, "A"), nil, 0, 0, ""},
		{"one application scales down", 100, losses(60, "", 0, 0, "A"), nil, 0, 0, ""},
		{"one application leaves a zone of its own", 100, losses(60, "z", 0, 0, "A"), map[scope]int{{kind: oneZone, zone: "z"}: 60}, 0, 0, ""},
		{"15 % is not more than 15 %", 100, losses(5, "", 0, 0, "A", "B", "C"), nil, 0, 0, ""},
		{"16 % in three applications", 100, append(losses(5, "", 0, 0, "A", "B", "C"), losses(1, "", 0, 0, "A")...), nil, 0, 0, "in 3 applications and 16 instances at once"},
		{"four instances are few", 10, append(losses(1, "", 0, 0, "A", "B", "C"), losses(1, "", 0, 0, "C")...), nil, 0, 0, ""},
		{"five are not", 10, append(losses(1, "", 0, 0, "A", "B", "C"), losses(2, "", 0, 0, "C")...), nil, 0, 0, "in 3 applications and 5 instances at once"},
		{"two applications", 20, losses(5, "", 0, 0, "A", "B"), nil, 0, 0, ""},
		{"a whole zone", 20, losses(2, "b", 0, 0, "A", "B"), map[scope]int{{kind: oneZone, zone: "b"}: 4}, 0, 0, "all 4 instances of zone b"},
		{"not the whole zone", 20, losses(2, "b", 0, 0, "A", "B"), map[scope]int{{kind: oneZone, zone: "b"}: 5}, 0, 0, ""},
		{"no zone is no zone", 20, losses(2, "", 0, 0, "A", "B"), map[scope]int{{kind: oneZone}: 4}, 0, 0, ""},
		{"a whole subnet", 20, losses(2, "", net, 0, "A", "B"), map[scope]int{{kind: oneSubnet, number: net}: 4}, 0, 0, "all 4 instances of subnet 10.0.7.0/24"},
		{"a whole subnet of IPv6", 20, losses(2, "", 0x20010db800010002, 0, "A", "B"), map[scope]int{{kind: oneSubnet, number: 0x20010db800010002}: 4}, 0, 0, "all 4 instances of subnet 2001:db8:1:2::/64"},
		{"all renewed at one server", 20, losses(2, "", 0, 9, "A", "B"), map[scope]int{{kind: oneServer, number: 9}: 4}, 0, 0, "all 4 instances of those renewed at server 9"},
		{"two are few for a group", 10, losses(1, "b", 0, 0, "A", "B"), map[scope]int{{kind: oneZone, zone: "b"}: 2}, 0, 0, ""},
		{"most servers unreachable", 10, losses(2, "", 0, 0, "A"), nil, 2, 3, "and 2 of 3 other servers cannot be reached"},
		{"half the servers unreachable", 10, losses(2, "", 0, 0, "A"), nil, 1, 2, ""},
		{"servers unreachable, nothing missing", 10, nil, nil, 3, 3, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := survey{
				expected: 2 * float64(row.leases), missing: 2 * float64(len(row.lost)), lost: row.lost, groups: row.groups,
				leases: row.leases, missingPeers: row.missing, listedPeers: row.listed,
			}
			scope, reason := s.judge()
			require.Contains(t, reason, row.want)
			require.Equal(t, row.want == "", reason == "")
			for _, l := range row.lost {
				require.True(t, row.want == "" || scope.covers(l))
			}
			if scope.kind != everything {
				require.False(t, scope.covers(loss{app: "A", zone: "other", subnet: 5, via: 5}))
			}
		})
	}
}

func TestMissed(t *testing.T) {
	for _, row := range []struct {
		name              string
		age, interval     time.Duration
		over              bool
		expected, missing float64
		lost              bool
	}{
		{"just renewed", 0, 30 * time.Second, false, 2, 0, false},
		{"on time", 30 * time.Second, 30 * time.Second, false, 2, 0, false},
		{"travelling", 35 * time.Second, 30 * time.Second, false, 2, 0, false},
		{"late", 45 * time.Second, 30 * time.Second, false, 2, 1.5, false},
		{"a minute late", 60 * time.Second, 30 * time.Second, false, 2, 2, true},
		{"over", 3 * time.Second, time.Second, true, 60, 60, true},
		{"rare renewals", 100 * time.Second, 2 * time.Minute, false, 0.5, 0, false},
		{"rare renewals, late", 126 * time.Second, 2 * time.Minute, false, 0.5, 0.5, true},
		{"no interval", 10 * time.Second, 0, false, 60, 10, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			expected, missing, lost := missed(row.age, row.interval, row.over)
			require.InDelta(t, row.expected, expected, 1e-9)
			require.InDelta(t, row.missing, missing, 1e-9)
			require.Equal(t, row.lost, lost)
		})
	}
}

// fleet registers 10 instances of each of 4 applications, half of them in zone b.
func fleet(f *fixture) {
	for app := range 4 {
		for i := range 10 {
			in := sample(fmt.Sprintf("%d-%d", app, i), inApp(fmt.Sprintf("APP%d", app)))
			in.IPAddr = fmt.Sprintf("10.0.%d.%d", i/5, app)
			in.Metadata = in.Metadata.Set("zone", string(rune('a'+i/5)))
			f.register(in)
		}
	}
}

// beat lets half a minute pass, at the end of which those renew that alive says.
func beat(f *fixture, alive func(app, i int) bool) {
	f.forward(30 * time.Second)
	for app := range 4 {
		for i := range 10 {
			if alive(app, i) {
				f.Renew(Key{fmt.Sprintf("APP%d", app), fmt.Sprintf("%d-%d", app, i)}, Renewal{}, FromClient)
			}
		}
	}
	f.Evict(f.now())
}

func logged(to *bytes.Buffer) func(*Config) {
	return func(c *Config) { c.Log = slog.New(slog.NewTextHandler(to, nil)) }
}

func TestPreservesOurOwnFault(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, logged(&log))
	fleet(f)
	deaf := func(app, i int) bool { return i < 3 }
	for range 5 {
		beat(f, deaf)
	}
	p := f.Preservation()
	require.True(t, p.Active)
	require.Equal(t, "Keeping 28 instances whose leases are over: 70% of the renewals expected in the last 60 s are missing, in 4 applications and 28 instances at once; until they return, or an operator ends it, at the latest 12:31:30 UTC.", p.Sentence)
	require.Equal(t, 28, p.Kept)
	require.InDelta(t, 80, p.Expected, 0.01)
	require.InDelta(t, 24, p.Actual, 0.01)
	require.Equal(t, 40, f.Stats().Instances)
	f.get(Key{"APP0", "0-9"}) // shown while kept

	beat(f, func(int, int) bool { return true })
	require.False(t, f.Preservation().Active)
	require.Equal(t, 40, f.Stats().Instances, "all came back")
	require.Equal(t, 1, strings.Count(log.String(), "Keeping 28 instances"), "said once: %s", log.String())
	require.Contains(t, log.String(), "renewals returned")
}

func TestPreservationEnds(t *testing.T) {
	deaf := func(app, i int) bool { return i < 3 }
	t.Run("at its bound", func(t *testing.T) {
		f := newFixture(t)
		fleet(f)
		for range 62 {
			beat(f, deaf)
			require.Equal(t, 40, f.Stats().Instances)
		}
		beat(f, deaf)
		beat(f, deaf)
		require.False(t, f.Preservation().Active)
		for range 3 {
			beat(f, deaf)
		}
		require.Equal(t, 12, f.Stats().Instances)

		// New losses are judged anew.
		for range 3 {
			beat(f, func(app, i int) bool { return false })
		}
		require.True(t, f.Preservation().Active)
		require.Equal(t, 12, f.Stats().Instances)
	})
	t.Run("at an operator's word", func(t *testing.T) {
		f := newFixture(t)
		fleet(f)
		for range 4 {
			beat(f, deaf)
		}
		require.True(t, f.Preservation().Active)
		f.EndPreservation()
		require.False(t, f.Preservation().Active)
		beat(f, deaf)
		beat(f, deaf)
		require.Equal(t, 12, f.Stats().Instances)
	})
	t.Run("never, without a bound", func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.PreservationBound = -1 })
		fleet(f)
		for range 200 {
			beat(f, deaf)
		}
		require.Equal(t, 40, f.Stats().Instances)
		require.NotContains(t, f.Preservation().Sentence, "at the latest")
	})
}

func TestDoesNotPreserve(t *testing.T) {
	for name, alive := range map[string]func(app, i int) bool{
		"one application scaling down": func(app, i int) bool { return app != 2 },
		"few":                          func(app, i int) bool { return i != 3 },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			fleet(f)
			for range 5 {
				beat(f, alive)
			}
			require.False(t, f.Preservation().Active)
			left := 0
			for app := range 4 {
				for i := range 10 {
					if alive(app, i) {
						left++
					}
				}
			}
			require.Equal(t, left, f.Stats().Instances)
		})
	}
	off := newFixture(t, func(c *Config) { c.Preserve = Off })
	fleet(off)
	for range 10 {
		beat(off, func(int, int) bool { return false })
	}
	require.Zero(t, off.Stats().Instances)
}

// Only what shares the fate is kept: a lost zone does not keep the dead of another.
func TestPreservesOnlyTheZone(t *testing.T) {
	f := newFixture(t)
	for i, app := range []string{"A", "B"} {
		for j := range 10 {
			in := sample(fmt.Sprint(j), inApp(app))
			in.IPAddr = fmt.Sprintf("10.0.0.%d", 10*i+j)
			in.Metadata = in.Metadata.Set("zone", string(rune('a'+j/5)))
			f.register(in)
		}
	}
	for range 4 {
		f.forward(30 * time.Second)
		for _, app := range []string{"A", "B"} {
			for j := range 4 { // the fifth of zone a is dead, all of zone b are silent
				f.Renew(Key{app, fmt.Sprint(j)}, Renewal{}, FromClient)
			}
		}
		f.Evict(f.now())
	}
	require.Contains(t, f.Preservation().Sentence, "among them all 10 instances of zone b")
	require.Equal(t, 10, f.Preservation().Kept)
	require.Equal(t, 18, f.Stats().Instances)
	f.gone(Key{"A", "4"})
	f.get(Key{"A", "9"})
}

// Compat: upstream's threshold, with Spring Cloud's client that is not there.
func TestPreservesAsUpstream(t *testing.T) {
	for _, row := range []struct{ expected, want int }{{0, 0}, {1, 1}, {2, 3}, {6, 10}, {100, 170}} {
		require.Equal(t, row.want, upstreamThreshold(row.expected))
	}
	f := newFixture(t, func(c *Config) { c.Preserve = Upstream })
	f.register(sample("a", leased(1, 1)))
	for range 10 {
		f.forward(time.Second)
		require.Zero(t, f.Evict(f.now()))
	}
	f.get(orders("a"))
	require.Equal(t, []string{"ORDERS/a UP ADDED"}, ids(f.full()))
	require.Equal(t, Renewed, f.Renew(orders("a"), Renewal{}, FromClient))
	require.Contains(t, f.Preservation().Sentence, "leases end only above 3")

	// Many instances that renew twice a minute exceed the threshold, so the one that does not goes.
	many := newFixture(t, func(c *Config) { c.Preserve = Upstream })
	for i := range 20 {
		many.register(sample(fmt.Sprint(i)))
	}
	for range 14 {
		many.forward(15 * time.Second)
		for i := range 19 {
			many.Renew(orders(fmt.Sprint(i)), Renewal{}, FromClient)
		}
		many.Evict(many.now())
	}
	require.False(t, many.Preservation().Active)
	require.Equal(t, 19, many.Stats().Instances)
	require.InDelta(t, 40, many.Preservation().Expected, 0.01, "20 instances: one of them is not there")

	// Counted anew after a quarter of an hour, in which nobody looked.
	many.forward(15 * time.Minute)
	require.Zero(t, many.Evict(many.now()))
	require.InDelta(t, 38, many.Preservation().Expected, 0.01)
	require.True(t, many.Preservation().Active, "no renewals in the last minute")
}

func TestPreservationWithUnreachableServers(t *testing.T) {
	e := &ears{covered: true, missing: 2, listed: 3}
	f := newFixture(t, hearing(e))
	f.register(sample("a"))
	f.register(sample("b", status(eureka.Down)))
	f.forward(2 * time.Minute)
	require.Zero(t, f.Evict(f.now()))
	require.Contains(t, f.Preservation().Sentence, "and 2 of 3 other servers cannot be reached")
	e.missing = 1
	require.Equal(t, 2, f.Evict(f.now()))
}

// Servers that are replaced one by one, while self-preservation keeps what a broken network hides, must not lose it: a fresh
// one takes over what the others show, and judges it as they do.
func TestAFreshServerTakesOverWhatIsKept(t *testing.T) {
	old := newFixture(t)
	fleet(old)
	for range 5 {
		beat(old, func(app, i int) bool { return i < 3 })
	}
	require.True(t, old.Preservation().Active)

	fresh := newFixture(t, func(c *Config) { c.Now = old.now })
	fresh.SyncUp(true)
	for _, e := range old.entries() {
		require.Equal(t, Applied, fresh.Merge(1, e))
	}
	fresh.SyncUp(false)
	old.forward(31 * time.Second) // a renewal interval, in which whoever lives is heard
	require.Zero(t, old.Evict(old.now()))
	require.Zero(t, fresh.Evict(old.now()))
	require.True(t, fresh.Preservation().Active)
	require.Equal(t, old.Preservation().Kept, fresh.Preservation().Kept)
	require.Equal(t, old.Digest(), fresh.Digest())

	// One whose lease is over for no fault of ours goes at the first look, on both.
	single := newFixture(t, func(c *Config) { c.Now = old.now })
	lone := sample("lone", inApp("LONE"))
	single.register(lone)
	old.forward(95 * time.Second)
	next := newFixture(t, func(c *Config) { c.Now = old.now })
	next.SyncUp(true)
	require.Equal(t, Applied, next.Merge(1, single.entry(Key{"LONE", "lone"})))
	next.SyncUp(false)
	require.Zero(t, next.Evict(old.now()), "it may have been renewed where its sender did not hear")
	old.forward(31 * time.Second)
	require.Equal(t, 1, next.Evict(old.now()))
	require.Equal(t, 1, single.Evict(old.now()))
	require.Equal(t, Refused, next.Merge(1, func() Entry {
		again := newFixture(t, func(c *Config) { c.Now = old.now })
		again.register(lone)
		e := again.entry(Key{"LONE", "lone"})
		e.Age = 95 * time.Second
		return e
	}()), "a server that forgot it does not take it back")
}
