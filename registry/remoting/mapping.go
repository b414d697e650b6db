package remoting

import "strconv"

// QueueMapping says which of a static topic's logical queues a broker holds, and as which of its own
// (apache/rocketmq TopicQueueMappingInfo.java).
type QueueMapping struct {
	Topic, Broker, Scope string // Broker is bname on the wire
	TotalQueues          int32
	Epoch                int64
	Dirty                bool
	Current              []IDPair // currIdMap: each logical queue once
}

// IDPair is one entry of currIdMap.
type IDPair struct{ Logical, Physical int32 }

func (p IDPair) key() int64 { return int64(p.Logical) }

const globalScope = "__global__"

// AppendJSON appends the mapping as Java writes it, its numeric keys in the dialect.
func (m *QueueMapping) AppendJSON(dst []byte, d Dialect) []byte {
	dst = appendString(append(dst, `{"bname":`...), m.Broker)
	dst = append(dst, `,"currIdMap":{`...)
	for i, p := range order(d, m.Current, IDPair.key) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(d.appendKey(dst, p.key()), int64(p.Physical), 10)
	}
	dst = appendBool(append(dst, `},"dirty":`...), m.Dirty)
	dst = strconv.AppendInt(append(dst, `,"epoch":`...), m.Epoch, 10)
	dst = appendString(append(dst, `,"scope":`...), m.Scope)
	dst = appendString(append(dst, `,"topic":`...), m.Topic)
	dst = strconv.AppendInt(append(dst, `,"totalQueues":`...), int64(m.TotalQueues), 10)
	return append(dst, '}')
}

// mappings reads a map whose values are mappings and which has the topic, or the broker, for key. The last of each key counts.
func (s *scanner) mappings(name string, key func(*QueueMapping) string) []QueueMapping {
	s.enter(name)
	defer s.leave()
	var found folded[QueueMapping]
	queues := 0
	for name := range s.members {
		s.enter(string(name))
		m, ok := s.mapping()
		s.leave()
		if !ok {
			continue
		}
		found.put(m, key)
		s.checkMappings(len(found.list), &m, &queues)
	}
	return found.list
}

// checkMappings bounds what mappings have come to with the last of them.
func (s *scanner) checkMappings(mappings int, last *QueueMapping, queues *int) {
	*queues += len(last.Current)
	if mappings > MaxTopics || *queues > MaxMappedQueues {
		s.fail(nil, "has too many mappings: "+strconv.Itoa(MaxTopics)+" with "+strconv.Itoa(MaxMappedQueues)+" queues together are the most")
	}
}

// mapping reads one mapping. It is false for null.
func (s *scanner) mapping() (m QueueMapping, ok bool) {
	if s.null() {
		return m, false
	}
	m.Scope = globalScope
	for name := range s.members {
		switch string(name) {
		case "topic":
			m.Topic, _ = s.text()
		case "bname":
			m.Broker, _ = s.text()
		case "scope":
			m.Scope, _ = s.text()
		case "totalQueues":
			m.TotalQueues = s.int32Or("totalQueues", 0)
		case "epoch":
			m.Epoch = s.part("epoch")
		case "dirty":
			m.Dirty = s.bool()
		case "currIdMap":
			m.Current = s.currentIDs()
		default:
			s.skip()
		}
	}
	s.checkName("topic", m.Topic)
	s.checkName("bname", m.Broker)
	if m.Scope != "" {
		s.checkName("scope", m.Scope)
	}
	return m, s.err == nil
}

// checkName fails where a member's text is no name.
func (s *scanner) checkName(member, name string) {
	if err := checkName(member, name); err != nil {
		s.enter(member)
		s.fail([]byte(name), err.Reason)
		s.leave()
	}
}

func (s *scanner) currentIDs() []IDPair {
	s.enter("currIdMap")
	defer s.leave()
	ids := []IDPair{}
	for name := range s.members {
		logical := s.numberKey(name)
		if !inInt32(logical) || len(ids) >= MaxMappedQueues {
			s.fail(name, "is no queue's number, or there are too many")
		}
		physical, _ := s.int32()
		ids = append(ids, IDPair{int32(logical), physical})
	}
	return lastOfEach(ids, IDPair.key)
}
