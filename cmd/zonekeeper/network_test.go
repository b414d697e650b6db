package main

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func TestAdvertiseURL(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 8761} }
	for name, row := range map[string]struct {
		listener net.Addr
		database string
		want     string
	}{
		"bound to one address":       {tcp("127.0.0.1"), "postgres://127.0.0.1/db", "http://127.0.0.1:8761/eureka/"},
		"bound to one IPv6 address":  {tcp("::1"), "", "http://[::1]:8761/eureka/"},
		"the route to the database":  {tcp("0.0.0.0"), "postgres://127.0.0.1:5432/db", "http://127.0.0.1:8761/eureka/"},
		"of several hosts the first": {tcp("::"), "postgres://127.0.0.1:1,10.0.0.1:2/db", "http://127.0.0.1:8761/eureka/"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, advertiseURL(row.listener, row.database))
		})
	}
	// Through a socket there is no route to learn from: any address of this host will do, but it must be a usable URL.
	u, err := parseEurekaURL(advertiseURL(tcp("::"), "host=/var/run/postgresql dbname=db"))
	require.NoError(t, err)
	require.NotContains(t, u, "0.0.0.0")
}

func TestStateDirIsOneServersOwn(t *testing.T) {
	dir := func(c Config) string { return c.stateDir() }
	require.Equal(t, "/d/default/10.0.0.1_8761", dir(Config{DataDir: "/d", Cluster: "default", AdvertiseURL: "http://10.0.0.1:8761/eureka/"}))
	require.Equal(t, "/d/blue/__1_8761", dir(Config{DataDir: "/d", Cluster: "blue", AdvertiseURL: "http://[::1]:8761/eureka/"}))
	require.Empty(t, dir(Config{DataDir: "-", Cluster: "default", AdvertiseURL: "http://10.0.0.1:8761/eureka/"}))
	require.Empty(t, dir(Config{Cluster: "default", AdvertiseURL: "http://10.0.0.1:8761/eureka/"}))
}

func TestPortTakenIsOneLine(t *testing.T) {
	taken, err := listenOn(t.Context(), "127.0.0.1:0", "--base-port")
	require.NoError(t, err)
	defer taken.Close()
	_, err = listenOn(t.Context(), taken.Addr().String(), "--base-port")
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	require.EqualError(t, err, "port "+port+" of 127.0.0.1 is taken by another process: stop it, or choose another with --base-port")
}

func TestHides(t *testing.T) {
	at := func(addresses ...string) (peers []peerstore.Peer) {
		for _, a := range addresses {
			peers = append(peers, peerstore.Peer{Addresses: peerstore.Addresses{Eureka: a}})
		}
		return peers
	}
	const here, there = "http://127.0.0.1:8761/eureka/", "http://10.0.0.1:8761/eureka/"
	require.False(t, hides(here, nil), "alone")
	require.False(t, hides(here, at(here, "http://localhost:1/eureka/", "http://[::1]:1/eureka/")), "all on this machine")
	require.True(t, hides(here, at(here, there)))
	require.True(t, hides("http://localhost:8761/eureka/", at(there)))
	require.False(t, hides(there, at(here)), "that is the other's trouble, and he says so")
}

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 4 << 20: 400, 32 << 20: 400, 64 << 20: 200, 128 << 20: 100, 4 << 30: 100} {
		require.Equal(t, want, gcPercent(live), "%d MiB", live>>20)
	}
}
