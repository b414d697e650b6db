package main

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
)

// advertiseURL is the address that peers and clients are told when none was given: where the listener is bound to one address, that;
// else what peerstore finds out from the way to the database.
func advertiseURL(listener net.Addr, databaseURL string) string {
	host, port := "", 0
	if tcp, ok := listener.(*net.TCPAddr); ok {
		port = tcp.Port
		if tcp.IP != nil && !tcp.IP.IsUnspecified() {
			host = tcp.IP.String()
		}
	}
	if host == "" {
		dbHost, dbPort := databaseHost(databaseURL)
		host = peerstore.AdvertiseHost(peerstore.SystemNetwork(), dbHost, dbPort).String()
	}
	return peerstore.AdvertiseURL(host, port)
}

// advertiseNamesrv is the address that RocketMQ's brokers and clients are told when none was given: where the listener is bound to one
// address, that; else the IP that clients of Eureka are told, when it is one; else what peerstore finds out from the way to the database.
func advertiseNamesrv(listener net.Addr, eurekaURL, databaseURL string) string {
	bound, err := netip.ParseAddrPort(listener.String())
	if err != nil {
		return ""
	}
	ip := bound.Addr().Unmap()
	if ip.IsUnspecified() {
		if ip, err = netip.ParseAddr(hostOf(eurekaURL)); err != nil || ip.IsUnspecified() {
			dbHost, dbPort := databaseHost(databaseURL)
			ip = peerstore.AdvertiseHost(peerstore.SystemNetwork(), dbHost, dbPort)
		}
	}
	return netip.AddrPortFrom(ip.Unmap().WithZone(""), bound.Port()).String()
}

// databaseHost is the first host of a database URL, or "" when there is none.
func databaseHost(databaseURL string) (host string, port int) {
	if databaseURL == "" {
		return "", 0
	}
	c, err := pgstore.ParseURL(databaseURL, pgstore.Config{})
	if err != nil {
		return "", 0
	}
	return c.ConnConfig.Host, int(c.ConnConfig.Port)
}

// stateDir is where this server keeps its list between runs, or "" for nowhere. Servers of other clusters and other addresses on the
// same host have directories of their own.
func (c Config) stateDir() string {
	if c.DataDir == "" || c.DataDir == "-" {
		return ""
	}
	u, err := url.Parse(c.AdvertiseURL)
	if err != nil {
		return ""
	}
	host := strings.NewReplacer(":", "_", "[", "", "]", "", "/", "_").Replace(u.Host)
	return filepath.Join(c.DataDir, c.Cluster, host)
}

// defaultDataDir is the user's cache directory, or "" where there is none (no HOME).
func defaultDataDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "zonekeeper")
}
