package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// The life of an override, step by step as recorded from a reference server, but for "same as current", which it does
// not store.
func TestLifeOfAnOverride(t *testing.T) {
	f := newFixture(t)
	k := orders("a")
	set := func(s eureka.Status, dirty int64) func() error {
		return func() error { return f.SetStatus(k, s, dirty, FromClient) }
	}
	clear := func(s eureka.Status, dirty int64) func() error {
		return func() error { return f.ClearStatus(k, s, dirty, FromClient) }
	}
	register := func(s eureka.Status, dirty int64) func() error {
		return func() error { return f.Register(sample("a", status(s), dirtyAt(dirty)), FromClient) }
	}
	renew := func(want RenewOutcome) func() error {
		return func() error { require.Equal(t, want, f.Renew(k, Renewal{}, FromClient)); return nil }
	}
	require.ErrorIs(t, set(eureka.Up, 0)(), ErrNotFound)
	require.ErrorIs(t, clear(eureka.Up, 0)(), ErrNotFound)
	for _, step := range []struct {
		name        string
		do          func() error
		shown, word eureka.Status
		dirty       int64
		action      eureka.ActionType
	}{
		{"register", register(eureka.Up, 1), eureka.Up, eureka.Unknown, 1, eureka.Added},
		{"same as current", set(eureka.Up, 1), eureka.Up, eureka.Up, 1, eureka.Modified},
		{"out of service", set(eureka.OutOfService, 1), eureka.OutOfService, eureka.OutOfService, 1, eureka.Modified},
		{"heartbeat", renew(Renewed), eureka.OutOfService, eureka.OutOfService, 1, eureka.Modified},
		{"client registers again", register(eureka.Up, 1), eureka.OutOfService, eureka.OutOfService, 1, eureka.Added},
		{"DOWN shows through", register(eureka.Down, 5), eureka.Down, eureka.OutOfService, 5, eureka.Added},
		{"override again", register(eureka.Up, 6), eureka.OutOfService, eureka.OutOfService, 6, eureka.Added},
		{"newer timestamp raises dirty", set(eureka.Down, 100), eureka.Down, eureka.Down, 100, eureka.Modified},
		{"without timestamp", set(eureka.OutOfService, 0), eureka.OutOfService, eureka.OutOfService, 100, eureka.Modified},
		{"delete with value", clear(eureka.Up, 200), eureka.Up, eureka.Unknown, 200, eureka.Modified},
		{"heartbeat after", renew(Renewed), eureka.Up, eureka.Unknown, 200, eureka.Modified},
		{"delete again: no override", clear(eureka.Down, 0), eureka.Up, eureka.Unknown, 200, eureka.Modified},
		{"out of service again", set(eureka.OutOfService, 0), eureka.OutOfService, eureka.OutOfService, 200, eureka.Modified},
		{"delete without value", clear(eureka.Unknown, 0), eureka.Unknown, eureka.Unknown, 200, eureka.Modified},
		{"heartbeat is refused", renew(NotFound), eureka.Unknown, eureka.Unknown, 200, eureka.Modified},
		{"register again", register(eureka.Up, 300), eureka.Up, eureka.Unknown, 300, eureka.Added},
		{"starting", register(eureka.Starting, 301), eureka.Starting, eureka.Unknown, 301, eureka.Added},
		{"UP over STARTING", set(eureka.Up, 0), eureka.Up, eureka.Up, 301, eureka.Modified},
		{"still UP", renew(Renewed), eureka.Up, eureka.Up, 301, eureka.Modified},
	} {
		f.forward(time.Second)
		require.NoError(t, step.do(), step.name)
		in := f.get(k)
		require.Equal(t, step.shown, in.Status, step.name)
		require.Equal(t, step.word, in.OverriddenStatus, step.name)
		require.Equal(t, step.dirty, in.LastDirtyTimestamp, step.name)
		require.Equal(t, step.action, in.ActionType, step.name)
		listed := f.full().Applications[0].Instances[0]
		require.Equal(t, step.shown, listed.Status, "the list is as fresh: "+step.name)
	}
	require.NoError(t, f.Cancel(k, FromClient))
	last := f.changes[len(f.changes)-1]
	require.True(t, last.Durable, "the durable word goes with the cancel")
	require.Equal(t, eureka.Unknown, last.Overridden)
	require.NoError(t, register(eureka.Down, 400)())
	require.NoError(t, register(eureka.Up, 401)())
	require.Equal(t, eureka.Unknown, f.get(k).OverriddenStatus)
	require.Equal(t, eureka.Up, f.get(k).Status)
}

func TestOverrideOutlivesEviction(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	require.NoError(t, f.SetStatus(orders("a"), eureka.OutOfService, 0, FromClient))
	f.forward(2 * time.Minute)
	require.Equal(t, 1, f.Evict(f.now()))
	f.gone(orders("a"))
	require.Equal(t, 1, f.Stats().Overrides)
	f.forward(3 * time.Hour)
	f.Evict(f.now())
	f.register(sample("a", dirtyAt(dirty+5)))
	require.Equal(t, eureka.OutOfService, f.get(orders("a")).Status)
}

func TestLoadOverrides(t *testing.T) {
	f := newFixture(t)
	f.register(sample("here"))
	f.LoadOverrides([]StoredOverride{{orders("a"), eureka.OutOfService}, {orders("here"), eureka.OutOfService}, {orders("none"), eureka.Unknown}})
	require.Equal(t, eureka.OutOfService, f.get(orders("here")).Status)
	f.register(sample("a"))
	require.Equal(t, eureka.OutOfService, f.get(orders("a")).Status)

	// A word that was spoken is newer than any that was stored.
	require.NoError(t, f.ClearStatus(orders("a"), eureka.Up, 0, FromClient))
	f.LoadOverrides([]StoredOverride{{orders("a"), eureka.OutOfService}})
	require.Equal(t, eureka.Up, f.get(orders("a")).Status)
	require.Equal(t, 1, f.Stats().Overrides)
}
