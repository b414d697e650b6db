package namesrv

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol, versions 1 and 2 (haproxy doc/proxy-protocol.txt).
const (
	proxyV1Prefix  = "PROXY "
	proxyV1Longest = 107 // with its line end
	proxyV2Magic   = "\r\n\r\n\x00\r\nQUIT\n"
	proxyV2Head    = 16
	proxyV2Longest = 1 << 10 // addresses and what proxies add to them; longer blocks are refused
)

// parseProxy reads the preamble at the beginning of p. used is its length, 0 while more bytes are needed; client is invalid if the
// proxy speaks for itself or does not know. The error says that p does not begin with a preamble.
func parseProxy(p []byte) (client netip.AddrPort, used int, err error) {
	switch {
	case startsLike(p, proxyV1Prefix):
		return parseProxyV1(p)
	case startsLike(p, proxyV2Magic):
		return parseProxyV2(p)
	}
	return client, 0, badProxy("is no known version")
}

// startsLike reports whether p is the beginning of text, or begins with it.
func startsLike(p []byte, text string) bool {
	n := min(len(p), len(text))
	return string(p[:n]) == text[:n]
}

func parseProxyV1(p []byte) (client netip.AddrPort, used int, err error) {
	end := bytes.Index(p[:min(len(p), proxyV1Longest)], []byte("\r\n"))
	if end < 0 {
		if len(p) >= proxyV1Longest {
			return client, 0, badProxy("has no end of line")
		}
		return client, 0, nil
	}
	words := strings.Split(string(p[:end]), " ")
	used = end + 2
	switch {
	case words[1] == "UNKNOWN":
		return client, used, nil
	case (words[1] != "TCP4" && words[1] != "TCP6") || len(words) != 6:
		return client, 0, badProxy("is not PROXY TCP4|TCP6 source destination port port")
	}
	addr, err := netip.ParseAddr(words[2])
	port, portErr := strconv.ParseUint(words[4], 10, 16)
	if err != nil || portErr != nil {
		return client, 0, badProxy("has no source address")
	}
	return netip.AddrPortFrom(addr, uint16(port)), used, nil
}

func parseProxyV2(p []byte) (client netip.AddrPort, used int, err error) {
	if len(p) < proxyV2Head {
		return client, 0, nil
	}
	version, command, family := p[12]>>4, p[12]&0xf, p[13]
	length := int(binary.BigEndian.Uint16(p[14:]))
	switch {
	case version != 2 || command > 1:
		return client, 0, badProxy("is of another version than 1 or 2")
	case length > proxyV2Longest:
		return client, 0, badProxy("is too long")
	case len(p) < proxyV2Head+length:
		return client, 0, nil
	}
	used = proxyV2Head + length
	block := p[proxyV2Head:used]
	const local, tcp4, tcp6 = 0, 0x11, 0x21
	switch {
	case command == local:
	case family == tcp4 && length >= 12:
		client = netip.AddrPortFrom(netip.AddrFrom4([4]byte(block)), binary.BigEndian.Uint16(block[8:]))
	case family == tcp6 && length >= 36:
		client = netip.AddrPortFrom(netip.AddrFrom16([16]byte(block)), binary.BigEndian.Uint16(block[32:]))
	case family == tcp4, family == tcp6:
		return client, 0, badProxy("is too short for its addresses")
	}
	return client, used, nil
}
