package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestRenewAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		q      Renewal
		origin Origin
		want   RenewOutcome
	}{
		{"no timestamp", Renewal{}, FromClient, Renewed},
		{"equal", Renewal{Dirty: dirty, HasDirty: true}, FromClient, Renewed},
		{"older", Renewal{Dirty: dirty - 1, HasDirty: true}, FromClient, Renewed},
		{"newer", Renewal{Dirty: dirty + 1, HasDirty: true}, FromClient, NotFound},
		{"peer, equal", Renewal{Dirty: dirty, HasDirty: true}, FromJavaPeer, Renewed},
		{"peer, older", Renewal{Dirty: dirty - 1, HasDirty: true}, FromJavaPeer, Newer},
		{"peer, newer", Renewal{Dirty: dirty + 1, HasDirty: true}, FromJavaPeer, NotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.register(sample("a"))
			f.forward(10 * time.Second)
			require.Equal(t, row.want, f.Renew(orders("a"), row.q, row.origin))
			require.Equal(t, f.millis(), f.get(orders("a")).LeaseInfo.LastRenewalTimestamp, "the lease is renewed in any case")
			last := f.changes[len(f.changes)-1]
			require.Equal(t, LeaseRenewed, last.Kind)
			require.Equal(t, row.origin, last.Origin)
		})
	}
}

// Compat: upstream keeps an override that comes with a Java peer's heartbeat and applies it with the next renewal; unlike
// there, lists show each step.
func TestRenewBringsOverride(t *testing.T) {
	f := newFixture(t)
	k := orders("a")
	f.register(sample("a"))
	bring := Renewal{Dirty: dirty + 1, HasDirty: true, Overridden: eureka.OutOfService, HasOverridden: true}
	require.Equal(t, NotFound, f.Renew(k, bring, FromClient))
	require.Equal(t, eureka.Unknown, f.get(k).OverriddenStatus, "clients bring none")

	require.Equal(t, NotFound, f.Renew(k, bring, FromJavaPeer))
	in := f.get(k)
	require.Equal(t, eureka.Up, in.Status)
	require.Equal(t, eureka.OutOfService, in.OverriddenStatus)
	require.Equal(t, eureka.Added, in.ActionType)
	last := f.changes[len(f.changes)-1]
	require.Equal(t, OverrideChanged, last.Kind)
	require.True(t, last.Durable)
	e, _ := f.Entry(k)
	require.Equal(t, eureka.OutOfService, e.Override.InForce())

	before := f.Snapshot().Version()
	require.Equal(t, Renewed, f.Renew(k, Renewal{}, FromClient))
	require.Equal(t, eureka.OutOfService, f.get(k).Status)
	require.Equal(t, []string{"ORDERS/a OUT_OF_SERVICE ADDED"}, ids(f.deltaNow()))
	require.Equal(t, "OUT_OF_SERVICE_1_", f.Snapshot().HashCode())
	require.NotEqual(t, before, f.Snapshot().Version())

	none := Renewal{Dirty: dirty + 1, HasDirty: true, Overridden: eureka.Unknown, HasOverridden: true}
	require.Equal(t, NotFound, f.Renew(k, none, FromJavaPeer))
	require.Equal(t, eureka.OutOfService, f.get(k).OverriddenStatus)
}

func TestRenewalElsewhereAppliesPendingOverride(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	f.Renew(orders("a"), Renewal{Dirty: dirty + 1, HasDirty: true, Overridden: eureka.OutOfService, HasOverridden: true}, FromJavaPeer)
	e, _ := f.Entry(orders("a"))
	f.forward(10 * time.Second)
	require.Equal(t, Heard, f.MergeRenewal(8, orders("a"), e.Version, 0, false))
	require.Equal(t, eureka.OutOfService, f.get(orders("a")).Status)
}

func TestRenewAllocatesNothing(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.OnChange = nil })
	f.register(sample("a"))
	k, q := orders("a"), Renewal{Dirty: dirty, HasDirty: true}
	require.Zero(t, testing.AllocsPerRun(100, func() { f.Renew(k, q, FromClient) }))
	e, _ := f.Entry(k)
	require.Zero(t, testing.AllocsPerRun(100, func() { f.MergeRenewal(8, k, e.Version, time.Millisecond, false) }))
}

func TestAges(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	f.forward(3 * time.Second)
	f.register(sample("b"))
	f.forward(4 * time.Second)
	ages := map[string]time.Duration{}
	f.Ages(func(k Key, v Version, age time.Duration) bool {
		require.Equal(t, Version{Stamp: dirty, Registered: true, Epoch: 7}, v)
		ages[k.ID] = age
		return true
	})
	require.Equal(t, map[string]time.Duration{"a": 7 * time.Second, "b": 4 * time.Second}, ages)
}
