package eureka

import "strings"

// DecodeInstance decodes a registration, {"instance":{…}} or <instance>…</instance>; full or compact makes no
// difference. It takes a superset of what upstream takes: keys in any order, unknown values of any shape, plain port
// numbers, a data center without class. now, in milliseconds, stands in for a missing lastDirtyTimestamp.
//
// The error is a *DecodeError, or ErrNull. What decodes is not yet valid: see Validate.
func DecodeInstance(body []byte, f Format, now int64) (*Instance, error) {
	var in *Instance
	var err error
	if f.IsXML() {
		in, err = decodeXMLInstance(body, now)
	} else {
		in, err = decodeWrappedInstance(body, now)
	}
	if err != nil {
		return nil, err
	}
	if err := in.limited(); err != nil {
		return nil, err
	}
	return in, nil
}

// DecodeBareInstance decodes an unwrapped JSON instance, as it stands in replication batches and as the registry
// keeps it. Everything that AppendInstance wrote as JSON comes back as it was. Otherwise like DecodeInstance.
func DecodeBareInstance(body []byte, now int64) (*Instance, error) {
	s := newScanner(body)
	in := s.instance(now)
	return s.fit(in)
}

func (s *scanner) fit(in *Instance) (*Instance, error) {
	if s.err == nil {
		if s.field = in.unfit(); s.field != "" {
			s.fail("missing or too long")
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	return in, nil
}

// unfit names the field that makes an instance useless though its text is fine, "" if there is none: nobody said its
// application (upstream's builder refuses that, too), or a text grew too long for us to read it back.
func (in *Instance) unfit() string {
	switch {
	case in.App == "" && !in.Blank.Has(FieldApp), len(in.App) > MaxText:
		return "app"
	case len(in.AppGroupName) > MaxText:
		return "appGroupName"
	case len(in.InstanceID) > MaxText:
		return "instanceId"
	}
	return ""
}

// limited is for instances that come from outside.
func (in *Instance) limited() error {
	if len(in.Metadata) > MaxMetadataEntries {
		return &DecodeError{Field: "metadata", Reason: "too many entries"}
	}
	if in.DataCenterInfo != nil && len(in.DataCenterInfo.Metadata) > MaxMetadataEntries {
		return &DecodeError{Field: "dataCenterInfo", Reason: "too many entries"}
	}
	if strings.Count(in.VIPAddress, ",") >= MaxVIPs || strings.Count(in.SecureVIPAddress, ",") >= MaxVIPs {
		return &DecodeError{Field: "vipAddress", Reason: "too many addresses"}
	}
	// Compat: only a server can say this of itself, so upstream's answer is false whatever a client claims.
	in.IsCoordinatingDiscoveryServer = false
	return nil
}

func decodeWrappedInstance(body []byte, now int64) (*Instance, error) {
	s := newScanner(body)
	if s.peek() == 'n' {
		if s.scalar(); s.err == nil {
			return nil, ErrNull
		}
	}
	if !s.root("instance") {
		return nil, s.err
	}
	in := s.instance(now)
	s.endRoot()
	return s.fit(in)
}

// root takes the object around a document and the name of its only member. Upstream refuses siblings.
func (s *scanner) root(name string) bool {
	if !s.open('{') {
		return false
	}
	key, ok := s.key(true)
	if s.err == nil && (!ok || string(key) != name) {
		s.fail("no " + name + " at the root")
	}
	return s.err == nil
}

// endRoot takes the end of that object. What follows is ignored, as upstream does.
func (s *scanner) endRoot() {
	if s.peek() == '}' {
		s.pos++
		return
	}
	s.unexpected('}')
}

// DecodeApplications decodes a full list, a delta, or an answer to a query by vip, as clients and servers that copy
// from Java peers read it. A single object in place of an array is accepted, as older servers wrote it.
// The error is a *DecodeError.
func DecodeApplications(body []byte, f Format) (*Applications, error) {
	if f.IsXML() {
		return decodeXMLApplications(body)
	}
	s := newScanner(body)
	if !s.root("applications") {
		return nil, s.err
	}
	a := s.applications()
	s.endRoot()
	if s.err != nil {
		return nil, s.err
	}
	return a, nil
}

// DecodeApplication decodes the answer to a query for one application. Otherwise like DecodeApplications.
func DecodeApplication(body []byte, f Format) (*Application, error) {
	if f.IsXML() {
		return decodeXMLApplication(body)
	}
	s := newScanner(body)
	if !s.root("application") {
		return nil, s.err
	}
	a := s.application()
	s.endRoot()
	if s.err != nil {
		return nil, s.err
	}
	return a, nil
}
