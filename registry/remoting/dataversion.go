package remoting

import "strconv"

// DataVersion says which state of a broker's topics a registration shows. Two are the same when all three parts are
// (apache/rocketmq DataVersion.java: equals); StateVersion orders the masters of a group that elects them.
type DataVersion struct {
	StateVersion int64 `json:"stateVersion"`
	Timestamp    int64 `json:"timestamp"`
	Counter      int64 `json:"counter"`
}

// DecodeDataVersion reads the body of a version query. Parts that are absent, null or empty are 0; numbers may be text. The error
// is a *FieldError.
func DecodeDataVersion(body []byte) (DataVersion, error) {
	s := scanner{data: body}
	v := s.dataVersion()
	s.end()
	return v, s.fieldError()
}

func (s *scanner) dataVersion() (v DataVersion) {
	s.enter("dataVersion")
	defer s.leave()
	for name := range s.members {
		switch string(name) {
		case "counter":
			v.Counter = s.part("counter")
		case "stateVersion":
			v.StateVersion = s.part("stateVersion")
		case "timestamp":
			v.Timestamp = s.part("timestamp")
		default:
			s.skip()
		}
	}
	return v
}

// part takes a whole number under a name, 0 for none.
func (s *scanner) part(name string) int64 {
	s.enter(name)
	n, _ := s.int64()
	s.leave()
	return n
}

// AppendJSON appends the version as Java writes it.
func (v DataVersion) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"counter":`...), v.Counter, 10)
	dst = strconv.AppendInt(append(dst, `,"stateVersion":`...), v.StateVersion, 10)
	dst = strconv.AppendInt(append(dst, `,"timestamp":`...), v.Timestamp, 10)
	return append(dst, '}')
}
