package replication

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A request is what one call of a stream carries. Frames are applied in order.
type request struct {
	Stream   uint64 // number of the stream among those of the sender's process; 0 is none
	Sequence uint64 // 0 opens the stream and carries no frames
	// Idle is how long the sender had the answer to the call before, when it composed this one.
	Idle time.Duration
	// Delay is how long ago that was: a call that is sent again has aged, and with it every age in it.
	Delay time.Duration
	// Drained: everything that the sender heard before it composed this call is in it or in an earlier one.
	Drained bool
	Frames  string
}

const flagDrained = 1

func appendRequestHead(b []byte, q request) []byte {
	var flags byte
	if q.Drained {
		flags |= flagDrained
	}
	b = append(b, wireVersion, flags)
	b = binary.AppendUvarint(b, q.Stream)
	b = binary.AppendUvarint(b, q.Sequence)
	b = appendAge(b, q.Idle)
	return appendAge(b, q.Delay)
}

func decodeRequest(body []byte) (request, error) {
	if len(body) > maxBody {
		return request{}, fmt.Errorf("%w: %d bytes, limit %d", errWire, len(body), maxBody)
	}
	r := reader{s: string(body)}
	if v := r.byte(); r.err == nil && v != wireVersion {
		return request{}, fmt.Errorf("%w: version %d", errWire, v)
	}
	flags := r.byte()
	q := request{Stream: r.uvarint(), Sequence: r.uvarint(), Idle: r.age(), Delay: r.age(), Drained: flags&flagDrained != 0}
	if r.err == nil && (q.Stream == 0 || flags&^flagDrained != 0) {
		r.fail(fmt.Errorf("%w: stream %d, flags %#x", errWire, q.Stream, flags))
	}
	q.Frames = r.s
	return q, r.err
}

// A response answers the call with the same stream and sequence numbers.
type response struct {
	Stream   uint64
	Sequence uint64
	// Applied: the receiver has all that the sender had when the stream opened.
	Applied bool
	// More: the receiver has more to ask than fitted here; the next call should come at once.
	More   bool
	Frames string
}

const (
	flagApplied = 1
	flagMore    = 2
)

func appendResponseHead(b []byte, p response) []byte {
	var flags byte
	if p.Applied {
		flags |= flagApplied
	}
	if p.More {
		flags |= flagMore
	}
	b = append(b, wireVersion, flags)
	b = binary.AppendUvarint(b, p.Stream)
	return binary.AppendUvarint(b, p.Sequence)
}

func decodeResponse(body []byte) (response, error) {
	if len(body) > maxBody {
		return response{}, fmt.Errorf("%w: %d bytes, limit %d", errWire, len(body), maxBody)
	}
	r := reader{s: string(body)}
	if v := r.byte(); r.err == nil && v != wireVersion {
		return response{}, fmt.Errorf("%w: version %d", errWire, v)
	}
	flags := r.byte()
	p := response{Stream: r.uvarint(), Sequence: r.uvarint(), Applied: flags&flagApplied != 0, More: flags&flagMore != 0}
	if r.err == nil && flags&^(flagApplied|flagMore) != 0 {
		r.fail(fmt.Errorf("%w: flags %#x", errWire, flags))
	}
	p.Frames = r.s
	return p, r.err
}
