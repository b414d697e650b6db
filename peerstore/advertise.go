package peerstore

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// A Network is what AdvertiseHost asks about this machine.
type Network struct {
	// Source is the address from which this machine would speak to host and port.
	Source func(host string, port int) (netip.Addr, error)
	// Addresses are those of this machine's interfaces that are up, in their order.
	Addresses func() ([]netip.Addr, error)
}

// SystemNetwork asks the operating system, for at most two seconds. Nothing is sent to the database.
func SystemNetwork() Network { return Network{Source: routeSource, Addresses: interfaceAddresses} }

// AdvertiseHost is the address under which a server without a configured one tells peers and clients to reach it: the source address of
// the route to the database, since where the database is reached from, peers usually are too; else the first global address of this
// machine; else loopback. dbHost may be empty, or a directory as libpq's for a local socket.
func AdvertiseHost(n Network, dbHost string, dbPort int) netip.Addr {
	if dbHost != "" && dbHost[0] != '/' && dbHost[0] != '@' {
		if a, err := n.Source(dbHost, dbPort); err == nil && a.IsValid() && !a.IsUnspecified() {
			return a.Unmap().WithZone("")
		}
	}
	addresses, err := n.Addresses()
	if err == nil {
		for _, a := range addresses {
			if a = a.Unmap(); a.IsGlobalUnicast() {
				return a.WithZone("")
			}
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// AdvertiseURL is the Eureka URL of a server at an address and port.
func AdvertiseURL(host string, port int) string {
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/eureka/"
}

// lookupTimeout bounds the look-up of the database's name.
const lookupTimeout = 2 * time.Second

func routeSource(host string, port int) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", net.JoinHostPort(host, strconv.Itoa(port))) // chooses a route, sends nothing to it
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}, errors.New("no address of our own")
	}
	return local.AddrPort().Addr(), nil
}

func interfaceAddresses() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue // it went away meanwhile
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				found = append(found, p.Addr())
			}
		}
	}
	return found, nil
}
