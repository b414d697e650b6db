package eureka

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// decodeXMLInstance takes what upstream's XStream takes: any order, unknown elements ignored, status in any case, a
// data center without class, the Java class as root.
func decodeXMLInstance(body []byte, now int64) (*Instance, error) {
	s := newXMLScanner(body)
	root := s.root()
	if s.err == nil && string(root) != "instance" && string(root) != "com.netflix.appinfo.InstanceInfo" {
		s.fail("no instance at the root")
	}
	in := s.instance(now)
	if field := in.unfit(); s.err == nil && field != "" {
		s.field = field
		s.fail("missing or too long")
	}
	if s.err != nil {
		return nil, s.err
	}
	return in, nil
}

func decodeXMLApplications(body []byte) (*Applications, error) {
	s := newXMLScanner(body)
	if root := s.root(); s.err == nil && string(root) != "applications" {
		s.fail("no applications at the root")
	}
	a := &Applications{}
	for {
		name, ok := s.child()
		if !ok {
			break
		}
		switch string(name) {
		case "versions__delta", "versions_delta":
			a.VersionsDelta = s.string()
		case "apps__hashcode", "apps_hashcode":
			a.AppsHashCode = s.string()
		case "application":
			a.Applications = append(a.Applications, s.application())
		default:
			s.skip()
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	return a, nil
}

func decodeXMLApplication(body []byte) (*Application, error) {
	s := newXMLScanner(body)
	if root := s.root(); s.err == nil && string(root) != "application" {
		s.fail("no application at the root")
	}
	a := s.application()
	if s.err != nil {
		return nil, s.err
	}
	return a, nil
}

// application takes the children of an application whose start tag was read.
func (s *xmlScanner) application() *Application {
	a := &Application{}
	for {
		name, ok := s.child()
		if !ok {
			break
		}
		switch string(name) {
		case "name":
			a.Name = s.string()
		case "instance":
			in := s.instance(0)
			if s.err == nil && in.ID() == "" {
				s.fail("instance without id")
			}
			a.Instances = append(a.Instances, in)
		default:
			s.skip()
		}
	}
	a.settle()
	return a
}

func (s *xmlScanner) string() string {
	text, _ := s.text()
	return string(text)
}

// long takes a number; what is none changes nothing, as upstream logs and goes on.
func (s *xmlScanner) long(to *int64) {
	text, _ := s.text()
	if n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil {
		*to = n
	}
}

func (s *xmlScanner) int(to *int) {
	n := int64(*to)
	s.long(&n)
	if n <= math.MaxInt32 && n >= math.MinInt32 {
		*to = int(n)
	}
}

// port takes a port; only for a number that is none the whole body is refused. The flag counts when it says the
// opposite of the default.
func (s *xmlScanner) port(p *Port) {
	switch s.attribute("enabled") {
	case "true":
		p.Enabled = true
	case "false":
		p.Enabled = false
	}
	text, _ := s.text()
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 32)
	if err != nil {
		s.fail("not a number")
		return
	}
	p.Number = int(n)
}

func (s *xmlScanner) status(to *Status) {
	text, _ := s.text()
	*to, _ = ParseStatus(strings.ToUpper(string(text)))
}

// metadata takes the children of a metadata element. Those with children of their own are left out.
func (s *xmlScanner) metadata() Metadata {
	var m Metadata
	for {
		name, ok := s.child()
		if !ok {
			return m.unique()
		}
		key := parseName(string(name))
		value, plain := s.text()
		if plain {
			m = append(m, MetadataEntry{key, string(value)})
		}
		if len(key) > MaxText {
			s.fail("text too long")
		}
	}
}

// dataCenterInfo goes by the name alone, as upstream does: Amazon in any case, else exactly MyOwn or Netflix.
func (s *xmlScanner) dataCenterInfo() *DataCenterInfo {
	var d DataCenterInfo
	for {
		name, ok := s.child()
		if !ok {
			break
		}
		switch string(name) {
		case "name":
			if d.Name = s.string(); strings.EqualFold(d.Name, Amazon) {
				d.Name = Amazon
			}
		case "metadata":
			d.Metadata = s.metadata()
		default:
			s.skip()
		}
	}
	if d.Name != Amazon {
		d.Metadata = nil // Go clients write an empty one
	}
	if reason := d.normalize(); s.err == nil && reason != "" {
		s.fail(reason)
	}
	return &d
}

func (s *xmlScanner) leaseInfo(l *LeaseInfo) {
	for {
		name, ok := s.child()
		if !ok {
			return
		}
		switch string(name) {
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
