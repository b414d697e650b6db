package namesrv

import (
	"maps"
	"net/netip"
	"slices"
)

// Gates is the most requests that were ever handled at a time, of those that may become large and of other registrations, and how
// many are now.
func (s *Server) Gates() (heavy, light, now int) {
	for _, g := range []*gate{s.heavy, s.light} {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	return s.heavy.most, s.light.most, s.heavy.inside + s.light.inside
}

// HoldGates takes all places of the large gate, until the function returned is called.
func (s *Server) HoldGates() (release func()) {
	for range maxHeavy {
		s.heavy.ask(netip.Addr{})
	}
	return func() {
		for range maxHeavy {
			s.heavy.leave()
		}
	}
}

// TurnsOf lets hosts stand in line before a gate, and says in which order they are let in.
func TurnsOf(hosts ...string) (order []string) {
	g := newGate(1)
	g.ask(netip.Addr{})
	turns := make([]chan struct{}, len(hosts))
	for i, h := range hosts {
		turns[i] = g.ask(netip.MustParseAddr(h))
	}
	for range hosts {
		g.leave()
		for i, turn := range turns {
			select {
			case <-turn:
				order, turns[i] = append(order, hosts[i]), nil
			default:
			}
		}
	}
	return order
}

// DropAll drops all connections as if their brokers had expired.
func (s *Server) DropAll() {
	for _, c := range s.open() {
		c.drop(causeExpired)
	}
}

// MaxHeavy and MaxLight are how many the gates let through.
const (
	MaxHeavy = maxHeavy
	MaxLight = maxLight
)

// SettingRow is a key of the properties as docs/compatibility.md shows it.
type SettingRow struct{ Key, Default, Here string }

// SettingRows is every key that is known, and what becomes of it.
func SettingRows() []SettingRow {
	var rows []SettingRow
	for _, k := range settingKeys {
		here := "honoured"
		switch {
		case k.live:
			here = "honoured; code 318 changes it"
		case k.ignored != "":
			here = "no effect: " + k.ignored
		case k.refused != "":
			here = "refused: " + k.refused
		}
		rows = append(rows, SettingRow{k.name, k.text(&referenceDefaults), here})
	}
	for _, name := range slices.Sorted(maps.Keys(foreignKeys)) {
		k := foreignKeys[name]
		here := "no effect: " + k.reason
		if k.refused {
			here = "refused: " + k.reason
		}
		rows = append(rows, SettingRow{name, "", here})
	}
	return rows
}
