package remoting

import "strconv"

// TopicRoute answers who has a topic (apache/rocketmq TopicRouteData.java). Clients take it whole: what it leaves out, they forget.
type TopicRoute struct {
	Queues        []QueueData
	Brokers       []BrokerData
	FilterServers []FilterServers
	OrderConf     string // "broker-a:4;broker-b:4"
	HasOrderConf  bool
	Mappings      []QueueMapping // of a static topic, each under its broker
}

// QueueData is what one broker group has of a topic.
type QueueData struct {
	Broker                                 string
	ReadQueues, WriteQueues, Perm, SysFlag int32
}

// FilterServers are those of the broker at an address.
type FilterServers struct {
	Addr string
	List []string
}

// AppendJSON appends the route as Java writes it, without any white space, lists in the order they have. The lists are there even
// when empty, as clients need them.
func (r *TopicRoute) AppendJSON(dst []byte, d Dialect) []byte {
	dst = append(dst, `{"brokerDatas":[`...)
	for i := range r.Brokers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Brokers[i].appendJSON(dst, d)
	}
	dst = append(dst, `],"filterServerTable":{`...)
	for i, f := range r.FilterServers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendStrings(append(appendString(dst, f.Addr), ':'), f.List)
	}
	dst = append(dst, '}')
	if r.HasOrderConf {
		dst = appendString(append(dst, `,"orderTopicConf":`...), r.OrderConf)
	}
	dst = append(dst, `,"queueDatas":[`...)
	for i := range r.Queues {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Queues[i].appendJSON(dst)
	}
	dst = append(dst, ']')
	if len(r.Mappings) > 0 {
		dst = append(dst, `,"topicQueueMappingByBroker":{`...)
		for i := range r.Mappings {
			if i > 0 {
				dst = append(dst, ',')
			}
			m := &r.Mappings[i]
			dst = m.AppendJSON(append(appendString(dst, m.Broker), ':'), d)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func (q *QueueData) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"brokerName":`...), q.Broker)
	dst = strconv.AppendInt(append(dst, `,"perm":`...), int64(q.Perm), 10)
	dst = strconv.AppendInt(append(dst, `,"readQueueNums":`...), int64(q.ReadQueues), 10)
	dst = strconv.AppendInt(append(dst, `,"topicSysFlag":`...), int64(q.SysFlag), 10)
	dst = strconv.AppendInt(append(dst, `,"writeQueueNums":`...), int64(q.WriteQueues), 10)
	return append(dst, '}')
}

// DecodeTopicRoute reads a route in either dialect: the answer to a client, and the body of REGISTER_TOPIC_IN_NAMESRV, of which
// only Queues count. The error is a *FieldError.
func DecodeTopicRoute(body []byte) (*TopicRoute, error) {
	s := scanner{data: body}
	r := &TopicRoute{}
	for name := range s.document {
		switch string(name) {
		case "brokerDatas":
			r.Brokers = list(&s, "brokerDatas", s.brokerData)
		case "filterServerTable":
			r.FilterServers = s.filterServerTable()
		case "orderTopicConf":
			r.OrderConf, r.HasOrderConf = s.text()
		case "queueDatas":
			r.Queues = list(&s, "queueDatas", s.queueData)
		case "topicQueueMappingByBroker":
			r.Mappings = s.mappings("topicQueueMappingByBroker", mappedBroker)
		default:
			s.skip()
		}
	}
	return result(&s, r)
}

// list reads an array of at most MaxGroups objects.
func list[T any](s *scanner, name string, object func() T) (all []T) {
	s.enter(name)
	defer s.leave()
	for range s.elements {
		if s.full(len(all), MaxGroups) {
			break
		}
		all = append(all, object())
	}
	return all
}

func (s *scanner) queueData() (q QueueData) {
	for name := range s.members {
		switch string(name) {
		case "brokerName":
			q.Broker, _ = s.text()
		case "perm":
			q.Perm = s.int32Or("perm", 0)
		case "readQueueNums":
			q.ReadQueues = s.int32Or("readQueueNums", 0)
		case "topicSysFlag":
			q.SysFlag = s.int32Or("topicSysFlag", 0)
		case "writeQueueNums":
			q.WriteQueues = s.int32Or("writeQueueNums", 0)
		default:
			s.skip()
		}
	}
	return q
}

func (s *scanner) filterServerTable() (table []FilterServers) {
	s.enter("filterServerTable")
	defer s.leave()
	for name := range s.members {
		if s.full(len(table), MaxGroups) {
			break
		}
		f := FilterServers{Addr: string(name)}
		f.List, _ = s.filterServers()
		table = append(table, f)
	}
	return table
}
