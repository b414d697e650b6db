package registry

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestVersionOrder(t *testing.T) {
	ascending := []Version{
		{},
		{Stamp: 0, Counter: 0, Registered: true, Epoch: 1},
		{Stamp: 1, Counter: 0, Registered: true, Epoch: 9},
		{Stamp: 5, Counter: 0, Registered: true, Epoch: 2},
		{Stamp: 5, Counter: 1, Registered: false, Epoch: 9}, // a cancel, below a registration made in ignorance of it
		{Stamp: 5, Counter: 1, Registered: true, Epoch: 2},
		{Stamp: 5, Counter: 1, Registered: true, Epoch: 3},
		{Stamp: 5, Counter: 2, Registered: false, Epoch: 1},
		{Stamp: 6, Counter: 0, Registered: true, Epoch: 1},
	}
	for i, a := range ascending {
		for j, b := range ascending {
			require.Equal(t, i > j, a.Compare(b) > 0, "%v and %v", a, b)
			require.Equal(t, i == j, a.Compare(b) == 0, "%v and %v", a, b)
		}
	}
}

func TestVersionAfter(t *testing.T) {
	v := Version{Stamp: 100, Counter: 3, Registered: true, Epoch: 2}
	for _, row := range []struct {
		name      string
		got, want Version
	}{
		{"first", Version{}.registered(100, 7), Version{100, 0, true, 7}},
		{"newer timestamp", v.registered(101, 7), Version{101, 0, true, 7}},
		{"same timestamp", v.registered(100, 7), Version{100, 4, true, 7}},
		{"older timestamp, over a tombstone say", v.registered(5, 7), Version{100, 4, true, 7}},
		{"nonsense timestamp", Version{}.registered(-5, 7), Version{0, 0, true, 7}},
		{"cancel", v.cancelled(7), Version{100, 4, false, 7}},
		{"counter at its end", Version{100, math.MaxUint32, true, 2}.registered(100, 7), Version{100, math.MaxUint32, true, 7}},
	} {
		require.Equal(t, row.want, row.got, row.name)
	}
}

func anyVersion(t *rapid.T) Version {
	return Version{
		Stamp:      rapid.Int64Range(0, 3).Draw(t, "stamp"),
		Counter:    rapid.Uint32Range(0, 2).Draw(t, "counter"),
		Registered: rapid.Bool().Draw(t, "registered"),
		Epoch:      rapid.Int64Range(1, 3).Draw(t, "epoch"),
	}
}

// A client's own word is newer than whatever it finds, and the order is total.
func TestVersionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyVersion(t)
		require.Positive(t, v.registered(rapid.Int64Range(-1, 4).Draw(t, "dirty"), 1).Compare(v))
		require.Positive(t, v.cancelled(1).Compare(v))
		list := rapid.SliceOfN(rapid.Custom(anyVersion), 3, 3).Draw(t, "versions")
		slices.SortFunc(list, Version.Compare)
		require.LessOrEqual(t, list[0].Compare(list[2]), 0)
	})
}
