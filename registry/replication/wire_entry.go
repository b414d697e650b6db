package replication

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Flags of an entry. The frame is: flags, application, id, version and override where flagged, the age of the lease or of the
// tombstone, the age in the delta where flagged, and the text of the instance to the end.
const (
	entryVersion    = 1
	entryRegistered = 2
	entryTombstone  = 4
	entryOverride   = 8
	entryEnded      = 16
	entryDelta      = 32
	entryAllFlags   = 63
)

// entryFlags are those that an index has, too.
func entryFlags(e *registry.Entry) (flags byte) {
	if !e.Version.IsZero() {
		flags |= entryVersion
	}
	if e.Version.Registered {
		flags |= entryRegistered
	}
	if e.Tombstone {
		flags |= entryTombstone
	}
	if e.Override != (registry.Override{}) {
		flags |= entryOverride
	}
	if e.Override.Ended {
		flags |= entryEnded
	}
	return flags
}

// addAge makes an entry as old as it is after d under way.
func addAge(e *registry.Entry, d time.Duration) {
	e.Age += d
	if e.DeltaAge >= 0 {
		e.DeltaAge += d
	}
}

func appendEntry(b []byte, e *registry.Entry) []byte {
	b, start := beginFrame(b, frameEntry)
	flags := entryFlags(e)
	if e.DeltaAge >= 0 {
		flags |= entryDelta
	}
	b = append(b, flags)
	b = appendText(b, e.App)
	b = appendText(b, e.ID)
	if flags&entryVersion != 0 {
		b = appendVersion(b, e.Version)
	}
	if flags&entryOverride != 0 {
		b = binary.AppendUvarint(b, e.Override.Counter)
		b = binary.AppendVarint(b, e.Override.Epoch)
		b = append(b, byte(e.Override.Status))
	}
	b = appendAge(b, e.Age)
	if flags&entryDelta != 0 {
		b = appendAge(b, e.DeltaAge)
	}
	b = append(b, e.Text...)
	return endFrame(b, start)
}

// decodeEntry returns an entry of its own memory.
func decodeEntry(payload string) (registry.Entry, error) {
	r := reader{s: payload}
	flags := r.byte()
	if flags&^entryAllFlags != 0 || flags&entryVersion == 0 && flags&(entryRegistered|entryTombstone) != 0 ||
		flags&entryRegistered != 0 && flags&entryTombstone != 0 || flags&entryOverride == 0 && flags&entryEnded != 0 {
		return registry.Entry{}, fmt.Errorf("%w: entry with flags %#x", errWire, flags)
	}
	e := registry.Entry{Tombstone: flags&entryTombstone != 0, DeltaAge: -1}
	e.Key = ownKey(r.text(maxName), r.text(maxName))
	if flags&entryVersion != 0 {
		e.Version = r.version(flags&entryRegistered != 0)
	}
	if flags&entryOverride != 0 {
		e.Override = registry.Override{Counter: r.uvarint(), Epoch: r.varint(), Status: eureka.Status(r.byte()), Ended: flags&entryEnded != 0}
	}
	e.Age = r.age()
	if flags&entryDelta != 0 {
		e.DeltaAge = r.age()
	}
	if r.err != nil {
		return registry.Entry{}, r.err
	}
	if e.Override.Status >= eureka.NumStatuses {
		return registry.Entry{}, fmt.Errorf("%w: status %d", errWire, e.Override.Status)
	}
	// An instance has text, a tombstone may have its last one, an override of an instance that nobody knows has none.
	if known := e.Version != (registry.Version{}); known && !e.Tombstone && r.s == "" || !known && r.s != "" {
		return registry.Entry{}, fmt.Errorf("%w: entry with flags %#x and %d bytes of text", errWire, flags, len(r.s))
	}
	if r.s != "" {
		e.Text = []byte(r.s)
	}
	return e, nil
}

func appendVersion(b []byte, v registry.Version) []byte {
	b = binary.AppendVarint(b, v.Stamp)
	b = binary.AppendUvarint(b, uint64(v.Counter))
	return binary.AppendVarint(b, v.Epoch)
}

func (r *reader) version(registered bool) registry.Version {
	return registry.Version{Stamp: r.varint(), Counter: r.uint32(), Epoch: r.varint(), Registered: registered}
}

// ownKey copies a key out of a message: both parts in one piece of memory.
func ownKey(app, id string) registry.Key {
	both := string(append(append(make([]byte, 0, len(app)+len(id)), app...), id...))
	return registry.Key{App: both[:len(app)], ID: both[len(app):]}
}
