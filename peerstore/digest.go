package peerstore

import (
	"fmt"
	"strconv"
)

// A Digest is the hash by which servers see whether they hold the same registry. Its text has sixteen hex digits, as in the
// database's views: as a number it would lose digits in JavaScript.
type Digest uint64

func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil {
		return fmt.Errorf("digest %.20q is not a hex number of at most 16 digits", text)
	}
	*d = Digest(n)
	return nil
}
