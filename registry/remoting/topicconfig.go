package remoting

import "strconv"

// TopicConfig is what a broker registers of a topic, as far as name servers keep it. Attributes and the filter type are left
// out: no answer carries them.
type TopicConfig struct {
	Name                                   string
	ReadQueues, WriteQueues, Perm, SysFlag int32
	Order                                  bool
}

// What a topic has of which a registration says nothing (apache/rocketmq TopicConfig.java).
const (
	defaultQueues int32 = 16
	defaultPerm   int32 = 6
)

// topicConfigs reads a topicConfigTable.
func (s *scanner) topicConfigs(topics *folded[TopicConfig]) {
	s.enter("topicConfigTable")
	defer s.leave()
	for key := range s.members {
		if s.full(len(topics.list), MaxTopics) {
			return
		}
		s.topicConfig(topics, string(key))
	}
}

// topicConfig reads one entry. Its own topicName counts before its key, as upstream has it; an entry without any of its own
// ({"$ref":…}) repeats another one and adds nothing.
func (s *scanner) topicConfig(topics *folded[TopicConfig], key string) {
	if s.null() {
		return
	}
	s.enter(key)
	defer s.leave()
	t := TopicConfig{Name: key, ReadQueues: defaultQueues, WriteQueues: defaultQueues, Perm: defaultPerm}
	for name := range s.members {
		switch string(name) {
		case "topicName":
			if text, ok := s.scalar(); ok && len(text) > 0 && string(text) != key {
				t.Name = string(text)
			}
		case "readQueueNums":
			t.ReadQueues = s.queues("readQueueNums")
		case "writeQueueNums":
			t.WriteQueues = s.queues("writeQueueNums")
		case "perm":
			t.Perm = s.int32Or("perm", defaultPerm)
		case "topicSysFlag":
			t.SysFlag = s.int32Or("topicSysFlag", 0)
		case "order":
			t.Order = s.bool()
		case "$ref":
			s.skip()
			t.Name = ""
		default:
			s.skip()
		}
	}
	if t.Name == "" {
		return
	}
	s.checkName("topicName", t.Name)
	topics.put(t, topicName)
}

func (s *scanner) queues(name string) int32 {
	at := s.pos
	n := s.int32Or(name, defaultQueues)
	if n < 0 || n > MaxQueues {
		s.enter(name)
		s.fail(s.data[at:s.pos], "is no number of queues: 0 to "+strconv.Itoa(MaxQueues)+" are")
	}
	return n
}

// appendJSON writes the topic as a broker does, with the attributes that 5.x brokers send if it is one.
func (t *TopicConfig) appendJSON(dst []byte, attributes bool) []byte {
	dst = append(dst, '{')
	if attributes {
		dst = append(dst, `"attributes":{},`...)
	}
	dst = appendBool(append(dst, `"order":`...), t.Order)
	dst = strconv.AppendInt(append(dst, `,"perm":`...), int64(t.Perm), 10)
	dst = strconv.AppendInt(append(dst, `,"readQueueNums":`...), int64(t.ReadQueues), 10)
	dst = appendString(append(dst, `,"topicFilterType":"SINGLE_TAG","topicName":`...), t.Name)
	dst = strconv.AppendInt(append(dst, `,"topicSysFlag":`...), int64(t.SysFlag), 10)
	dst = strconv.AppendInt(append(dst, `,"writeQueueNums":`...), int64(t.WriteQueues), 10)
	return append(dst, '}')
}
