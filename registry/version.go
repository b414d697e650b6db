package registry

import (
	"cmp"
	"math"
)

// Version orders the changes of one instance's content, the same on every server: the greatest one wins, in whatever
// order they arrive. The zero Version is "unknown" and below all others.
//
// Two servers that answered a client without knowing of each other make versions that differ at least in Epoch.
type Version struct {
	Stamp      int64  // greatest lastDirtyTimestamp seen for the instance, in milliseconds of the client's clock
	Counter    uint32 // changes since the stamp rose
	Registered bool   // a registration; false: a cancel. Of two made in ignorance of each other the registration wins
	Epoch      int64  // incarnation of the server that answered the client
}

// IsZero says whether the version is unknown.
func (v Version) IsZero() bool { return v == Version{} }

// Compare is negative if v is older than w, positive if it is newer, 0 if they are the same change.
func (v Version) Compare(w Version) int {
	return cmp.Or(
		cmp.Compare(v.Stamp, w.Stamp),
		cmp.Compare(v.Counter, w.Counter),
		compareBool(v.Registered, w.Registered),
		cmp.Compare(v.Epoch, w.Epoch),
	)
}

// registered is the version of content that a client registers on top of what this server found, a tombstone
// included: always newer than that. A timestamp below zero counts as zero.
func (v Version) registered(dirty, epoch int64) Version {
	if dirty = max(dirty, 0); v.IsZero() || dirty > v.Stamp {
		return Version{Stamp: dirty, Registered: true, Epoch: epoch}
	}
	return Version{Stamp: v.Stamp, Counter: v.next(), Registered: true, Epoch: epoch}
}

// cancelled is the version of a tombstone on top of what this server found.
func (v Version) cancelled(epoch int64) Version {
	return Version{Stamp: v.Stamp, Counter: v.next(), Epoch: epoch}
}

// next does not wrap around: four thousand million changes without a newer timestamp then stay equal, and the epoch decides.
func (v Version) next() uint32 {
	if v.Counter == math.MaxUint32 {
		return v.Counter
	}
	return v.Counter + 1
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
