package namesrv

import (
	"encoding/binary"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// smallInbox holds any request but a registration. What is larger is counted against the budget of all connections.
const smallInbox = 4 << 10

// inbox holds what came and is not answered yet. A frame is handed out where it lies, so it is valid until the next read.
type inbox struct {
	small []byte // always there
	buf   []byte // small, or a larger one while a frame needs it
	r, w  int    // what is unread lies between them
}

func (b *inbox) empty() bool  { return b.r == b.w }
func (b *inbox) free() []byte { return b.buf[b.w:] }
func (b *inbox) add(n int)    { b.w += n }

// Lengths in the head of a frame: its length without itself, then one byte of codec and three of header length.
const (
	lengthSize = 4
	headSize   = 8
)

// next returns the next frame that is here as a whole, without its length field, or nil. The error is a *remoting.WireError as soon
// as the head shows that no frame can come of it: nobody waits for the rest of one whose header ends behind it.
func (b *inbox) next(limit int) ([]byte, error) {
	have := b.buf[b.r:b.w]
	if len(have) < lengthSize {
		return nil, nil
	}
	length := int(int32(binary.BigEndian.Uint32(have)))
	switch {
	case length < headSize-lengthSize:
		return nil, &remoting.WireError{Field: "length", Reason: "is too short for a header"}
	case length > limit-lengthSize:
		return nil, &remoting.WireError{Field: "length", Reason: "is over the limit for frames"}
	case len(have) < headSize:
		return nil, nil
	}
	codec, header := have[lengthSize], int(binary.BigEndian.Uint32(have[lengthSize:])&0xffffff)
	switch {
	case codec > byte(remoting.Binary):
		return nil, &remoting.WireError{Field: "serialize type", Reason: "is neither 0 (JSON) nor 1 (ROCKETMQ)"}
	case header > length-(headSize-lengthSize):
		return nil, &remoting.WireError{Field: "header length", Reason: "is beyond the end of the frame"}
	case len(have) < lengthSize+length:
		return nil, nil
	}
	end := b.r + lengthSize + length
	frame := b.buf[b.r+lengthSize : end : end]
	b.r = end
	return frame, nil
}

// room makes room for more bytes within the buffer, or says by how much it has to grow for the frame that has begun: at most
// to twice what came, and never beyond the frame's end.
func (b *inbox) room() (grow int) {
	switch {
	case b.empty():
		b.r, b.w = 0, 0
	case b.w == len(b.buf) && b.r > 0:
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	}
	if b.w < len(b.buf) {
		return 0
	}
	whole := lengthSize + int(binary.BigEndian.Uint32(b.buf))
	return min(2*len(b.buf), whole) - len(b.buf)
}

// grow adds to the buffer.
func (b *inbox) grow(n int) {
	larger := make([]byte, len(b.buf)+n)
	copy(larger, b.buf[:b.w])
	b.buf = larger
}

// shrink goes back to the small buffer if that holds what is left, and returns how many bytes were given up.
func (b *inbox) shrink() int {
	if len(b.buf) == len(b.small) || b.w-b.r > len(b.small) {
		return 0
	}
	given := len(b.buf) - len(b.small)
	b.w = copy(b.small, b.buf[b.r:b.w])
	b.r = 0
	b.buf = b.small
	return given
}
