package remoting

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// fixedBinary is the size of a binary header without remark and extFields, their lengths included.
const fixedBinary = 21

// parseBinary reads a header of apache/rocketmq RocketMQSerializable.java.
func (q *Request) parseBinary(h []byte) error {
	if len(h) < fixedBinary {
		return &WireError{Field: "header", Reason: "is too short for the binary form"}
	}
	q.Code = int32(int16(binary.BigEndian.Uint16(h)))
	q.Language = languageByNumber(int(h[2]))
	q.Version = int32(int16(binary.BigEndian.Uint16(h[3:])))
	q.Opaque = int32(binary.BigEndian.Uint32(h[5:]))
	q.Flag = int32(binary.BigEndian.Uint32(h[9:]))
	remark, rest, ok := cutLong(h[13:])
	if !ok {
		return &WireError{Field: "remark", Reason: "has a length beyond the header"}
	}
	if len(remark) > 0 {
		q.Remark = remark
		if !utf8.Valid(remark) {
			q.Remark = bytes.ToValidUTF8(remark, replacement)
		}
	}
	fields, rest, ok := cutLong(rest)
	if !ok || len(rest) > 0 {
		return &WireError{Field: "extFields", Reason: "have a length that does not end with the header"}
	}
	q.hasFields, q.text = len(fields) > 0, fields
	for at := 0; at < len(fields); {
		name, rest, ok := cutShort(fields[at:])
		value, rest, ok2 := cutLong(rest)
		if !ok || !ok2 {
			return &WireError{Field: "extFields", Offset: at, Reason: "has an entry with a length beyond them"}
		}
		end := len(fields) - len(rest)
		f := raw
		if len(value) == 0 {
			f = null
		}
		if !q.addField(span{uint32(at + 2), uint32(at + 2 + len(name))}, span{uint32(end - len(value)), uint32(end)}, f) {
			return &WireError{Field: "extFields", Offset: at, Reason: "are too many"}
		}
		at = end
	}
	return nil
}

// cutLong takes a text after its length of four bytes.
func cutLong(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int64(int32(binary.BigEndian.Uint32(b)))
	if n < 0 || n > int64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n : 4+n], b[4+n:], true
}

// cutShort takes a text after its length of two bytes.
func cutShort(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(int16(binary.BigEndian.Uint16(b)))
	if n < 0 || n > len(b)-2 {
		return nil, nil, false
	}
	return b[2 : 2+n : 2+n], b[2+n:], true
}

// appendBinaryHeader writes the header of a command. Code and version have 16 bits there, a field's name at most 32767 bytes.
func appendBinaryHeader(dst []byte, c *Command) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(c.Code))
	dst = append(dst, byte(c.Language))
	dst = binary.BigEndian.AppendUint16(dst, uint16(c.Version))
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.Opaque))
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.Flag))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(c.Remark)))
	dst = append(dst, c.Remark...)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, f := range c.Fields {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.Name)))
		dst = append(dst, f.Name...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.Value)))
		dst = append(dst, f.Value...)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
