package registry

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/flate"
)

// A long body is compressed in pieces that are deflated one by one and are one gzip stream with a single member when they
// follow each other, so that a change costs the compression of its own piece. A piece ends with a sync flush, which leaves it
// on a byte boundary and not final; the checksum of the whole follows from the pieces'.
//
// A piece knows only the last record before it. That is most of what the whole window would give: records are alike, and a
// piece that starts from nothing spends most of its excess on its first record (at 128 KiB 15 % of its bytes, against 1 %).
//
// The joined stream has one member on purpose: several are legal (RFC 1952, 2.2), but curl, Python's zlib.decompressobj
// and java.util.zip.GZIPInputStream over some streams silently stop after the first.

// deflated is one piece.
type deflated struct {
	data  []byte
	plain int    // bytes before compression
	crc   uint32 // of these
	shift uint32 // x to the power 8*plain, which moves a checksum past this piece
}

// level is klauspost's: 6 is three times as quick as compress/gzip 6; 5 saves a third of that for 7 % more bytes.
const level = 6

// deflaters are reused: a writer holds some hundred KiB of tables.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, level)
	if err != nil {
		panic(err) // only for a level that does not exist
	}
	return w
}}

// deflate compresses a piece that follows the text before, which may be empty.
func deflate(plain, before []byte) deflated {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out sink
	w.ResetDict(&out, before)
	_, _ = w.Write(plain) // a sink takes everything
	_ = w.Flush()
	data := make([]byte, len(out))
	copy(data, out)
	return deflated{data: data, plain: len(plain), crc: crc32.ChecksumIEEE(plain), shift: shiftOf(len(plain))}
}

// stored wraps up to 65,535 bytes uncompressed: the head and tail of a body, which are new every time.
func stored(plain []byte) deflated {
	data := make([]byte, 5, 5+len(plain))
	binary.LittleEndian.PutUint16(data[1:], uint16(len(plain)))
	binary.LittleEndian.PutUint16(data[3:], ^uint16(len(plain)))
	return deflated{data: append(data, plain...), plain: len(plain), crc: crc32.ChecksumIEEE(plain), shift: shiftOf(len(plain))}
}

// sink collects what a deflater writes.
type sink []byte

func (s *sink) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

var (
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff} // deflate, no time, unknown system
	finalBlock = []byte{0x03, 0x00}                            // empty, fixed Huffman codes, last
)

// then is d and what comes next as one, but for the data.
func (d deflated) then(next deflated) deflated {
	return deflated{plain: d.plain + next.plain, crc: multiply(next.shift, d.crc) ^ next.crc, shift: multiply(next.shift, d.shift)}
}

// join makes one of pieces that follow each other.
func join(pieces []deflated) deflated {
	all := deflated{shift: one}
	parts := make([][]byte, len(pieces))
	for i, p := range pieces {
		all = all.then(p)
		parts[i] = p.data
	}
	all.data = bytes.Join(parts, nil) // which does not clear the memory first
	return all
}

// stream makes a gzip stream of pieces, without copying them.
func stream(pieces []deflated) Body {
	body := make(Body, 0, len(pieces)+2)
	body = append(body, gzipHeader)
	all := deflated{shift: one}
	for _, p := range pieces {
		body = append(body, p.data)
		all = all.then(p)
	}
	trailer := append(make([]byte, 0, len(finalBlock)+8), finalBlock...)
	trailer = binary.LittleEndian.AppendUint32(trailer, all.crc)
	return append(body, binary.LittleEndian.AppendUint32(trailer, uint32(all.plain)))
}

// gzipped is a short body compressed whole.
func gzipped(plain []byte) []byte { return bytes.Join(stream([]deflated{deflate(plain, nil)}), nil) }

// one is the polynomial 1 in the reflected order of bits that CRC-32 uses.
const one = uint32(1) << 31

// multiply multiplies two polynomials over GF(2) modulo CRC-32's. It has no branch: on checksums, which are random,
// mispredicted branches made it five times as slow.
func multiply(a, b uint32) uint32 {
	var product uint32
	for i := 31; i >= 0; i-- {
		product ^= b & -(a >> i & 1)
		b = b>>1 ^ crc32.IEEE&-(b&1)
	}
	return product
}

// powers holds x to the power 2^i.
var powers = func() (p [32]uint32) {
	p[0] = one >> 1
	for i := 1; i < len(p); i++ {
		p[i] = multiply(p[i-1], p[i-1])
	}
	return p
}()

// shiftOf is x to the power 8*n. The powers repeat after 2^32-1, so the table may be walked round.
func shiftOf(n int) uint32 {
	shift := one
	for rest := uint64(n); rest != 0; rest &= rest - 1 {
		shift = multiply(powers[(bits.TrailingZeros64(rest)+3)&31], shift)
	}
	return shift
}
