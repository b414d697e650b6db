package remoting

import (
	"bytes"
	"strconv"
	"strings"
)

// scanner reads JSON as fastjson does, in memory and without building a tree. Beyond the standard it takes
//
//   - keys without quotes, numbers among them, and single quotes around strings and keys
//   - numbers with a type suffix (1L, 0B, 2.5D)
//   - more commas than needed, comments, \b and \f as white space, control characters in strings
//   - the escapes \v, \', \xHH and octal
//
// The first error sticks: after it every read returns nothing and loops over members end. Depth and lengths are bounded.
type scanner struct {
	data  []byte
	pos   int
	depth int
	path  []string // names around the value being read, for errors
	err   *scanError
	small int    // names, addresses and keys read so far
	buf   []byte // unescaped text of the last string that had escapes
}

// scanError is what a header turns into a *WireError and a body into a *FieldError.
type scanError struct {
	path   string
	value  string
	offset int
	reason string
}

func (s *scanner) fail(value []byte, reason string) {
	if s.err == nil {
		path := make([]string, len(s.path))
		for i, name := range s.path {
			path[i] = excerpt([]byte(name))
		}
		s.err = &scanError{path: strings.Join(path, "."), value: excerpt(value), offset: s.pos, reason: reason}
	}
	s.pos = len(s.data)
}

// fieldError is the scanner's error, if any, for whoever sent the body.
func (s *scanner) fieldError() error {
	if s.err == nil {
		return nil
	}
	field := s.err.path
	if field == "" {
		field = "body"
	}
	return &FieldError{Field: field, Value: s.err.value, Reason: s.err.reason}
}

func (s *scanner) enter(name string) { s.path = append(s.path, name) }

func (s *scanner) leave() { s.path = s.path[:len(s.path)-1] }

// peek skips white space and comments and returns the next byte without taking it, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\r', '\t', '\f', '\b':
			s.pos++
		case '/':
			if !s.comment() {
				return c
			}
		default:
			return c
		}
	}
	return 0
}

// comment skips // to the end of the line and /* to */.
func (s *scanner) comment() bool {
	rest := s.data[s.pos:]
	end := -1
	switch {
	case bytes.HasPrefix(rest, []byte("//")):
		if end = bytes.IndexByte(rest, '\n'); end < 0 {
			end = len(rest) - 1
		}
		end++
	case bytes.HasPrefix(rest, []byte("/*")):
		if end = bytes.Index(rest[2:], []byte("*/")); end >= 0 {
			end += 4
		}
	}
	if end < 0 {
		return false
	}
	s.pos += end
	return true
}

// open takes the bracket that begins an object or array.
func (s *scanner) open(bracket byte) bool {
	if s.peek() != bracket {
		s.unexpected(bracket)
		return false
	}
	if s.depth++; s.depth > MaxDepth {
		s.fail(nil, "is nested too deeply")
		return false
	}
	s.pos++
	return true
}

// document yields the names of the members of the one object that is the whole text.
func (s *scanner) document(yield func(name []byte) bool) {
	if s.peek() != '{' {
		s.unexpected('{')
		return
	}
	s.members(yield)
	s.end()
}

// members yields the name of each member of an object; the loop must take its value. A null has none. The name is valid
// until the next read.
func (s *scanner) members(yield func(name []byte) bool) {
	if s.null() || !s.open('{') {
		return
	}
	for first := true; ; first = false {
		if name, ok := s.key(first); !ok || !yield(name) {
			return
		}
	}
}

// elements yields once for each element of an array; the loop must take it. A null has none.
func (s *scanner) elements(yield func() bool) {
	if s.null() || !s.open('[') {
		return
	}
	for first := true; s.next(first, ']') && yield(); first = false {
	}
}

func (s *scanner) unexpected(want byte) {
	rest := s.data[min(s.pos, len(s.data)):]
	switch {
	case len(rest) == 0:
		s.fail(nil, "ends early")
	case want == '{':
		s.fail(rest, "is not an object")
	case want == '[':
		s.fail(rest, "is not an array")
	default:
		s.fail(rest, "is not JSON: expected '"+string(want)+"'")
	}
}

// key takes the name of the next member of an object and its colon, or the end of the object.
func (s *scanner) key(first bool) ([]byte, bool) {
	if !s.next(first, '}') {
		return nil, false
	}
	var name []byte
	if c := s.data[s.pos]; c == '"' || c == '\'' {
		name = s.string(c)
	} else {
		name = s.bareKey()
	}
	if s.err != nil {
		return nil, false
	}
	if s.peek() != ':' {
		s.unexpected(':')
		return nil, false
	}
	s.pos++
	return name, true
}

// next takes the commas before a member or element, or the bracket that ends the list.
func (s *scanner) next(first bool, end byte) bool {
	for comma := first; ; {
		switch c := s.peek(); {
		case s.pos >= len(s.data):
			s.unexpected(end)
			return false
		case c == end:
			s.pos++
			s.depth--
			return false
		case c == ',':
			s.pos++
			comma = true
		case comma:
			return true
		default:
			s.unexpected(',')
			return false
		}
	}
}

// end expects the text to be over, but for white space.
func (s *scanner) end() {
	if s.peek(); s.err == nil && s.pos < len(s.data) {
		s.fail(s.data[s.pos:], "is not JSON: expected its end")
	}
}

// full fails where a list has as many entries as it may.
func (s *scanner) full(entries, limit int) bool {
	if entries < limit {
		return false
	}
	s.fail(nil, "has too many entries: "+strconv.Itoa(limit)+" are the most")
	return true
}

// crowded counts small things of which a body may have many in many lists, and fails where they are too many together.
func (s *scanner) crowded() bool {
	s.small++
	return s.full(s.small-1, MaxNames)
}

// result is what a decoder returns.
func result[T any](s *scanner, v *T) (*T, error) {
	if s.err != nil {
		return nil, s.fieldError()
	}
	return v, nil
}
