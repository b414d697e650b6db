package eurekaclient_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/clientcfg/eurekaclient"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func ids(instances []*eureka.Instance) []string {
	out := []string{}
	for _, in := range instances {
		out = append(out, in.ID())
	}
	return out
}

func TestCopyFollowsDeltas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2")
		f.put("BILLING", "b1", eureka.Up)
		f.put("BILLING", "b2", eureka.Down)
		p := start(t, f, eurekaclient.Config{})
		defer p.stop()
		require.NoError(t, p.Wait(t.Context()))
		require.Equal(t, []string{"b1", "b2"}, ids(p.Instances("billing")))
		require.Equal(t, []string{"b1"}, ids(eurekaclient.Up(p.Instances("BILLING"))))
		require.Nil(t, p.Instances("nobody"))

		for range 10 {
			f.put("BILLING", "b3", eureka.Up)
			f.put("ORDERS", "o1", eureka.Up)
			f.drop("BILLING", "b1")
			time.Sleep(34 * time.Second)
			require.Equal(t, []string{"b2", "b3"}, ids(p.Instances("BILLING")))
			require.Equal(t, []string{"BILLING", "ORDERS"}, p.Applications())
			f.put("BILLING", "b1", eureka.Up)
			f.drop("BILLING", "b3")
			f.drop("ORDERS", "o1")
			time.Sleep(34 * time.Second)
			require.Equal(t, []string{"b1", "b2"}, ids(p.Instances("BILLING")))
			require.Equal(t, []string{"BILLING"}, p.Applications())
		}
		require.Equal(t, 1, f.count("GET", "/eureka/apps")-f.count("GET", "/eureka/apps/delta"), "one full fetch was enough")
	})
}

// step is a change that another client makes at the registry.
type step struct {
	app, id string
	status  eureka.Status // Unknown cancels
	fetched bool          // the client has seen it before the next step
}

// TestCopyEqualsTheRegistry after any changes, fetched from any of the servers.
func TestCopyEqualsTheRegistry(t *testing.T) {
	steps := rapid.SliceOf(rapid.Custom(func(t *rapid.T) step {
		return step{
			app:     rapid.SampledFrom([]string{"A", "B"}).Draw(t, "app"),
			id:      rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "id"),
			status:  rapid.SampledFrom([]eureka.Status{eureka.Up, eureka.Down, eureka.Unknown}).Draw(t, "status"),
			fetched: rapid.Bool().Draw(t, "fetched"),
		}
	}))
	rapid.Check(t, func(rt *rapid.T) {
		play := steps.Draw(rt, "steps")
		var want, got map[string]eureka.Status
		synctest.Test(t, func(t *testing.T) {
			f := newCluster("a1", "a2")
			p := start(t, f, eurekaclient.Config{Session: time.Minute})
			defer p.stop()
			require.NoError(t, p.Wait(t.Context()))
			for _, s := range play {
				if s.status == eureka.Unknown {
					f.drop(s.app, s.id)
				} else {
					f.put(s.app, s.id, s.status)
				}
				if s.fetched {
					time.Sleep(34 * time.Second)
				}
			}
			time.Sleep(34 * time.Second)
			want, got = f.statuses(), map[string]eureka.Status{}
			for _, app := range p.Applications() {
				for _, in := range p.Instances(app) {
					got[app+"/"+in.ID()] = in.Status
				}
			}
		})
		require.Equal(rt, want, got)
	})
}

// TestCopyIsReconciled: what a delta does not tell shows in the hash code, and
// what the hash code does not show ends with a copy too old for deltas.
func TestCopyIsReconciled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1")
		f.put("BILLING", "b1", eureka.Up)
		f.put("BILLING", "b2", eureka.Up)
		p := start(t, f, eurekaclient.Config{})
		defer p.stop()
		require.NoError(t, p.Wait(t.Context()))
		f.forget("BILLING", "b1")
		time.Sleep(34 * time.Second)
		require.Equal(t, []string{"b2"}, ids(p.Instances("BILLING")))

		f.set("", "a1")
		f.put("BILLING", "b3", eureka.Up)
		f.drop("BILLING", "b2")
		time.Sleep(10 * time.Minute)
		require.Equal(t, []string{"b2"}, ids(p.Instances("BILLING")))
		f.set("up", "a1")
		time.Sleep(20 * time.Second)
		require.Equal(t, []string{"b3"}, ids(p.Instances("BILLING")))

		f.set("lying", "a1")
		f.put("BILLING", "b4", eureka.Up)
		time.Sleep(34 * time.Second)
		require.Equal(t, []string{"b3", "b4"}, ids(p.Instances("BILLING")))
	})
}

func TestServersWithoutDeltasOrNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2")
		f.noDelta = true
		f.put("BILLING", "b1", eureka.Up)
		p := start(t, f, eurekaclient.Config{Instance: orders()})
		defer p.stop()
		require.NoError(t, p.Wait(t.Context()))
		for i, joining := range []string{"a1", "a2", "a1"} {
			f.set("joining", joining)
			f.put("BILLING", []string{"b2", "b3", "b4"}[i], eureka.Up)
			time.Sleep(34 * time.Second)
			require.Len(t, p.Instances("BILLING"), i+2)
			require.NoError(t, p.Status().LeaseErr)
			f.set("up", joining)
		}
	})
}

func TestVIP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1")
		in := orders()
		in.VIPAddress = "shop, Till"
		p := start(t, f, eurekaclient.Config{Instance: in, FetchInterval: time.Second})
		defer p.stop()
		time.Sleep(10 * time.Second)
		for _, vip := range []string{"shop", "SHOP", "till"} {
			require.Equal(t, []string{ordersID}, ids(p.VIP(vip)))
		}
		require.Empty(t, p.VIP("shop, till"))
		p.SetStatus(eureka.Down)
		time.Sleep(10 * time.Second)
		require.Empty(t, p.VIP("shop"))
	})
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2")
		p := start(t, f, eurekaclient.Config{FetchInterval: 10 * time.Second})
		defer p.stop()
		ctx, cancel := context.WithCancel(t.Context())
		updates := p.Watch(ctx, "billing")
		require.Empty(t, <-updates, "known to be none")
		f.put("BILLING", "b1", eureka.Up)
		require.Equal(t, []string{"b1"}, ids(<-updates))

		f.put("BILLING", "b1", eureka.Up) // registered again: nothing that a caller could notice
		f.put("ORDERS", "o1", eureka.Up)
		time.Sleep(time.Minute)
		require.Empty(t, updates)

		f.put("BILLING", "b1", eureka.Down)
		time.Sleep(time.Minute)
		f.put("BILLING", "b2", eureka.Up)
		time.Sleep(time.Minute)
		require.Equal(t, []string{"b1", "b2"}, ids(<-updates), "a slow reader gets the newest")
		require.Empty(t, updates)

		late := p.Watch(ctx, "BILLING")
		require.Len(t, <-late, 2, "the present state comes first")
		cancel()
		_, open := <-updates
		require.False(t, open)
		_, open = <-late
		require.False(t, open)
		f.drop("BILLING", "b2")
		time.Sleep(time.Minute)
	})
}
