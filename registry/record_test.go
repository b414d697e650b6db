package registry

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestSubnetOf(t *testing.T) {
	for _, row := range []struct{ ip, want string }{
		{"10.1.2.3", "subnet 10.1.2.0/24"},
		{"::ffff:10.1.2.3", "subnet 10.1.2.0/24"},
		{"2001:db8:1:2:3:4:5:6", "subnet 2001:db8:1:2::/64"},
	} {
		require.Equal(t, row.want, scope{kind: oneSubnet, number: subnetOf(row.ip)}.String())
	}
	require.Equal(t, subnetOf("10.1.2.3"), subnetOf("10.1.2.200"))
	require.NotEqual(t, subnetOf("10.1.2.3"), subnetOf("10.1.3.3"))
	for _, none := range []string{"", "host.example.com", "10.1.2"} {
		require.Zero(t, subnetOf(none))
	}
}

func TestZoneOf(t *testing.T) {
	amazon := &eureka.DataCenterInfo{Name: eureka.Amazon, Metadata: eureka.Metadata{{Key: "availability-zone", Value: "eu-west-1a"}}}
	require.Empty(t, zoneOf(sample("a")))
	require.Equal(t, "eu-west-1a", zoneOf(sample("a", func(in *eureka.Instance) { in.DataCenterInfo = amazon })))
	require.Equal(t, "own", zoneOf(sample("a", func(in *eureka.Instance) {
		in.DataCenterInfo = amazon
		in.Metadata = in.Metadata.Set("zone", "own")
	})))
}

// An id costs no memory beside the text, where it stands there as it is.
func TestKeysLieInTheText(t *testing.T) {
	within := func(part, whole string) bool {
		p, w := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(whole)))
		return p >= w && p+uintptr(len(part)) <= w+uintptr(len(whole))
	}
	f := newFixture(t)
	f.register(sample("plain"))
	f.register(sample("plain", noted("2")))
	rec := f.stripe("plain").find(orders("plain"))
	require.True(t, within(rec.ID, rec.text))
	for key := range f.stripe("plain").byID {
		require.True(t, within(key, rec.text), "the map's key follows the record")
	}

	odd := `q"uoted`
	f.register(sample(odd))
	rec = f.stripe(odd).find(orders(odd))
	require.Equal(t, odd, rec.ID)
	require.False(t, within(rec.ID, rec.text))

	// Not told to be its id, though the text begins with it.
	f.register(sample("", func(in *eureka.Instance) { in.HostName = "host" }))
	require.Equal(t, "host", f.get(orders("host")).ID())
}

func TestLongLeasesAreBounded(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a", leased(1<<40, 1<<40)))
	rec := f.stripe("a").find(orders("a"))
	require.Equal(t, "87600h0m0s", rec.duration().String())
	require.Contains(t, rec.text, "1099511627776", "shown as the client asked")
	f.forward(24 * 365 * 3600 * 1e9)
	require.Zero(t, f.Evict(f.now()))
}
