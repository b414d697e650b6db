package clientcfg

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func listOf(zones ...string) ServerList {
	var l ServerList
	for i, z := range zones {
		l.Servers = append(l.Servers, Server{URL: fmt.Sprintf("http://s%d/", i), Zone: z})
	}
	return l
}

func urls(servers []Server) (out []string) {
	for _, s := range servers {
		out = append(out, s.URL)
	}
	return out
}

func TestSelectorOrder(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := selector{zone: "a", rest: 10 * time.Second, draw: func(n int) int { return n - 1 }}
	s.set(listOf("a", "a", "b", "b", "a"), true)
	require.Equal(t, []string{"http://s4/", "http://s0/", "http://s1/", "http://s3/", "http://s2/"}, urls(s.order(now)), "own zone first, each part from its start")
	require.Equal(t, []string{"http://s0/", "http://s1/", "http://s4/", "http://s3/", "http://s2/"}, urls(s.order(now)), "round robin")

	s.failed("http://s1/", now)
	require.Equal(t, []string{"http://s4/", "http://s0/", "http://s3/", "http://s2/", "http://s1/"}, urls(s.order(now)), "who failed comes last")
	for _, u := range []string{"http://s0/", "http://s4/"} {
		s.failed(u, now)
	}
	require.Equal(t, "http://s3/", s.order(now)[0].URL, "another zone is better than a failed server")
	for _, u := range []string{"http://s2/", "http://s3/"} {
		s.failed(u, now)
	}
	require.Len(t, s.order(now), 5, "nobody is excluded")
	s.worked("http://s2/")
	require.Equal(t, "http://s2/", s.order(now)[0].URL)
	require.Equal(t, "a", s.order(now.Add(10 * time.Second))[0].Zone, "the rest is short")

	s.failed("http://s2/", now)
	s.failed("http://stranger/", now)
	s.set(listOf("a", "a", "b"), false)
	require.Len(t, s.resting, 4-1, "only servers of the list are remembered")
}

// The last servers of the own zone may leave in the middle of a round.
func TestAZoneMayEmpty(t *testing.T) {
	s := selector{zone: "a", rest: time.Second, draw: func(n int) int { return n - 1 }}
	s.set(listOf("a", "a", "b"), true)
	s.set(listOf("b", "b"), true)
	require.Equal(t, []string{"http://s1/", "http://s0/"}, urls(s.order(time.Unix(1e9, 0))))
}

func TestOrderIsAlwaysAPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		now := time.Unix(1e9, 0)
		s := selector{zone: rapid.SampledFrom([]string{"", "a", "c"}).Draw(t, "zone"), rest: 10 * time.Second, draw: r.IntN}
		lists := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b"}), 1, 8), func(zones []string) ServerList { return listOf(zones...) })
		l := lists.Draw(t, "list")
		s.set(l, true)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "pause")) * time.Second)
			if rapid.IntRange(0, 5).Draw(t, "replaced") == 0 {
				next := lists.Draw(t, "list")
				s.set(next, !next.Equal(l))
				l = next
			}
			order := s.order(now)
			require.ElementsMatch(t, urls(l.Servers), urls(order))
			all := true
			for _, srv := range order {
				all = all && s.rests(srv, now)
			}
			require.Equal(t, all, s.rests(order[0], now), "a resting server is first only when all rest")
			if rapid.Bool().Draw(t, "fails") {
				s.failed(order[0].URL, now)
			}
		}
	})
}

// TestSpread shows that many clients that start at the same time, and make few
// calls each, load all servers alike.
func TestSpread(t *testing.T) {
	const clients, servers, calls = 3000, 5, 2
	l := listOf(make([]string, servers)...)
	count := map[string]int{}
	for i := range clients {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		s := selector{rest: time.Second, draw: r.IntN}
		s.set(l, true)
		for range calls {
			count[s.order(time.Time{})[0].URL]++
		}
	}
	require.Len(t, count, servers)
	for u, n := range count {
		require.InEpsilon(t, clients*calls/servers, n, 0.1, u)
	}
}
