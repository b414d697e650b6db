package peerstore_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func TestAdvertiseHost(t *testing.T) {
	none := errors.New("no route")
	tests := []struct {
		name      string
		dbHost    string
		source    string // empty: no route
		addresses []string
		want      string
	}{
		{"route to the database", "db", "10.1.2.3", []string{"192.0.2.1"}, "10.1.2.3"},
		{"mapped address", "db", "::ffff:10.1.2.3", nil, "10.1.2.3"},
		{"zone cut off", "db", "fe80::1%eth0", nil, "fe80::1"},
		{"local database", "localhost", "127.0.0.1", []string{"192.0.2.1"}, "127.0.0.1"},
		{"no route", "db", "", []string{"127.0.0.1", "fe80::1", "192.0.2.1", "192.0.2.2"}, "192.0.2.1"},
		{"socket directory", "/var/run/postgresql", "127.0.0.1", []string{"::1", "2001:db8::1"}, "2001:db8::1"},
		{"abstract socket", "@pg", "127.0.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"no database", "", "10.1.2.3", []string{"192.0.2.1"}, "192.0.2.1"},
		{"unspecified source", "db", "0.0.0.0", []string{"192.0.2.1"}, "192.0.2.1"},
		{"nothing at all", "db", "", nil, "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := peerstore.AdvertiseHost(peerstore.Network{
				Source: func(host string, port int) (netip.Addr, error) {
					require.Equal(t, tt.dbHost, host)
					require.Equal(t, 5432, port)
					if tt.source == "" {
						return netip.Addr{}, none
					}
					return netip.ParseAddr(tt.source)
				},
				Addresses: func() ([]netip.Addr, error) {
					var all []netip.Addr
					for _, a := range tt.addresses {
						all = append(all, netip.MustParseAddr(a))
					}
					return all, nil
				},
			}, tt.dbHost, 5432)
			require.Equal(t, tt.want, got.String())
		})
	}
}

func TestAdvertiseHostWithoutAnswers(t *testing.T) {
	none := errors.New("forbidden")
	got := peerstore.AdvertiseHost(peerstore.Network{
		Source:    func(string, int) (netip.Addr, error) { return netip.Addr{}, none },
		Addresses: func() ([]netip.Addr, error) { return nil, none },
	}, "db", 5432)
	require.Equal(t, "127.0.0.1", got.String())
}

func TestSystemNetwork(t *testing.T) {
	n := peerstore.SystemNetwork()
	source, err := n.Source("127.0.0.1", 5432)
	require.NoError(t, err)
	require.True(t, source.IsLoopback())
	addresses, err := n.Addresses()
	require.NoError(t, err)
	require.NotEmpty(t, addresses)
	require.True(t, peerstore.AdvertiseHost(n, "", 0).IsValid())
}

func TestAdvertiseURL(t *testing.T) {
	require.Equal(t, "http://10.0.0.1:8761/eureka/", peerstore.AdvertiseURL("10.0.0.1", 8761))
	require.Equal(t, "http://[2001:db8::1]:8761/eureka/", peerstore.AdvertiseURL("2001:db8::1", 8761))
}
