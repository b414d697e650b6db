package eureka

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// text takes a plain value as text; false for null. Numbers and booleans give their literal, as upstream's parser.
func (s *scanner) text() (string, bool) {
	text, kind := s.scalar()
	if kind == isNull {
		return "", false
	}
	return string(text), true
}

// long takes a number, or text that holds one, and stores it unless the value is null. Fractions are cut off and
// text that is no number counts as 0, both as recorded from upstream.
func (s *scanner) long(to *int64) {
	text, kind := s.scalar()
	if kind == isNull {
		return
	}
	if n, ok := parseDigits(text); ok {
		*to = n
		return
	}
	text = bytes.TrimSpace(text)
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		*to = n
		return
	}
	f, err := strconv.ParseFloat(string(text), 64)
	switch {
	case err != nil && kind == isString, kind == isBool, math.IsNaN(f):
		*to = 0
	case math.Abs(f) >= math.MaxInt64:
		s.fail("number out of range")
	default:
		*to = int64(f)
	}
}

// int is long for the fields that upstream keeps in 32 bits.
func (s *scanner) int(to *int) {
	n := int64(*to)
	s.long(&n)
	if n > math.MaxInt32 || n < math.MinInt32 {
		s.fail("number out of range")
		return
	}
	*to = int(n)
}

// parseDigits reads the usual timestamp or port: up to 18 digits and nothing else.
func parseDigits(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// flag takes "true" or true as true, anything else as false, and stores it unless the value is null.
func (s *scanner) flag(to *bool) {
	if text, kind := s.scalar(); kind != isNull {
		*to = string(text) == "true"
	}
}

// status takes a status; null keeps what is there, an unknown name (also one in lower case) is Unknown.
func (s *scanner) status(to *Status) {
	text, kind := s.scalar()
	if kind == isNull {
		return
	}
	switch string(text) { // spelled out, so that the conversion costs nothing
	case "UP":
		*to = Up
	case "DOWN":
		*to = Down
	case "STARTING":
		*to = Starting
	case "OUT_OF_SERVICE":
		*to = OutOfService
	default:
		*to = Unknown
	}
}

// port takes {"$":8080,"@enabled":"true"}; what is missing keeps its default. Clients also send "8080" and 8080.
func (s *scanner) port(p *Port) {
	if s.peek() != '{' {
		s.int(&p.Number)
		return
	}
	s.open('{')
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			return
		}
		switch string(key) {
		case "$":
			s.int(&p.Number)
		case "@enabled":
			s.flag(&p.Enabled)
		default:
			s.skip()
		}
	}
}

// metadata takes an object of plain values. Nested values are left out, and so is Java's note of a map's class.
// nulls says what a null value means: upstream keeps "null" for an instance's own metadata.
func (s *scanner) metadata(nulls bool) Metadata {
	if s.peek() == 'n' {
		s.scalar()
		return nil
	}
	if !s.open('{') {
		return nil
	}
	var m Metadata
	for first := true; ; first = false {
		name, ok := s.key(first)
		if !ok {
			return m.unique()
		}
		if c := s.peek(); c == '{' || c == '[' {
			s.skip()
			continue
		}
		key := string(name)
		text, kind := s.scalar()
		if kind == isNull && !nulls || key == "@class" && bytes.HasPrefix(text, []byte("java.")) {
			continue
		}
		if m == nil {
			m = make(Metadata, 0, 8)
		}
		m = append(m, MetadataEntry{key, string(text)})
	}
}

func (s *scanner) leaseInfo(l *LeaseInfo) {
	if s.peek() == 'n' {
		s.scalar()
		return
	}
	if !s.open('{') {
		return
	}
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			return
		}
		switch string(key) {
		case "renewalIntervalInSecs":
			s.int(&l.RenewalIntervalInSecs)
		case "durationInSecs":
			s.int(&l.DurationInSecs)
		case "registrationTimestamp":
			s.long(&l.RegistrationTimestamp)
		case "lastRenewalTimestamp":
			s.long(&l.LastRenewalTimestamp)
		case "evictionTimestamp":
			s.long(&l.EvictionTimestamp)
		case "serviceUpTimestamp":
			s.long(&l.ServiceUpTimestamp)
		default:
			s.skip()
		}
	}
}

// dataCenterInfo takes class, name and metadata in any order. The class may be missing when the name is known. Here
// upstream is strict, and so is this: an unknown class, name or member is refused.
func (s *scanner) dataCenterInfo() *DataCenterInfo {
	if s.peek() == 'n' {
		s.scalar()
		return nil
	}
	if !s.open('{') {
		return nil
	}
	var d DataCenterInfo
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			break
		}
		switch string(key) {
		case "@class":
			d.Class, _ = s.text()
		case "name":
			d.Name, _ = s.text()
		case "metadata":
			d.Metadata = s.metadata(false)
		default:
			s.fail(fmt.Sprintf("unknown member %.40q", key))
		}
	}
	if reason := d.normalize(); reason != "" {
		s.fail(reason)
	}
	return &d
}
