package remoting

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// Codec is how a frame's header is written: the byte after the length.
type Codec uint8

// The codecs of apache/rocketmq SerializeType.java.
const (
	JSON   Codec = 0
	Binary Codec = 1 // upstream's name is ROCKETMQ
)

func (c Codec) String() string {
	switch c {
	case JSON:
		return "JSON"
	case Binary:
		return "ROCKETMQ"
	}
	return "unknown"
}

const (
	lengthSize = 4 // the length field, which does not count itself
	prefixSize = 4 // one byte of codec, three of header length
	firstRead  = 4 << 10
)

// ReadFrame reads one frame and returns it without its length field, in buf if that is large enough. A frame may be limit bytes
// long with its length field; clients take no more than MaxFrame. Memory grows with what arrives, never with what was
// promised: at most twice of it, and a few KiB.
//
// The error is io.EOF when the peer closed between frames, io.ErrUnexpectedEOF when inside one, *WireError for a length that no
// frame has, else the reader's.
func ReadFrame(r *bufio.Reader, limit int, buf []byte) ([]byte, error) {
	head, err := r.Peek(lengthSize)
	if err != nil {
		if errors.Is(err, io.EOF) && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	length := int64(int32(binary.BigEndian.Uint32(head)))
	switch {
	case length < prefixSize:
		return nil, &WireError{Field: "length", Reason: "is too short for a header"}
	case length > int64(limit)-lengthSize:
		return nil, &WireError{Field: "length", Reason: "is over the limit for frames"}
	}
	if _, err := r.Discard(lengthSize); err != nil {
		return nil, err
	}
	want := int(length)
	buf = buf[:0]
	for len(buf) < want {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, min(want-len(buf), max(len(buf), firstRead)))
		}
		got, err := io.ReadFull(r, buf[len(buf):min(cap(buf), want)])
		buf = buf[:len(buf)+got]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return buf, nil
}

// cut splits a frame without its length field into its parts.
func cut(frame []byte) (codec Codec, header, body []byte, err error) {
	if len(frame) < prefixSize {
		return 0, nil, nil, &WireError{Field: "frame", Reason: "ends before the header length"}
	}
	word := binary.BigEndian.Uint32(frame)
	codec, size := Codec(word>>24), int(word&0xffffff)
	frame = frame[prefixSize:]
	switch {
	case codec > Binary:
		return 0, nil, nil, &WireError{Field: "serialize type", Reason: "is neither 0 (JSON) nor 1 (ROCKETMQ)"}
	case size > len(frame):
		return 0, nil, nil, &WireError{Field: "header length", Reason: "is beyond the end of the frame"}
	case size > MaxHeader:
		return 0, nil, nil, &WireError{Field: "header length", Reason: "is over the limit for headers"}
	}
	return codec, frame[:size:size], frame[size:], nil
}

// beginFrame leaves room for the length and the prefix, which endFrame fills in.
func beginFrame(dst []byte) []byte { return append(dst, 0, 0, 0, 0, 0, 0, 0, 0) }

// endFrame completes the frame that began at start and whose header ends with dst; bodyLen bytes are still to follow.
func endFrame(dst []byte, start int, codec Codec, bodyLen int) {
	size := len(dst) - start - lengthSize - prefixSize
	binary.BigEndian.PutUint32(dst[start:], uint32(prefixSize+size+bodyLen))
	binary.BigEndian.PutUint32(dst[start+lengthSize:], uint32(codec)<<24|uint32(size))
}
