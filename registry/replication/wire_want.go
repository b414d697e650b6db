package replication

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry"
)

// maxWanted bounds the names in one want. A receiver stops at softBody, which cannot hold as many.
const maxWanted = softBody / 2

// wantKind is what a receiver asks the sender of a stream for.
type wantKind byte

const (
	wantAll    wantKind = 1 // everything, tombstones and overrides too, then copied
	wantDigest wantKind = 2 // the digest as it is now
	wantApps   wantKind = 3 // the digest of each application
	wantIndex  wantKind = 4 // versions of all instances of the listed applications
	wantKeys   wantKind = 5 // the listed instances; after the last piece of a round, copied
)

// A want asks. A frame of it is: the kind, a byte that is 1 in the last piece, the round (0: nobody waits for the end of it), then
// names of applications, or applications and ids.
type want struct {
	Kind  wantKind
	Round uint64
	Last  bool
	Apps  []string
	Keys  []registry.Key
}

func appendWant(b []byte, w want) []byte {
	b, start := beginFrame(b, frameWant)
	last := byte(0)
	if w.Last {
		last = 1
	}
	b = binary.AppendUvarint(append(b, byte(w.Kind), last), w.Round)
	for _, app := range w.Apps {
		b = appendText(b, app)
	}
	for _, k := range w.Keys {
		b = appendText(appendText(b, k.App), k.ID)
	}
	return endFrame(b, start)
}

// decodeWant returns a want of its own memory.
func decodeWant(payload string) (want, error) {
	r := reader{s: payload}
	w := want{Kind: wantKind(r.byte())}
	w.Round, w.Last = r.piece()
	for r.more() {
		if len(w.Apps)+len(w.Keys) >= maxWanted {
			return want{}, fmt.Errorf("%w: want of more than %d", errWire, maxWanted)
		}
		switch w.Kind {
		case wantIndex:
			if app := r.text(maxName); r.err == nil {
				w.Apps = append(w.Apps, strings.Clone(app))
			}
		case wantKeys:
			if app, id := r.text(maxName), r.text(maxName); r.err == nil {
				w.Keys = append(w.Keys, ownKey(app, id))
			}
		default:
			r.fail(fmt.Errorf("%w: want of kind %d with names", errWire, w.Kind))
		}
	}
	if r.err == nil && (w.Kind < wantAll || w.Kind > wantKeys) {
		r.fail(fmt.Errorf("%w: want of kind %d", errWire, w.Kind))
	}
	return w, r.err
}
