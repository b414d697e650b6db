package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// A healthy client's renewals show in lists within minutes, and no client fetches or counts anything anew for that.
func TestListsFollowRenewals(t *testing.T) {
	f := newFixture(t)
	fleet(f)
	fresh := freshener{r: f.Registry}
	shown := func() (oldest int64) {
		oldest = f.millis()
		for _, app := range f.full().Applications {
			for _, in := range app.Instances {
				if in.InstanceID == "0-0" && in.ActionType == eureka.Modified {
					continue // deltas show it: it is written anew when they do not
				}
				oldest = min(oldest, in.LeaseInfo.LastRenewalTimestamp)
			}
		}
		return oldest
	}
	alive := func(int, int) bool { return true }
	for range 8 {
		beat(f, alive)
	}
	require.Equal(t, noon.UnixMilli(), shown(), "a renewal does not encode lists anew")
	require.NoError(t, f.SetStatus(Key{"APP0", "0-0"}, eureka.OutOfService, 0, FromClient))
	before, digest := f.Snapshot(), f.Digest()
	delta := before.Delta(eureka.JSON, false)
	for range 180 {
		fresh.step(time.Second, moment(f.now().Sub(f.born)), f.millis())
	}
	require.Equal(t, noon.Add(4*time.Minute).UnixMilli(), shown())
	after := f.Snapshot()
	require.Equal(t, before.Version(), after.Version())
	require.Equal(t, before.HashCode(), after.HashCode())
	require.Equal(t, string(delta), string(after.Delta(eureka.JSON, false)))
	require.Equal(t, digest, f.Digest())
	require.Equal(t, eureka.OutOfService, f.get(Key{"APP0", "0-0"}).Status)
	vip := f.Snapshot().VIP("orders", false, eureka.JSON, false)
	require.Len(t, decodeList(t, vip).Applications, 4)

	changes := len(f.changes)
	fresh.step(time.Hour, moment(f.now().Sub(f.born)), f.millis())
	require.Same(t, after, f.Snapshot(), "nothing was renewed since, so nothing is written")
	require.Len(t, f.changes, changes)
	(&freshener{r: newFixture(t).Registry}).step(time.Second, 0, 0) // an empty registry
}
