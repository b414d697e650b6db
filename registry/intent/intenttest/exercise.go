package intenttest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// Exercise runs the suite that every intent.Store must pass. newStore makes an empty one.
func Exercise(t *testing.T, newStore func(t *testing.T) intent.Store) {
	t.Helper()
	one := intent.Override{Cluster: "c", App: "ORDERS", ID: "h1:orders:8080", Status: eureka.OutOfService, By: "ann", Reason: "disk"}
	two := intent.Override{Cluster: "c", App: "ORDERS", ID: "h2 / : # % ünïcode", Status: eureka.Up}
	third := intent.Override{Cluster: "c", App: "BILLING", ID: "h1", Status: eureka.Down, By: "'; DROP TABLE overrides --"}
	put := func(os ...intent.Override) []intent.Write {
		var out []intent.Write
		for _, o := range os {
			out = append(out, intent.Write{Override: o})
		}
		return out
	}
	load := func(t *testing.T, s intent.Store, cluster string) []intent.Override {
		t.Helper()
		got, err := s.Load(t.Context(), cluster)
		require.NoError(t, err)
		return got
	}
	t.Run("put, change, delete", func(t *testing.T) {
		s := newStore(t)
		require.Empty(t, load(t, s, "c"))
		require.NoError(t, s.Apply(t.Context(), "c", put(one, two, third)))
		require.Equal(t, []intent.Override{third, one, two}, load(t, s, "c"))
		require.NoError(t, s.Apply(t.Context(), "c", put(one, two, third)), "again")
		changed := one
		changed.Status, changed.By, changed.Reason = eureka.Up, "bob", ""
		require.NoError(t, s.Apply(t.Context(), "c", append(put(changed),
			intent.Write{Override: intent.Override{App: two.App, ID: two.ID}, Deleted: true},
			intent.Write{Override: intent.Override{App: "NEVER", ID: "was"}, Deleted: true})))
		require.Equal(t, []intent.Override{third, changed}, load(t, s, "c"))
		require.NoError(t, s.Apply(t.Context(), "c", nil))
	})
	t.Run("every status", func(t *testing.T) {
		s := newStore(t)
		for status := range eureka.Status(eureka.NumStatuses) {
			o := one
			o.Status = status
			require.NoError(t, s.Apply(t.Context(), "c", put(o)))
			require.Equal(t, []intent.Override{o}, load(t, s, "c"))
		}
	})
	t.Run("clusters are apart", func(t *testing.T) {
		s := newStore(t)
		require.NoError(t, s.Apply(t.Context(), "c", put(one)))
		require.Empty(t, load(t, s, "d"))
		require.NoError(t, s.Apply(t.Context(), "d", []intent.Write{{Override: intent.Override{App: one.App, ID: one.ID}, Deleted: true}}))
		require.Len(t, load(t, s, "c"), 1)
	})
	t.Run("ended context", func(t *testing.T) {
		s := newStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, s.Apply(ctx, "c", put(one)), context.Canceled)
		_, err := s.Load(ctx, "c")
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, load(t, s, "c"))
	})
	t.Run("many writers", func(t *testing.T) {
		s := newStore(t)
		var wg sync.WaitGroup
		for server := range 4 {
			wg.Go(func() {
				for round := range 10 {
					writes := put(one, two, third)
					slices.Reverse(writes[:1+(server+round)%3])
					require.NoError(t, s.Apply(t.Context(), "c", writes))
				}
			})
		}
		wg.Wait()
		require.Len(t, load(t, s, "c"), 3)
	})
}
