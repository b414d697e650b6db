package replication

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// A digest sums up what a server shows. A frame of it is eight bytes of digest and the number of instances.
type digest struct {
	Sum       uint64
	Instances uint64
}

func appendDigest(b []byte, d digest) []byte {
	b, start := beginFrame(b, frameDigest)
	b = binary.LittleEndian.AppendUint64(b, d.Sum)
	return endFrame(binary.AppendUvarint(b, d.Instances), start)
}

func decodeDigest(payload string) (digest, error) {
	r := reader{s: payload}
	d := digest{Sum: r.uint64(), Instances: r.uvarint()}
	return d, r.end("digest")
}

// end is the error of a message that must be at its end.
func (r *reader) end(what string) error {
	if r.more() {
		return fmt.Errorf("%w: %d bytes after a %s", errWire, len(r.s), what)
	}
	return r.err
}

// A frame of applications is a piece of the answer to a wantApps: the round, a byte that is 1 in the last piece, then for each
// application its name and eight bytes of digest.

func appendApp(b []byte, app string, sum uint64) []byte {
	return binary.LittleEndian.AppendUint64(appendText(b, app), sum)
}

func decodeApps(payload string, f func(app string, sum uint64)) (round uint64, last bool, err error) {
	r := reader{s: payload}
	round, last = r.piece()
	for r.more() {
		app, sum := r.text(maxName), r.uint64()
		if r.err == nil {
			f(app, sum)
		}
	}
	return round, last, r.err
}

// beginPiece starts one piece of an answer; lastPiece marks it as the last.
func beginPiece(b []byte, k frameKind, round uint64) ([]byte, int) {
	b, start := beginFrame(b, k)
	return binary.AppendUvarint(append(b, 0), round), start
}

func lastPiece(b []byte, start int) { b[start] = 1 }

func (r *reader) piece() (round uint64, last bool) {
	flag := r.byte()
	if flag > 1 {
		r.fail(fmt.Errorf("%w: piece begins with %#x", errWire, flag))
	}
	return r.uvarint(), flag == 1
}

// An indexed is what an index tells of one instance: enough to see which server holds the newer content or override.
type indexed struct {
	Key       registry.Key
	Version   registry.Version // zero: only an override
	Tombstone bool
	Override  registry.Override // its status is left out
	Age       time.Duration
}

// A frame of the index is a piece of the answer to a wantIndex: the head of a piece, then entries without text and delta.

func appendIndexed(b []byte, e *registry.Entry) []byte {
	flags := entryFlags(e)
	b = append(b, flags)
	b = appendText(b, e.App)
	b = appendText(b, e.ID)
	if flags&entryVersion != 0 {
		b = appendVersion(b, e.Version)
	}
	if flags&entryOverride != 0 {
		b = binary.AppendUvarint(b, e.Override.Counter)
		b = binary.AppendVarint(b, e.Override.Epoch)
	}
	return appendAge(b, e.Age)
}

func decodeIndex(payload string, f func(indexed)) (round uint64, last bool, err error) {
	r := reader{s: payload}
	round, last = r.piece()
	for r.more() {
		flags := r.byte()
		if flags&^(entryAllFlags&^entryDelta) != 0 {
			r.fail(fmt.Errorf("%w: index with flags %#x", errWire, flags))
			break
		}
		x := indexed{Key: registry.Key{App: r.text(maxName), ID: r.text(maxName)}, Tombstone: flags&entryTombstone != 0}
		if flags&entryVersion != 0 {
			x.Version = r.version(flags&entryRegistered != 0)
		}
		if flags&entryOverride != 0 {
			x.Override = registry.Override{Counter: r.uvarint(), Epoch: r.varint(), Ended: flags&entryEnded != 0}
		}
		x.Age = r.age()
		if r.err == nil {
			f(x)
		}
	}
	return round, last, r.err
}

// A copied frame is the round whose answer is now complete.

func appendCopied(b []byte, round uint64) []byte {
	b, start := beginFrame(b, frameCopied)
	return endFrame(binary.AppendUvarint(b, round), start)
}

func decodeCopied(payload string) (uint64, error) {
	r := reader{s: payload}
	round := r.uvarint()
	return round, r.end("copied")
}
