package eureka

import (
	"unicode/utf16"
	"unicode/utf8"
)

// escaped takes the rest of a string whose first backslash stands at i.
func (s *scanner) escaped(start, i int) []byte {
	s.buf = append(s.buf[:0], s.data[start:i]...)
	for i < len(s.data) {
		switch c := s.data[i]; {
		case c == '"':
			return s.endString(s.buf, i, false)
		case c == '\\':
			n := s.escape(s.data[i:])
			if n == 0 {
				s.pos = i
				s.fail("bad escape in a string")
				return nil
			}
			i += n
		case c < ' ':
			s.pos = i
			s.fail("control character in a string")
			return nil
		default:
			s.buf = append(s.buf, c)
			i++
		}
	}
	s.pos = len(s.data)
	s.fail("ends early")
	return nil
}

// escape appends what the escape at the start of text stands for and returns its length, 0 if it is none. Half of a
// surrogate pair, which no UTF-8 can carry, becomes U+FFFD.
func (s *scanner) escape(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		s.buf = append(s.buf, c)
	case 'b':
		s.buf = append(s.buf, '\b')
	case 'f':
		s.buf = append(s.buf, '\f')
	case 'n':
		s.buf = append(s.buf, '\n')
	case 'r':
		s.buf = append(s.buf, '\r')
	case 't':
		s.buf = append(s.buf, '\t')
	case 'u':
		r := hexRune(text)
		if r < 0 {
			return 0
		}
		if utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, hexRune(text[6:])); pair != utf8.RuneError {
				s.buf = utf8.AppendRune(s.buf, pair)
				return 12
			}
		}
		s.buf = utf8.AppendRune(s.buf, r) // a lone surrogate comes out as U+FFFD
		return 6
	default:
		return 0
	}
	return 2
}

// hexRune reads \uXXXX at the start of text, -1 if it is not there.
func hexRune(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
