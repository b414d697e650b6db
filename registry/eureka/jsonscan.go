package eureka

import (
	"bytes"
	"unicode/utf8"
)

// scanner reads JSON from memory, one value at a time, without building a tree and without copying more than it
// must. It is strict about syntax (RFC 8259, valid UTF-8, no comments) because its callers are lenient about
// meaning. The first error sticks: after it every read returns nothing and loops over members end.
type scanner struct {
	data  []byte
	pos   int
	depth int
	field string // wire name of what is being read, for errors
	err   *DecodeError
	buf   []byte // unescaped text of the last string that had escapes
}

var byteOrderMark = []byte{0xef, 0xbb, 0xbf}

func newScanner(data []byte) scanner {
	s := scanner{data: data}
	if bytes.HasPrefix(data, byteOrderMark) {
		s.pos = len(byteOrderMark)
	}
	return s
}

func (s *scanner) fail(reason string) {
	if s.err == nil {
		s.err = &DecodeError{Field: s.field, Offset: s.pos, Reason: reason}
	}
	s.pos = len(s.data)
}

// peek skips blanks and returns the next byte without taking it, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// open takes the bracket that begins an object or array.
func (s *scanner) open(bracket byte) bool {
	if s.peek() != bracket {
		s.unexpected(bracket)
		return false
	}
	if s.depth++; s.depth > MaxDepth {
		s.fail("nested too deeply")
		return false
	}
	s.pos++
	return true
}

func (s *scanner) unexpected(want byte) {
	switch {
	case s.pos >= len(s.data):
		s.fail("ends early")
	case want == '{':
		s.fail("not an object")
	case want == '[':
		s.fail("not an array")
	default:
		s.fail("no '" + string(want) + "'")
	}
}

// key takes the name of the next member of an object, or its end. The name is valid until the next read.
func (s *scanner) key(first bool) ([]byte, bool) {
	if !s.next(first, '}') {
		return nil, false
	}
	if s.peek() != '"' {
		s.unexpected('"')
		return nil, false
	}
	name := s.string()
	if s.peek() != ':' {
		s.unexpected(':')
		return nil, false
	}
	s.pos++
	return name, s.err == nil
}

// element says whether an array has another element, and takes the comma before it or the end.
func (s *scanner) element(first bool) bool { return s.next(first, ']') }

func (s *scanner) next(first bool, end byte) bool {
	switch c := s.peek(); {
	case c == end:
		s.pos++
		s.depth--
		return false
	case first:
		return true // whoever takes it sees whether it is a value
	case c == ',':
		s.pos++
		return true
	}
	s.unexpected(',')
	return false
}

// The kinds of scalars.
const (
	isNull   = 'n'
	isBool   = 'b'
	isNumber = '0'
	isString = '"'
)

// scalar takes a value that is no object or array and returns its text: the content of a string, the literal of
// everything else. It is valid until the next read.
func (s *scanner) scalar() (text []byte, kind byte) {
	switch c := s.peek(); {
	case c == '"':
		return s.string(), isString
	case c == '-' || '0' <= c && c <= '9':
		return s.number(), isNumber
	case c == 't':
		return s.literal("true"), isBool
	case c == 'f':
		return s.literal("false"), isBool
	case c == 'n':
		return s.literal("null"), isNull
	case c == '{' || c == '[':
		s.fail("not a plain value")
	case c == 0:
		s.fail("ends early")
	default:
		s.fail("not JSON")
	}
	return nil, isNull
}

func (s *scanner) literal(word string) []byte {
	end := s.pos + len(word)
	if end > len(s.data) || string(s.data[s.pos:end]) != word {
		s.fail("not JSON")
		return nil
	}
	text := s.data[s.pos:end]
	s.pos = end
	return text
}

func (s *scanner) number() []byte {
	start := s.pos
	if s.data[s.pos] == '-' {
		s.pos++
	}
	whole := s.digits()
	ok := whole > 0 && (whole == 1 || s.data[s.pos-whole] != '0')
	if s.at('.') {
		s.pos++
		ok = s.digits() > 0 && ok
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		ok = s.digits() > 0 && ok
	}
	text := s.data[start:s.pos]
	if !ok || len(text) > MaxText {
		s.fail("not a number")
		return nil
	}
	return text
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// skip takes a value of any shape and drops it. Its syntax is checked all the same.
func (s *scanner) skip() {
	switch s.peek() {
	case '{':
		s.open('{')
		for first := true; ; first = false {
			if _, ok := s.key(first); !ok {
				return
			}
			s.skip()
		}
	case '[':
		s.open('[')
		for first := true; s.element(first); first = false {
			s.skip()
		}
	default:
		s.scalar()
	}
}

// string takes a string and returns its content: a part of data where nothing is escaped, else of buf.
func (s *scanner) string() []byte {
	start := s.pos + 1
	ascii := true
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			return s.endString(s.data[start:i], i, ascii)
		case c == '\\':
			return s.escaped(start, i)
		case c < ' ':
			s.pos = i
			s.fail("control character in a string")
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.pos = len(s.data)
	s.fail("ends early")
	return nil
}

func (s *scanner) endString(text []byte, quote int, ascii bool) []byte {
	switch {
	case len(text) > MaxText:
		s.fail("text too long")
		return nil
	case !ascii && !utf8.Valid(text):
		s.fail("invalid UTF-8")
		return nil
	}
	s.pos = quote + 1
	return text
}
