package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// MediaType is the type of every body between our own servers; it names the version of the protocol.
const MediaType = "application/vnd.zonekeeper.peer.v1"

// Paths of the calls of this package, below a peer's BaseURL.
const (
	StreamPath = "/api/v1/peer/stream"
	VouchPath  = "/api/v1/peer/vouch"
)

const (
	wireVersion = 1

	// softBody is where a sender stops adding to a body; maxBody is what a receiver takes. One entry may exceed the first:
	// a client's registration is at most a mebibyte.
	softBody = 256 << 10
	maxBody  = 4 << 20

	maxText = registry.MaxText
	maxName = registry.MaxName
	maxAge  = 10 * 365 * 24 * time.Hour  // ages beyond are nonsense
	maxMS   = uint64(maxAge / 1_000_000) // the same in milliseconds
	maxList = 64                         // peers in a question who can vouch
	maxAsk  = 1000                       // instances in such a question
)

// frameKind is the first byte of a frame. A frame is its kind, the length of what follows, and that.
type frameKind byte

const (
	frameLeases   frameKind = 1 // to the receiver: ages of all leases, at the opening
	frameRenewals frameKind = 2 // to the receiver: renewals heard from clients
	frameEntry    frameKind = 3 // to the receiver: a change or a part of a copy; back: what is newer here
	frameDigest   frameKind = 4 // to the receiver: digest of everything
	frameApps     frameKind = 5 // to the receiver: digest of each application
	frameIndex    frameKind = 6 // to the receiver: versions of all instances of some applications
	frameCopied   frameKind = 7 // to the receiver: all that was asked for has been sent
	frameWant     frameKind = 8 // back: what the receiver asks for
)

var (
	errWire  = errors.New("malformed message")
	errShort = fmt.Errorf("%w: ends too early", errWire)
)

// reader takes a message apart. The first error sticks and everything read after it is zero, so callers check once at the end.
// What it returns as strings are parts of the message: whoever keeps one beyond the call clones it.
type reader struct {
	s   string
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.s = ""
}

func (r *reader) more() bool { return r.err == nil && len(r.s) > 0 }

func (r *reader) byte() byte {
	if len(r.s) == 0 {
		r.fail(errShort)
		return 0
	}
	b := r.s[0]
	r.s = r.s[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	if len(r.s) > 0 && r.s[0] < 0x80 { // nearly all are
		v := uint64(r.s[0])
		r.s = r.s[1:]
		return v
	}
	var v uint64
	for i := 0; i < len(r.s) && i < binary.MaxVarintLen64; i++ {
		b := r.s[i]
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if i == binary.MaxVarintLen64-1 && b > 1 {
				break
			}
			r.s = r.s[i+1:]
			return v
		}
	}
	if len(r.s) < binary.MaxVarintLen64 {
		r.fail(errShort)
	} else {
		r.fail(fmt.Errorf("%w: number too long", errWire))
	}
	return 0
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) uint32() uint32 {
	v := r.uvarint()
	if v > math.MaxUint32 {
		r.fail(fmt.Errorf("%w: number %d too great", errWire, v))
		return 0
	}
	return uint32(v)
}

func (r *reader) uint64() uint64 {
	if len(r.s) < 8 {
		r.fail(errShort)
		return 0
	}
	v := binary.LittleEndian.Uint64([]byte(r.s[:8]))
	r.s = r.s[8:]
	return v
}

func (r *reader) text(limit int) string {
	n := r.uvarint()
	if n > uint64(limit) {
		r.fail(fmt.Errorf("%w: text of %d bytes, limit %d", errWire, n, limit))
		return ""
	}
	if n > uint64(len(r.s)) {
		r.fail(errShort)
		return ""
	}
	t := r.s[:n]
	r.s = r.s[n:]
	return t
}

func (r *reader) age() time.Duration {
	ms := r.uvarint()
	if ms > maxMS {
		r.fail(fmt.Errorf("%w: age of %d ms", errWire, ms))
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// frame returns the next frame; ok is false at the end and after an error.
func (r *reader) frame() (kind frameKind, payload string, ok bool) {
	if !r.more() {
		return 0, "", false
	}
	kind = frameKind(r.byte())
	payload = r.text(maxBody)
	return kind, payload, r.err == nil
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// appendAge writes an age in milliseconds; clocks that stepped make negative ones, which are 0.
func appendAge(b []byte, d time.Duration) []byte {
	return binary.AppendUvarint(b, min(uint64(max(d, 0)/time.Millisecond), maxMS))
}

// lengthBytes is the room that beginFrame leaves: a length below 2^28.
const lengthBytes = 4

// beginFrame starts a frame and returns where its payload begins; endFrame fills the length in.
func beginFrame(b []byte, k frameKind) ([]byte, int) {
	b = append(b, byte(k), 0, 0, 0, 0)
	return b, len(b)
}

// endFrame writes the length as a varint of always four bytes, so that the payload need not move.
func endFrame(b []byte, start int) []byte {
	n := len(b) - start
	for i := range lengthBytes - 1 {
		b[start-lengthBytes+i] = byte(n) | 0x80
		n >>= 7
	}
	b[start-1] = byte(n)
	return b
}
