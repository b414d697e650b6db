package remoting

import (
	"bytes"
	"hash/crc32"
	"time"
)

// ActingMaster is a flag that old brokers do not send, which means something else than sending false
// (apache/rocketmq RouteInfoManager.java: registerBroker).
type ActingMaster uint8

// The three values of enableActingMaster.
const (
	ActingMasterAbsent ActingMaster = iota
	ActingMasterFalse
	ActingMasterTrue
)

// Registration is what a broker says of itself and its topics, whatever the form it came in.
type Registration struct {
	Cluster, Addr, Name, HAAddr string
	Zone                        string // "" for none
	ID                          int64  // 0 is the master
	ActingMaster                ActingMaster
	Timeout                     time.Duration // of silence until the broker counts as gone; 0 when it did not say

	Version   DataVersion
	Topics    []TopicConfig // in the order of the body, each name once
	HasTopics bool          // a table of topics came, be it empty
	Mappings  []QueueMapping

	FilterServers    []string
	HasFilterServers bool // a list came, be it empty
}

const maxTimeout = 24 * time.Hour

// DecodeRegistration reads a REGISTER_BROKER request: its extFields and its body, plain or compressed, whatever the labels say. The
// error is a *FieldError or ErrCRC; then nothing of the request may be registered.
func DecodeRegistration(q *Request) (*Registration, error) {
	r := &Registration{}
	if err := r.decodeHeader(q); err != nil {
		return nil, err
	}
	if err := checkCRC(q); err != nil {
		return nil, err
	}
	// Compat: 5.x brokers label compressed bodies compressed=false (apache/rocketmq BrokerOuterAPI.java: registerBrokerAll), so the
	// first byte decides: 0x78 begins a zlib stream and no JSON.
	var err error
	switch {
	case len(q.Body) == 0:
	case Compressed(q.Body):
		err = r.decodeCompressed(q.Body)
	default:
		err = r.decodePlain(q.Body)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Compressed says whether the body of a registration will be inflated, so that its size does not tell what becomes of it.
func Compressed(body []byte) bool { return len(body) > 0 && body[0] == zlibFirst }

func (r *Registration) decodeHeader(q *Request) error {
	ref, err := decodeRef(q, true)
	if err != nil {
		return err
	}
	r.Cluster, r.Addr, r.Name, r.ID = ref.Cluster, ref.Addr, ref.Name, ref.ID
	if r.HAAddr, err = q.Required("haServerAddr"); err != nil {
		return err
	}
	if err := checkAddr("haServerAddr", r.HAAddr); err != nil {
		return err
	}
	r.Zone, _ = q.FieldString("__ZONE_NAME")
	if len(r.Zone) > MaxName {
		return checkName("__ZONE_NAME", r.Zone)
	}
	if _, ok := q.Field("enableActingMaster"); ok {
		r.ActingMaster = ActingMasterFalse
		if q.Bool("enableActingMaster") {
			r.ActingMaster = ActingMasterTrue
		}
	}
	ms, ok, err := q.Int("heartbeatTimeoutMillis")
	switch {
	case err != nil:
		return err
	case ok && (ms <= 0 || ms > maxTimeout.Milliseconds()):
		value, _ := q.FieldString("heartbeatTimeoutMillis")
		return &FieldError{Field: "heartbeatTimeoutMillis", Value: value, Reason: "is out of range: send 1 to 86400000, or leave it out for 120000"}
	}
	r.Timeout = time.Duration(ms) * time.Millisecond
	return nil
}

// checkCRC holds the body against its checksum, whose sign bit Java has cut off. 0 means there is none.
func checkCRC(q *Request) error {
	want, _, err := q.Int("bodyCrc32")
	if err != nil || want == 0 {
		return err
	}
	if want != int64(crc32.ChecksumIEEE(q.Body)&0x7FFFFFFF) {
		return ErrCRC
	}
	return nil
}

// decodePlain reads a JSON body. RegisterBrokerBody wraps the table of topics, brokers before V3_0_11 send it bare, and brokers that
// forget to say their version send the one and look like the other (apache/rocketmq issue 1211): the names of the members tell.
func (r *Registration) decodePlain(body []byte) error {
	s := scanner{data: body}
	if s.peek() != '{' {
		return &FieldError{Field: "body", Value: excerpt(body), Reason: "is not a registration: send it as JSON, or compressed as brokers do"}
	}
	topics := &folded[TopicConfig]{list: make([]TopicConfig, 0, len(body)/160)}
	for name := range s.document {
		switch string(name) {
		case "topicConfigSerializeWrapper":
			for name := range s.members {
				s.wrapped(r, topics, name)
			}
		case "filterServerList":
			r.FilterServers, r.HasFilterServers = s.filterServers()
		default:
			s.wrapped(r, topics, name)
		}
	}
	r.Topics = topics.list
	return s.fieldError()
}

// wrapped reads one member of a TopicConfigSerializeWrapper.
func (s *scanner) wrapped(r *Registration, topics *folded[TopicConfig], name []byte) {
	switch string(name) {
	case "dataVersion":
		r.Version = s.dataVersion()
	case "topicConfigTable":
		topics.reset() // of several the last counts
		r.HasTopics = s.peek() == '{'
		s.topicConfigs(topics)
	case "topicQueueMappingInfoMap":
		r.Mappings = s.mappings("topicQueueMappingInfoMap", mappedTopic)
	default:
		s.skip()
	}
}

func (s *scanner) filterServers() (list []string, present bool) {
	s.enter("filterServerList")
	defer s.leave()
	present = s.peek() == '['
	for range s.elements {
		if s.crowded() {
			break
		}
		text, ok := s.scalar()
		switch {
		case !ok || len(bytes.TrimSpace(text)) == 0:
			continue
		case len(list) >= MaxFilterServers || len(text) > MaxName:
			s.fail(text, "is too long, or one of too many filter servers")
		}
		list = append(list, string(text))
	}
	return list, present
}
