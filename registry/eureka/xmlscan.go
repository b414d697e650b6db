package eureka

import (
	"bytes"
	"unicode/utf8"
)

// xmlScanner reads the XML that Eureka clients write, from memory and without a tree: elements, attributes, text,
// CDATA, comments, processing instructions, character references and the five entities of XML itself. A document
// type is refused, so there are no entities of the sender's own. It is not encoding/xml because that refuses what
// upstream writes and reads: references to control characters (&#x1;) and names with more than one colon.
// The first error sticks, as in scanner.
type xmlScanner struct {
	data  []byte
	pos   int
	field string
	err   *DecodeError

	open      [MaxDepth][]byte // names of the elements around pos
	depth     int
	selfClose bool // the innermost element was <x/>: it ends without an end tag
	attrs     []xmlAttr
	buf       []byte
}

type xmlAttr struct{ name, value []byte } // the value as written

func newXMLScanner(data []byte) *xmlScanner {
	return &xmlScanner{data: bytes.TrimPrefix(data, byteOrderMark)}
}

func (s *xmlScanner) fail(reason string) {
	if s.err == nil {
		s.err = &DecodeError{Field: s.field, Offset: s.pos, Reason: reason}
	}
	s.pos = len(s.data)
}

// root takes the start tag of the document's element and returns its name.
func (s *xmlScanner) root() []byte {
	for s.err == nil {
		s.pos += len(s.data[s.pos:]) - len(bytes.TrimLeft(s.data[s.pos:], " \t\r\n"))
		if s.pos >= len(s.data) {
			s.fail("ends early")
		} else if s.data[s.pos] != '<' {
			s.fail("not XML")
		} else if !s.aside() {
			return s.startTag()
		}
	}
	return nil
}

// child takes the start tag of the next child of the innermost element, or that element's end tag. Text is dropped.
func (s *xmlScanner) child() ([]byte, bool) {
	if s.selfClose {
		s.leave()
		return nil, false
	}
	for s.err == nil {
		lt := bytes.IndexByte(s.data[s.pos:], '<')
		if lt < 0 {
			s.fail("ends early")
			break
		}
		s.pos += lt
		switch {
		case s.aside():
		case s.isCDATA():
			s.cdata()
		case bytes.HasPrefix(s.data[s.pos:], []byte("</")):
			s.endTag()
			return nil, false
		default:
			name := s.startTag()
			return name, s.err == nil
		}
	}
	return nil, false
}

// text takes the text of the innermost element and its end tag. Children are dropped; plain says there were none.
// The text is valid until the next read.
func (s *xmlScanner) text() (text []byte, plain bool) {
	s.buf = s.buf[:0]
	if s.selfClose {
		s.leave()
		return nil, true
	}
	plain = true
	for s.err == nil {
		lt := bytes.IndexByte(s.data[s.pos:], '<')
		if lt < 0 {
			s.fail("ends early")
			break
		}
		s.unescape(s.data[s.pos : s.pos+lt])
		if s.err != nil {
			break
		}
		s.pos += lt
		if s.aside() {
			continue
		}
		if s.isCDATA() {
			s.literal(s.cdata())
			continue
		}
		if bytes.HasPrefix(s.data[s.pos:], []byte("</")) {
			s.endTag()
			return s.buf, plain
		}
		plain = false
		kept := len(s.buf)
		s.startTag()
		s.skip()
		s.buf = s.buf[:kept]
	}
	return nil, false
}

// skip takes the rest of the innermost element, whatever is in it.
func (s *xmlScanner) skip() {
	for outer := s.depth - 1; s.err == nil && s.depth > outer; {
		s.child()
	}
}

// aside takes a comment or processing instruction (also the XML declaration) and refuses a document type.
func (s *xmlScanner) aside() bool {
	rest := s.data[s.pos:]
	var end string
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		rest, end = rest[4:], "-->"
	case bytes.HasPrefix(rest, []byte("<?")):
		rest, end = rest[2:], "?>"
	case bytes.HasPrefix(rest, []byte("<!")) && !s.isCDATA():
		s.fail("document types are refused")
		return true
	default:
		return false
	}
	i := bytes.Index(rest, []byte(end))
	if i < 0 {
		s.fail("ends early")
		return true
	}
	s.pos = len(s.data) - len(rest) + i + len(end)
	return true
}

const cdataStart, cdataEnd = "<![CDATA[", "]]>"

func (s *xmlScanner) isCDATA() bool { return bytes.HasPrefix(s.data[s.pos:], []byte(cdataStart)) }

// cdata takes a CDATA section and returns its text.
func (s *xmlScanner) cdata() []byte {
	start := s.pos + len(cdataStart)
	i := bytes.Index(s.data[start:], []byte(cdataEnd))
	if i < 0 {
		s.fail("ends early")
		return nil
	}
	s.pos = start + i + len(cdataEnd)
	return s.data[start : start+i]
}

// startTag takes a start tag with its attributes.
func (s *xmlScanner) startTag() []byte {
	s.pos++
	name := s.name()
	if s.err != nil {
		return nil
	}
	if s.depth == MaxDepth {
		s.fail("nested too deeply")
		return nil
	}
	s.open[s.depth] = name
	s.depth++
	s.attrs = s.attrs[:0]
	for s.err == nil {
		s.blanks()
		switch {
		case s.at('>'):
			s.pos++
			return name
		case s.at('/'):
			s.pos++
			if !s.at('>') {
				s.fail("bad tag")
				return nil
			}
			s.pos++
			s.selfClose = true
			return name
		}
		s.attr()
	}
	return nil
}

const maxAttributes = 64

func (s *xmlScanner) attr() {
	name := s.name()
	s.blanks()
	if !s.at('=') {
		s.fail("bad attribute")
		return
	}
	s.pos++
	s.blanks()
	if !s.at('"') && !s.at('\'') || len(s.attrs) == maxAttributes {
		s.fail("bad attribute")
		return
	}
	quote := s.data[s.pos]
	s.pos++
	end := bytes.IndexByte(s.data[s.pos:], quote)
	if end < 0 || end > MaxText {
		s.fail("bad attribute")
		return
	}
	s.attrs = append(s.attrs, xmlAttr{name, s.data[s.pos : s.pos+end]})
	s.pos += end + 1
}

// attribute returns the value of an attribute of the start tag just read, as written: the ones that matter hold
// nothing to unescape.
func (s *xmlScanner) attribute(name string) string {
	for _, a := range s.attrs {
		if string(a.name) == name {
			return string(a.value)
		}
	}
	return ""
}

func (s *xmlScanner) endTag() {
	s.pos += 2
	name := s.name()
	s.blanks()
	if !s.at('>') || !bytes.Equal(name, s.open[s.depth-1]) {
		s.fail("wrong end tag")
		return
	}
	s.pos++
	s.leave()
}

func (s *xmlScanner) leave() {
	s.depth--
	s.selfClose = false
}

func (s *xmlScanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *xmlScanner) blanks() {
	for s.pos < len(s.data) && (s.data[s.pos] == ' ' || s.data[s.pos] == '\n' || s.data[s.pos] == '\t' || s.data[s.pos] == '\r') {
		s.pos++
	}
}

// maxName leaves room for a metadata key of MaxText of which every byte is coded, see appendName.
const maxName = 6 * MaxText

// name takes the name of an element or attribute. Which characters may stand in it is not for us to judge.
func (s *xmlScanner) name() []byte {
	if s.err != nil {
		return nil
	}
	end := bytes.IndexAny(s.data[s.pos:], " \t\r\n/>=<&\"'")
	if end < 1 || end > maxName || !utf8.Valid(s.data[s.pos:s.pos+end]) {
		s.fail("bad name")
		return nil
	}
	name := s.data[s.pos : s.pos+end]
	s.pos += end
	return name
}
