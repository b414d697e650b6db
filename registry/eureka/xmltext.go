package eureka

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// unescape appends character data to buf, with references replaced and line ends made '\n', as XML demands.
func (s *xmlScanner) unescape(raw []byte) {
	for len(raw) > 0 && s.err == nil {
		amp := bytes.IndexByte(raw, '&')
		if amp < 0 {
			s.literal(raw)
			return
		}
		s.literal(raw[:amp])
		semicolon := bytes.IndexByte(raw[amp:], ';')
		if semicolon < 0 {
			s.fail("bad reference")
			return
		}
		if s.reference(string(raw[amp+1 : amp+semicolon])); len(s.buf) > MaxText {
			s.fail("text too long")
		}
		raw = raw[amp+semicolon+1:]
	}
}

func (s *xmlScanner) reference(name string) {
	switch name {
	case "amp":
		s.buf = append(s.buf, '&')
	case "lt":
		s.buf = append(s.buf, '<')
	case "gt":
		s.buf = append(s.buf, '>')
	case "quot":
		s.buf = append(s.buf, '"')
	case "apos":
		s.buf = append(s.buf, '\'')
	default:
		s.character(name)
	}
}

// character takes the inside of &#10; or &#xa;. Control characters are accepted: upstream writes them so.
func (s *xmlScanner) character(name string) {
	digits, base := name, 10
	if len(digits) < 2 || digits[0] != '#' {
		s.fail("unknown entity")
		return
	}
	digits = digits[1:]
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune {
		s.fail("bad reference")
		return
	}
	s.buf = utf8.AppendRune(s.buf, rune(n)) // half a surrogate pair comes out as U+FFFD
}

// literal appends text in which nothing is escaped.
func (s *xmlScanner) literal(raw []byte) {
	if len(s.buf)+len(raw) > MaxText {
		s.fail("text too long")
		return
	}
	if !utf8.Valid(raw) {
		s.fail("invalid UTF-8")
		return
	}
	for i, c := range raw {
		switch {
		case c == '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				continue
			}
			c = '\n'
		case c < ' ' && c != '\t' && c != '\n':
			s.fail("control character")
			return
		}
		s.buf = append(s.buf, c)
	}
}
