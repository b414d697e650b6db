package remoting

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plainEnd is the index of the first byte from i on that ends a plain run of a string: a double quote, a backslash, a control
// character or anything that is not ASCII; len(b) if there is none. It looks at eight bytes at a time.
func plainEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote := w ^ eachByte*'"'
		slash := w ^ eachByte*'\\'
		// Each term has the high bit of a byte set where the byte is zero, or below a space. A byte's borrow may spoil those above
		// it, never one below, and the lowest is the one that counts.
		found := (quote-eachByte)&^quote | (slash-eachByte)&^slash | (w-eachByte*' ')&^w | w
		if found &= highBits; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	for ; i < len(b) && verbatim[b[i]]; i++ {
	}
	return i
}

// string takes a string in the given quotes and returns its content, valid UTF-8: a part of data where nothing is escaped, else of
// buf.
func (s *scanner) string(quote byte) []byte {
	start := s.pos + 1
	ascii := true
	for i := start; ; i++ {
		if quote == '"' {
			i = plainEnd(s.data, i)
		}
		if i >= len(s.data) {
			break
		}
		switch c := s.data[i]; {
		case c == quote:
			s.pos = i + 1
			return s.checked(s.data[start:i], ascii)
		case c == '\\':
			return s.escaped(start, i, quote)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.pos = len(s.data)
	s.fail(s.data[start-1:], "ends inside a string")
	return nil
}

// checked bounds a text, and replaces what is not UTF-8 as Java does.
func (s *scanner) checked(text []byte, ascii bool) []byte {
	if len(text) > MaxText {
		s.fail(text, "is too long a text")
		return nil
	}
	if !ascii && !utf8.Valid(text) {
		return bytes.ToValidUTF8(text, replacement)
	}
	return text
}

// escaped goes on with a string whose first backslash is at i.
func (s *scanner) escaped(start, i int, quote byte) []byte {
	s.buf = append(s.buf[:0], s.data[start:i]...)
	for i < len(s.data) {
		switch c := s.data[i]; c {
		case quote:
			s.pos = i + 1
			return s.checked(s.buf, false)
		case '\\':
			var size int
			if s.buf, size = appendUnescaped(s.buf, s.data[i:]); size == 0 {
				s.pos = i
				s.fail(s.data[i:min(len(s.data), i+6)], "is no escape that JSON has")
				return nil
			}
			i += size
		default:
			s.buf = append(s.buf, c)
			i++
		}
		if len(s.buf) > MaxText {
			break
		}
	}
	s.pos = i
	s.fail(s.data[start-1:], "is too long a text, or ends early")
	return nil
}

// appendUnescaped appends what the escape at the beginning of b stands for, and says how long the escape is; 0 if it is none.
func appendUnescaped(dst, b []byte) ([]byte, int) {
	if len(b) < 2 {
		return dst, 0
	}
	switch c := b[1]; c {
	case '"', '\'', '\\', '/':
		return append(dst, c), 2
	case 'b':
		return append(dst, '\b'), 2
	case 'f', 'F':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'v':
		return append(dst, '\v'), 2
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return append(dst, c-'0'), 2
	case 'x':
		if r, ok := hex(b[2:], 2); ok {
			return utf8.AppendRune(dst, r), 4
		}
	case 'u':
		return appendUnicode(dst, b)
	}
	return dst, 0
}

// appendUnicode takes \uXXXX, and two of them where they are halves of one character. Half a pair becomes U+FFFD.
func appendUnicode(dst, b []byte) ([]byte, int) {
	r, ok := hex(b[2:], 4)
	if !ok {
		return dst, 0
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), 6
	}
	if len(b) >= 8 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := hex(b[8:], 4); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return utf8.AppendRune(dst, both), 12
			}
		}
	}
	return utf8.AppendRune(dst, utf8.RuneError), 6
}

func hex(b []byte, digits int) (rune, bool) {
	if len(b) < digits {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[:digits]), 16, 32)
	return rune(n), err == nil
}

// bareKey takes a key without quotes: everything up to white space or a colon.
func (s *scanner) bareKey() []byte {
	start := s.pos
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '/':
			return s.checkedKey(start)
		case c < ' ' || c == '"' || c == '\'' || c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == '\\':
			s.fail(s.data[start:], "is not a key")
			return nil
		}
	}
	s.fail(s.data[start:], "ends inside a key")
	return nil
}

func (s *scanner) checkedKey(start int) []byte {
	if start == s.pos {
		s.fail(s.data[start:], "is not a key")
		return nil
	}
	return s.checked(s.data[start:s.pos], false)
}
