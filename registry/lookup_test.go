package registry

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func (f *fixture) vip(vip string, secure bool) []string {
	f.t.Helper()
	body := f.Snapshot().VIP(vip, secure, eureka.JSON, false)
	a := decodeList(f.t, body)
	require.Equal(f.t, "-1", a.VersionsDelta)
	require.Equal(f.t, a.HashCode(), a.AppsHashCode)
	require.Equal(f.t, string(body), string(gunzip(f.t, f.Snapshot().VIP(vip, secure, eureka.JSON, true))))
	var list []string
	for _, app := range a.Applications {
		for _, in := range app.Instances {
			list = append(list, app.Name+"/"+in.ID())
		}
	}
	return list
}

// The recorded scenario of vip lists, fresh where upstream's answers are stale.
func TestVIP(t *testing.T) {
	f := newFixture(t)
	f.register(sample("1", vips("orders,orders-alt", "sorders,orders")))
	f.register(sample("1", inApp("BILLING"), vips("orders", "")))
	f.register(sample("2", status(eureka.Down), vips("orders", "")))
	f.register(sample("3", vips("", "")))
	f.register(sample("4", vips("a, b", "")))
	for _, row := range []struct {
		vip    string
		secure bool
		want   []string
	}{
		{"orders", false, []string{"BILLING/1", "ORDERS/1", "ORDERS/2"}},
		{"orders-alt", false, []string{"ORDERS/1"}},
		{"orders,orders-alt", false, nil},
		{"ORDERS", false, nil},
		{"", false, nil},
		{"null", false, nil},
		{"sorders", true, []string{"ORDERS/1"}},
		{"orders", true, []string{"ORDERS/1"}},
		{"sorders", false, nil},
		{"b", false, nil},
		{" b", false, []string{"ORDERS/4"}},
	} {
		require.Equal(t, row.want, f.vip(row.vip, row.secure), "%q", row.vip)
	}
	require.NoError(t, f.SetStatus(orders("1"), eureka.OutOfService, 0, FromClient))
	require.Contains(t, string(f.Snapshot().VIP("orders-alt", false, eureka.JSON, false)), `"apps__hashcode":"OUT_OF_SERVICE_1_"`)
	require.NoError(t, f.Cancel(orders("1"), FromClient))
	require.Empty(t, f.vip("orders-alt", false))
	f.register(sample("1", inApp("BILLING"), vips("billing", ""), dirtyAt(dirty+1)))
	require.Equal(t, []string{"BILLING/1"}, f.vip("billing", false))
	require.Equal(t, []string{"ORDERS/2"}, f.vip("orders", false))
	require.NoError(t, f.Cancel(Key{"BILLING", "1"}, FromClient))
	require.Empty(t, f.vip("billing", false))
	require.Contains(t, string(f.Snapshot().VIP("orders", false, eureka.XML, false)), "<apps__hashcode>DOWN_1_</apps__hashcode>")
}

// What clients ask for must not cost memory.
func TestUnknownNamesAreNotKept(t *testing.T) {
	f := newFixture(t)
	f.register(sample("1"))
	s := f.Snapshot()
	for i := range 1000 {
		s.VIP(fmt.Sprint(i), i%2 == 0, eureka.JSON, false)
		s.Application(fmt.Sprint(i), eureka.JSON, true)
	}
	require.Empty(t, s.queries.bodies)
	require.Len(t, f.view.vips.apps[0], 1)
	s.VIP("orders", false, eureka.JSON, true)
	require.Len(t, s.queries.bodies, 1)
	s.queries.size = maxQueries
	s.VIP("orders", false, eureka.XML, true)
	require.Len(t, s.queries.bodies, 1, "full: made each time")

	require.NoError(t, f.Cancel(orders("1"), FromClient))
	f.Snapshot()
	require.Empty(t, f.view.vips.apps[0])
}

func TestApplication(t *testing.T) {
	f := newFixture(t)
	fill(f.Registry, 500, 250) // two applications, each of several segments
	f.register(sample("a"))
	s := f.Snapshot()
	require.Greater(t, len(s.segments), 2)
	require.Equal(t, []string{"ORDER-SERVICE-0000", "ORDER-SERVICE-0001", "ORDERS"}, s.ApplicationNames())
	for _, format := range formats {
		for _, name := range s.ApplicationNames() {
			body, ok := s.Application(name, format, false)
			require.True(t, ok)
			app, err := eureka.DecodeApplication(body, format)
			require.NoError(t, err)
			require.Equal(t, name, app.Name)
			want := 250
			if name == "ORDERS" {
				want = 1
			}
			require.Len(t, app.Instances, want)
			zipped, _ := s.Application(name, format, true)
			require.Equal(t, string(body), string(gunzip(t, zipped)))
		}
	}
	for _, absent := range []string{"A", "ORDER", "ORDER-SERVICE-0000X", "ZZZ"} {
		_, ok := s.Application(absent, eureka.JSON, false)
		require.False(t, ok, absent)
	}
	full := decodeList(t, whole(s.Full(eureka.JSON, false)))
	require.Len(t, full.Applications, 3, "an application of several segments is one in the list")
}

func TestInstanceByID(t *testing.T) {
	f := newFixture(t)
	_, ok := f.InstanceByID("a")
	require.False(t, ok)
	for _, app := range []string{"M", "Z", "B"} {
		f.register(sample("a", inApp(app)))
	}
	in, _ := f.InstanceByID("a")
	require.Equal(t, "B", in.App)
	require.NoError(t, f.Cancel(Key{"B", "a"}, FromClient))
	in, _ = f.InstanceByID("a")
	require.Equal(t, "M", in.App)
	f.forward(2 * time.Minute)
	_, ok = f.InstanceByID("a")
	require.False(t, ok, "its lease is over")
}

func TestServersAreShownAndNothingElse(t *testing.T) {
	f := newFixture(t)
	self := func(id string, s eureka.Status) *eureka.Instance {
		return sample(id, inApp("zonekeeper"), status(s), vips("zonekeeper", "zonekeeper"), leased(30, 90))
	}
	f.register(sample("a"))
	digest := f.Digest()
	f.SetServers([]*eureka.Instance{self("s1", eureka.Up), self("s2", eureka.Up)})
	require.Equal(t, "UP_3_", f.Snapshot().HashCode())
	require.Equal(t, []string{"ORDERS/a UP ADDED", "ZONEKEEPER/s1 UP ADDED", "ZONEKEEPER/s2 UP ADDED"}, ids(f.full()))
	require.Equal(t, []string{"ZONEKEEPER/s1", "ZONEKEEPER/s2"}, f.vip("zonekeeper", false))
	require.Equal(t, []string{"ZONEKEEPER/s1", "ZONEKEEPER/s2"}, f.vip("ZoneKeeper", true), "this vip in any case of letters")
	in, ok := f.Instance(Key{"ZONEKEEPER", "s1"})
	require.True(t, ok)
	require.Equal(t, "ZONEKEEPER", in.App)
	_, ok = f.InstanceByID("s2")
	require.True(t, ok)

	before := f.Snapshot()
	f.SetServers([]*eureka.Instance{self("s1", eureka.Up), self("s2", eureka.Up)})
	require.Same(t, before, f.Snapshot(), "nothing changed")
	f.SetServers([]*eureka.Instance{self("s2", eureka.Down)})
	require.ElementsMatch(t, []string{"ORDERS/a UP ADDED", "ZONEKEEPER/s2 DOWN MODIFIED", "ZONEKEEPER/s1 UP DELETED"}, ids(f.deltaNow()))
	require.Equal(t, "DOWN_1_UP_1_", f.Snapshot().HashCode())

	require.Equal(t, digest, f.Digest())
	require.Len(t, f.entries(), 1)
	require.Equal(t, 1, f.Stats().Instances)
	require.Equal(t, NotFound, f.Renew(Key{"ZONEKEEPER", "s2"}, Renewal{}, FromClient))
	f.forward(time.Hour)
	f.Evict(f.now())
	require.Equal(t, []string{"ZONEKEEPER/s2 DOWN MODIFIED"}, ids(f.full()))
}
