package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

const offWord = "off"

// listenOrOff accepts what listen does, and off, which leaves the address empty.
func listenOrOff(into func(*Config) *string) binding {
	address := listen(into)
	return binding{form: address.form, rule: "must be host:port, :port or off", set: func(c *Config, value string) error {
		if value == offWord {
			*into(c) = ""
			return nil
		}
		return address.set(c, value)
	}}
}

// portOrOff accepts a port, and off, which is 0.
func portOrOff(into func(*Config) *int) binding {
	return bind("port", "must be a port from 1 to 65535, or off", into, func(s string) (int, error) {
		if s == offWord {
			return 0, nil
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 65_535 {
			return 0, errForm
		}
		return n, nil
	})
}

// literalAddress accepts ip:port, as it can stand in a list that every RocketMQ client reads.
func literalAddress(into func(*Config) *string) binding {
	const rule = "must be a literal IP and a port, such as 10.1.2.3:9876, that brokers and clients can reach"
	return bind("ip:port", rule, into, func(s string) (string, error) {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			if ip, bare := netip.ParseAddr(s); bare == nil {
				return "", fmt.Errorf("write %s", net.JoinHostPort(ip.String(), "9876"))
			}
			return "", errForm
		}
		ip, err := netip.ParseAddr(host)
		switch {
		case host == "" || err == nil && ip.IsUnspecified():
			return "", errors.New("nobody can connect to every address: name the one of this host, or leave it out to have it found")
		case err != nil:
			return "", fmt.Errorf("RocketMQ's Go client refuses host names in a list: name the IP address of %s, or leave it out to have it found", host)
		case ip.Zone() != "" || ip.IsMulticast():
			return "", errForm
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", errors.New("the port is a number from 1 to 65535")
		}
		return netip.AddrPortFrom(ip.Unmap(), uint16(n)).String(), nil
	})
}

// adminAllow accepts a word, or networks separated by commas.
func adminAllow(into func(*Config) *namesrv.Admin) binding {
	rule := "must be private, none, any, or networks separated by commas"
	return binding{form: "networks", rule: rule, set: func(c *Config, value string) error {
		allowed, err := namesrv.ParseAdminAllow(value)
		if err == nil {
			allowed.AccessKeys = into(c).AccessKeys // an option of its own
			*into(c) = allowed
		}
		return err
	}}
}

// accessKeys accepts key:secret pairs, one a line or separated by commas. Nothing of them is ever repeated to the author.
func accessKeys(into func(*Config) *map[string]string) binding {
	return bind("key:secret", "must be key:secret, several separated by commas or lines", into, func(s string) (map[string]string, error) {
		keys := make(map[string]string)
		for i, pair := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
			key, secret, found := strings.Cut(strings.TrimSpace(pair), ":")
			switch {
			case strings.TrimSpace(pair) == "":
				continue
			case !found || key == "" || secret == "":
				return nil, fmt.Errorf("entry %d is not", i+1)
			case keys[key] != "":
				return nil, fmt.Errorf("entry %d names a key for the second time", i+1)
			}
			keys[key] = secret
		}
		return keys, nil
	})
}
