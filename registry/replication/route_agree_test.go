package replication

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A digest comparison: at a second since the start, ours and the peer's, and whether everything is to be copied anew.
type compared struct {
	at           int
	mine, theirs uint64
	recopy       bool
}

func TestLastingDifferenceIsCopiedAnew(t *testing.T) {
	for name, test := range map[string]struct {
		shaken bool
		steps  []compared
	}{
		"equal":              {steps: []compared{{0, 1, 1, false}, {5, 1, 1, false}, {100, 2, 2, false}}},
		"on its way":         {steps: []compared{{0, 1, 2, false}, {5, 2, 2, false}, {20, 2, 3, false}, {25, 3, 3, false}}},
		"quiet":              {steps: []compared{{0, 1, 2, false}, {5, 1, 2, false}, {10, 1, 2, true}}},
		"not quiet":          {steps: []compared{{0, 1, 2, false}, {5, 1, 3, false}, {10, 4, 3, false}, {15, 4, 3, false}, {20, 4, 3, true}}},
		"never quiet":        {steps: []compared{{0, 1, 2, false}, {30, 3, 4, false}, {59, 5, 6, false}, {60, 7, 8, true}}},
		"busy but meeting":   {steps: []compared{{0, 1, 2, false}, {30, 3, 3, false}, {59, 5, 6, false}, {70, 7, 8, false}}},
		"a copy is no help":  {steps: []compared{{0, 1, 2, false}, {10, 1, 2, true}, {15, 1, 2, false}, {20, 1, 2, true}, {35, 1, 2, false}, {40, 1, 2, true}, {75, 1, 2, false}, {80, 1, 2, true}}},
		"helped, then anew":  {steps: []compared{{0, 1, 2, false}, {10, 1, 2, true}, {11, 2, 2, false}, {20, 2, 3, false}, {30, 2, 3, true}}},
		"shaken":             {shaken: true, steps: []compared{{0, 1, 2, false}, {1, 1, 2, true}, {2, 1, 2, false}, {10, 1, 2, false}, {11, 1, 2, true}}},
		"shaken for nothing": {shaken: true, steps: []compared{{0, 1, 1, false}, {1, 1, 2, false}, {3, 1, 2, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Unix(1_700_000_000, 0)
			var a agreement
			require.False(t, a.agrees(), "nothing is known yet")
			if test.shaken {
				a.shake()
			}
			for _, s := range test.steps {
				now := start.Add(time.Duration(s.at) * time.Second)
				require.Equal(t, s.recopy, a.compare(s.mine, s.theirs, now), "at %d s", s.at)
				require.Equal(t, s.mine == s.theirs, a.agrees())
				require.Equal(t, s.mine == s.theirs, a.differsFor(now.Add(time.Second)) == 0)
			}
		})
	}
}

// A copy that does not help is not asked for more often than every five minutes.
func TestUselessCopiesBecomeRare(t *testing.T) {
	var a agreement
	now, copies := time.Unix(1_700_000_000, 0), 0
	for range 24 * 3600 / 5 {
		now = now.Add(5 * time.Second)
		if a.compare(1, 2, now) {
			copies++
		}
	}
	require.InDelta(t, 24*12, copies, 8)
}

func TestAnswersComeInTimeForADecision(t *testing.T) {
	var a agreement
	now := time.Unix(1_700_000_000, 0)
	require.Equal(t, 5*time.Second, a.within(5*time.Second))
	require.True(t, a.due(now))
	a.shake()
	require.Equal(t, 5*time.Second, a.within(5*time.Second))
	a.compare(1, 2, now)
	require.Equal(t, routeShaken, a.within(5*time.Second))
	require.False(t, a.due(now.Add(time.Millisecond)), "news that come fast are not compared each time")
	require.True(t, a.due(now.Add(routeCompare)))
	a.compare(2, 2, now)
	require.Equal(t, 5*time.Second, a.within(5*time.Second))
	a.news = true
	require.Equal(t, routeCompare, a.within(5*time.Second), "news that were not compared are soon")
	a.compare(2, 2, now)
	require.Equal(t, 5*time.Second, a.within(5*time.Second))
}
