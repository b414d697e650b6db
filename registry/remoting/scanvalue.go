package remoting

import (
	"bytes"
	"math"
	"strconv"
)

// null takes a null, or undefined, if that is what comes next.
func (s *scanner) null() bool {
	switch s.peek() {
	case 'n':
		return s.word("null")
	case 'u':
		return s.word("undefined")
	}
	return false
}

// word takes a word that is known by its first letter.
func (s *scanner) word(word string) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		s.fail(s.data[s.pos:], "is not JSON")
		return false
	}
	s.pos += len(word)
	return true
}

// scalar takes a value that is no object or array and returns its text: the content of a string, the literal of everything else
// but for a number's type suffix. It is false for null. The text is valid until the next read.
func (s *scanner) scalar() ([]byte, bool) {
	switch c := s.peek(); c {
	case '"', '\'':
		return s.string(c), s.err == nil
	case 'n', 'u':
		s.null()
		return nil, false
	case 't', 'f':
		start := s.pos
		ok := c == 't' && s.word("true") || c == 'f' && s.word("false")
		return s.data[start:s.pos], ok
	case '{', '[':
		s.fail(s.data[s.pos:], "is not a plain value")
		return nil, false
	case 0:
		s.unexpected('"')
		return nil, false
	}
	return s.number()
}

// number takes a number in any of Java's forms, and NaN.
func (s *scanner) number() ([]byte, bool) {
	start := s.pos
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case '0' <= c && c <= '9', c == '-', c == '+', c == '.', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			s.pos++
			continue
		}
		break
	}
	text := s.data[start:s.pos]
	if n := len(text); n > 1 && bytes.IndexByte([]byte("LSBFD"), text[n-1]) >= 0 {
		text = text[:n-1]
	}
	if len(text) > 0 && len(text) <= 64 {
		if c := text[len(text)-1]; '0' <= c && c <= '9' || c == '.' || string(text) == "NaN" {
			if _, err := strconv.ParseFloat(string(text), 64); err == nil {
				return text, true
			}
		}
	}
	s.pos = start
	s.fail(s.data[start:], "is not JSON")
	return nil, false
}

// text takes a plain value as text; numbers and booleans are their literals. It is false for null.
func (s *scanner) text() (string, bool) {
	text, ok := s.scalar()
	return string(text), ok
}

// int64 takes a whole number, also as text or as a fraction without one ("7", 7.0). It is false for null and for no text.
func (s *scanner) int64() (int64, bool) {
	if n, ok := s.digits(); ok {
		return n, true
	}
	at := s.pos
	text, ok := s.scalar()
	text = bytes.TrimSpace(text)
	if !ok || len(text) == 0 || string(text) == "null" {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, true
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f), true
	}
	s.pos = at
	s.fail(text, "is not a whole number")
	return 0, false
}

// digits takes the ordinary number, which needs no look at what else numbers may be.
func (s *scanner) digits() (int64, bool) {
	c := s.peek()
	n, i := int64(0), s.pos
	for ; i < len(s.data) && i-s.pos < 18; i++ {
		if c = s.data[i]; c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	if i == s.pos || i == len(s.data) || c != ',' && c != '}' && c != ']' {
		return 0, false
	}
	s.pos = i
	return n, true
}

// int32 is int64 within 32 bits.
func (s *scanner) int32() (int32, bool) {
	at := s.pos
	n, ok := s.int64()
	if !inInt32(n) {
		text := s.data[at:s.pos]
		s.fail(text, "is not a number of 32 bits")
		return 0, false
	}
	return int32(n), ok
}

// int32Or is int32 of a member, for errors under its name; absent stands for null.
func (s *scanner) int32Or(name string, absent int32) int32 {
	s.enter(name)
	n, ok := s.int32()
	s.leave()
	if !ok {
		return absent
	}
	return n
}

// bool takes true or false, also as text or number. It is false for everything else that is plain.
func (s *scanner) bool() bool {
	text, _ := s.scalar()
	return bytes.EqualFold(text, []byte("true")) || string(text) == "1"
}

// skip takes a value of any shape and drops it. Its syntax is checked all the same.
func (s *scanner) skip() {
	switch s.peek() {
	case '{':
		for range s.members {
			s.skip()
		}
	case '[':
		for range s.elements {
			s.skip()
		}
	default:
		s.scalar()
	}
}

// literal takes a value of any shape and returns it as it is written.
func (s *scanner) literal() []byte {
	s.peek()
	start := s.pos
	s.skip()
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}
