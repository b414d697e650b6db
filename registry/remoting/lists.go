package remoting

// TopicList answers with names (apache/rocketmq TopicList.java).
type TopicList struct {
	BrokerAddr string // whom to ask for more; "" for nobody
	Topics     []string
}

// AppendJSON appends the list as Java writes it, in the order it has.
func (l *TopicList) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	if l.BrokerAddr != "" {
		dst = append(appendString(append(dst, `"brokerAddr":`...), l.BrokerAddr), ',')
	}
	return append(appendStrings(append(dst, `"topicList":`...), l.Topics), '}')
}

// DecodeTopicList reads a list and leaves out nulls. The error is a *FieldError.
func DecodeTopicList(body []byte) (*TopicList, error) {
	s := scanner{data: body}
	l := &TopicList{}
	for name := range s.document {
		switch string(name) {
		case "brokerAddr":
			l.BrokerAddr, _ = s.text()
		case "topicList":
			l.Topics = s.names()
		default:
			s.skip()
		}
	}
	return result(&s, l)
}

// KVTable answers with the entries of a namespace (apache/rocketmq KVTable.java).
type KVTable struct{ Entries []Field }

// AppendJSON appends the table as Java writes it, in the order it has.
func (t *KVTable) AppendJSON(dst []byte) []byte {
	return append(appendFields(append(dst, `{"table":`...), t.Entries), '}')
}

// DecodeKVTable reads a table; entries that are null are left out. The error is a *FieldError.
func DecodeKVTable(body []byte) (*KVTable, error) {
	s := scanner{data: body}
	t := &KVTable{}
	for name := range s.document {
		if string(name) != "table" {
			s.skip()
			continue
		}
		for name := range s.members {
			if s.crowded() {
				break
			}
			key := string(name)
			if value, ok := s.text(); ok {
				t.Entries = append(t.Entries, Field{key, value})
			}
		}
	}
	return result(&s, t)
}
