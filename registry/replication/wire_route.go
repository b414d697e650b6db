package replication

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// RoutesPath is the path of the call by which a server asks a peer for news of its routes, below the peer's BaseURL.
const RoutesPath = "/api/v1/peer/routes"

const (
	// softRouteBody is where an answer stops taking items; a full copy goes in pieces of that size.
	softRouteBody = 1 << 20
	// maxRouteBody is what a puller takes, maxRouteItem what fits into it beside a piece of the usual size. One item is one
	// broker with all its topics, which came in a frame of at most 16 MiB, as JSON: 60,000 topics with long names have 8 MiB here.
	maxRouteBody = 32 << 20
	maxRouteItem = maxRouteBody - 2*softRouteBody
	// maxRouteParts bounds the items, topics and mappings of an answer together: decoded, each takes more memory than its bytes.
	maxRouteParts = 1 << 19
	// maxRouteCall bounds a call: a few numbers, and ids of some 40 bytes.
	maxRouteCall = 64 << 10
	// maxRouteWait bounds how long a caller may be kept waiting for news.
	maxRouteWait = 30 * time.Second
)

// A routeCall asks for what is new in the answering server's feed since a cursor. With another feed, or a cursor that is too old, it
// asks for a full copy.
type routeCall struct {
	Feed, Cursor uint64
	Wait         time.Duration // how long the answer may be held back while there is no news
	Compare      bool          // the digest is wanted even with news, for which it must be made anew
	Hears        []string      // peer ids of servers that the caller asks itself: a full copy need not pass on what they said
}

const flagCompare = 1

func appendRouteCall(b []byte, q routeCall) []byte {
	var flags byte
	if q.Compare {
		flags |= flagCompare
	}
	b = append(b, wireVersion, flags)
	b = binary.AppendUvarint(b, q.Feed)
	b = binary.AppendUvarint(b, q.Cursor)
	b = appendAge(b, q.Wait)
	for _, id := range q.Hears {
		b = appendText(b, id)
	}
	return b
}

func decodeRouteCall(body []byte) (routeCall, error) {
	if len(body) > maxRouteCall {
		return routeCall{}, fmt.Errorf("%w: %d bytes, limit %d", errWire, len(body), maxRouteCall)
	}
	r := reader{s: string(body)}
	if v := r.byte(); r.err == nil && v != wireVersion {
		return routeCall{}, fmt.Errorf("%w: version %d", errWire, v)
	}
	flags := r.byte()
	q := routeCall{Feed: r.uvarint(), Cursor: r.uvarint(), Wait: r.age(), Compare: flags&flagCompare != 0}
	if r.err == nil && flags&^flagCompare != 0 {
		r.fail(fmt.Errorf("%w: flags %#x", errWire, flags))
	}
	for r.more() {
		if len(q.Hears) >= maxList {
			return routeCall{}, fmt.Errorf("%w: more than %d servers", errWire, maxList)
		}
		q.Hears = append(q.Hears, r.text(maxName))
	}
	return q, r.err
}

// A routeAnswer is a batch of a feed. Digest is that of all that the answering server shows.
type routeAnswer struct {
	routeinfo.Batch
	Compare bool // the digest is told, and with this batch the caller has all news
	Digest  uint64
}

const (
	flagReset     = 1 // a full copy begins here
	flagMoreItems = 2
	flagDigest    = 4
)

// appendRouteAnswer writes an answer. Items that would not pass a decoder are left out; their number is returned.
func appendRouteAnswer(b []byte, a *routeAnswer) (body []byte, oversized int) {
	var flags byte
	if a.Reset {
		flags |= flagReset
	}
	if a.More {
		flags |= flagMoreItems
	}
	if a.Compare {
		flags |= flagDigest
	}
	b = append(b, wireVersion, flags)
	b = binary.AppendUvarint(b, a.Feed)
	b = binary.AppendUvarint(b, a.Next)
	if a.Compare {
		b = binary.LittleEndian.AppendUint64(b, a.Digest)
	}
	parts := 0
	for i := range a.Items {
		start := len(b)
		n := itemParts(&a.Items[i])
		if parts+n <= maxRouteParts {
			b = appendRouteItem(b, &a.Items[i])
		}
		if len(b) == start || len(b)-start > maxRouteItem || len(b) > maxRouteBody {
			b = b[:start]
			oversized++
			continue
		}
		parts += n
	}
	return b, oversized
}

// decodeRouteAnswer returns an answer of its own memory.
func decodeRouteAnswer(body []byte) (routeAnswer, error) {
	if len(body) > maxRouteBody {
		return routeAnswer{}, fmt.Errorf("%w: %d bytes, limit %d", errWire, len(body), maxRouteBody)
	}
	r := reader{s: string(body)}
	if v := r.byte(); r.err == nil && v != wireVersion {
		return routeAnswer{}, fmt.Errorf("%w: version %d", errWire, v)
	}
	flags := r.byte()
	var a routeAnswer
	a.Reset, a.More, a.Compare = flags&flagReset != 0, flags&flagMoreItems != 0, flags&flagDigest != 0
	if r.err == nil && (flags&^(flagReset|flagMoreItems|flagDigest) != 0 || a.More && a.Compare) {
		r.fail(fmt.Errorf("%w: flags %#x", errWire, flags))
	}
	a.Feed, a.Next = r.uvarint(), r.uvarint()
	if a.Compare {
		a.Digest = r.uint64()
	}
	d := routeDecoder{room: maxRouteParts}
	for r.more() {
		a.Items = append(a.Items, d.item(&r))
	}
	if r.err != nil {
		return routeAnswer{}, r.err
	}
	return a, nil
}

func (r *reader) int32() int32 {
	v := r.varint()
	if v < math.MinInt32 || v > math.MaxInt32 {
		r.fail(fmt.Errorf("%w: number %d too great", errWire, v))
		return 0
	}
	return int32(v)
}

// flag reads a byte that is 0 or 1.
func (r *reader) flag() bool {
	v := r.byte()
	if v > 1 {
		r.fail(fmt.Errorf("%w: flag %d", errWire, v))
	}
	return v == 1
}

func appendFlag(b []byte, on bool) []byte {
	if on {
		return append(b, 1)
	}
	return append(b, 0)
}
