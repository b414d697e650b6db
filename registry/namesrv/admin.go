package namesrv

import (
	"fmt"
	"net/netip"
	"strings"
)

// Admin says who may use the codes that change what operators own: 100, 102, 205, 216, 217, 318 and 327. The zero value lets
// loopback and nobody else.
type Admin struct {
	// Allow is the networks whose peers may, beside loopback.
	Allow []netip.Prefix
	// Any lets everybody, whatever the address.
	Any bool
	// None lets nobody by address, not even from loopback: only signatures count.
	None bool
	// AccessKeys maps RocketMQ access keys to their secrets. A request signed with one of them is let from everywhere. A signature
	// holds for the request, not for a time: on a network that strangers can listen to, it needs TLS.
	AccessKeys map[string]string
}

// privateNetworks are loopback, link-local and private ranges, with the shared range of carriers' and clouds' inner networks.
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7"),
}

// ParseAdminAllow reads the words of an allow-list: "private" (loopback, link-local and private ranges), "any", "none", or networks in
// CIDR form separated by commas, beside which loopback is always allowed. An address without a length is itself alone.
// It leaves AccessKeys empty.
func ParseAdminAllow(text string) (Admin, error) {
	var a Admin
	words := 0
	for part := range strings.SplitSeq(text, ",") {
		switch part = strings.TrimSpace(part); part {
		case "":
			continue
		case "private":
			a.Allow = append(a.Allow, privateNetworks...)
		case "any":
			a.Any = true
		case "none":
			a.None = true
		default:
			p, err := parseNetwork(part)
			if err != nil {
				return Admin{}, err
			}
			a.Allow = append(a.Allow, p)
		}
		words++
	}
	switch {
	case words == 0:
		return Admin{}, fmt.Errorf("an empty list of networks: say none, private, any or networks such as 10.0.0.0/8")
	case words > 1 && (a.Any || a.None):
		return Admin{}, fmt.Errorf("networks %q: any and none stand alone", text)
	}
	return a, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("network %q: it is none, private, any or a network such as 10.0.0.0/8", text)
	}
	return p.Masked(), nil
}

// admits reports whether a peer at an address may, signature or not. An address that is none belongs to no network.
func (a *Admin) admits(addr netip.Addr) bool {
	switch {
	case a.Any:
		return true
	case a.None || !addr.IsValid():
		return false
	case addr.IsLoopback():
		return true
	}
	for _, p := range a.Allow {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
