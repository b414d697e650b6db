package replication

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// A renewal says that a client was heard: which instance, the version that it renewed, and how long ago.
type renewal struct {
	Key     registry.Key
	Version registry.Version
	Age     time.Duration
}

// Flags of one renewal. A frame of renewals, or of leases, is a byte that is 1 in the last piece of a list, then renewals:
// flags, the application unless it is that of the renewal before, the id, the version, the age.
const (
	renewalSameApp    = 1
	renewalRegistered = 2
	renewalStamped    = 4 // the stamp is not that of the renewal before
)

// renewalWriter appends renewals to one frame.
type renewalWriter struct {
	app   string
	stamp int64
	begun bool
}

func (w *renewalWriter) append(b []byte, x renewal) []byte {
	var flags byte
	if w.begun && w.app == x.Key.App {
		flags |= renewalSameApp
	}
	if x.Version.Registered {
		flags |= renewalRegistered
	}
	if x.Version.Stamp != w.stamp {
		flags |= renewalStamped
	}
	b = append(b, flags)
	if flags&renewalSameApp == 0 {
		b = appendText(b, x.Key.App)
	}
	b = appendText(b, x.Key.ID)
	if flags&renewalStamped != 0 {
		// Stamps of one batch lie close together, often in one burst of starts: the difference is shorter than the stamp.
		b = binary.AppendVarint(b, x.Version.Stamp-w.stamp)
	}
	b = binary.AppendUvarint(b, uint64(x.Version.Counter))
	b = binary.AppendVarint(b, x.Version.Epoch)
	w.app, w.stamp, w.begun = x.Key.App, x.Version.Stamp, true
	return appendAge(b, x.Age)
}

// decodeRenewals calls f for each renewal in order, up to the first error. The strings in it belong to the message.
func decodeRenewals(payload string, f func(renewal)) (last bool, err error) {
	r := reader{s: payload}
	end := r.byte()
	if end > 1 {
		return false, fmt.Errorf("%w: renewals begin with %#x", errWire, end)
	}
	var app string
	var stamp int64
	begun := false
	for r.more() {
		flags := r.byte()
		if flags&^(renewalSameApp|renewalRegistered|renewalStamped) != 0 || flags&renewalSameApp != 0 && !begun {
			return false, fmt.Errorf("%w: renewal with flags %#x", errWire, flags)
		}
		if flags&renewalSameApp == 0 {
			app = r.text(maxName)
		}
		x := renewal{Key: registry.Key{App: app, ID: r.text(maxName)}}
		if flags&renewalStamped != 0 {
			stamp += r.varint()
		}
		x.Version = registry.Version{Stamp: stamp, Counter: r.uint32(), Registered: flags&renewalRegistered != 0, Epoch: r.varint()}
		x.Age = r.age()
		if r.err != nil {
			break
		}
		begun = true
		f(x)
	}
	return end == 1, r.err
}
