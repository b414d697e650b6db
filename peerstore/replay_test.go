package peerstore

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The guard admits a number exactly once, and never one that is too far behind, compared with a guard that forgets nothing.
func TestReplayGuard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newReplayGuard()
		seen := make(map[uint64]bool)
		newest := uint64(0)
		for range rapid.IntRange(1, 300).Draw(t, "calls") {
			step := rapid.Int64Range(-2*replayWindow, 2*replayWindow).Draw(t, "step")
			if rapid.Bool().Draw(t, "near") {
				step %= 8
			}
			n := uint64(max(0, int64(newest)+step))
			want := !seen[n] && (n > newest || newest-n < replayWindow)
			if len(seen) == 0 {
				want = true
			}
			require.Equal(t, want, g.admit("session", n), "number %d after %d", n, newest)
			if want {
				seen[n], newest = true, max(newest, n)
			}
		}
	})
}

func TestReplayGuardIsBounded(t *testing.T) {
	g := newReplayGuard()
	for i := range 3 * maxReplaySessions {
		require.True(t, g.admit(strconv.Itoa(i), 1))
		require.True(t, g.admit("busy", uint64(i)))
	}
	require.Len(t, g.sessions, maxReplaySessions)
	require.Equal(t, maxReplaySessions, g.recent.Len())
	require.False(t, g.admit("busy", 3*maxReplaySessions-1), "who talks is not forgotten")
}
