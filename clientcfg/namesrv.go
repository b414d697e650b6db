package clientcfg

import (
	"net/netip"
	"slices"
	"strings"
)

// Namesrvs returns the addresses of the RocketMQ name servers that clients
// should use, each once and in the same order wherever the list is the same:
// ServerList.Namesrv, or, where the source gives none, those of Servers that
// serve. One that joins may know only some of the brokers, and one that drains
// is about to go, so neither is among them while another serves.
func (l ServerList) Namesrvs() []string {
	if addrs := NamesrvAddrs(l.Namesrv); len(addrs) > 0 {
		return addrs
	}
	var raw []string
	for _, s := range l.Servers {
		if s.NamesrvPhase == "serving" {
			raw = append(raw, s.Namesrv)
		}
	}
	return NamesrvAddrs(raw)
}

// NamesrvAddr returns what RocketMQ takes as namesrvAddr: Namesrvs joined by
// semicolons, 10.0.0.1:9876;10.0.0.2:9876. It is "" if there are none.
func (l ServerList) NamesrvAddr() string { return strings.Join(l.Namesrvs(), ";") }

// NamesrvAddrs brings addresses of name servers into the one form in which all
// RocketMQ clients read them: literal, IPv6 in brackets, each once, in order of
// the address. What they could not use is left out: host names, which the Go
// client refuses together with the rest of its list, addresses with a zone,
// unspecified ones and port 0. It returns nil if nothing is left.
func NamesrvAddrs(raw []string) []string {
	if len(raw) == 0 {
		return nil
	}
	addrs := make([]netip.AddrPort, 0, len(raw))
	for _, r := range raw {
		if a, ok := literal(r); ok {
			addrs = append(addrs, a)
		}
	}
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	var out []string
	for _, a := range slices.Compact(addrs) {
		out = append(out, a.String())
	}
	return out
}

// literal reads an ip:port that other machines can call.
func literal(s string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, false
	}
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	return a, a.Port() != 0 && a.Addr().Zone() == "" && !a.Addr().IsUnspecified() && !a.Addr().IsMulticast()
}
