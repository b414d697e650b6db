package remoting

// ClusterInfo answers which brokers there are (apache/rocketmq ClusterInfo.java).
type ClusterInfo struct {
	Brokers  []BrokerData
	Clusters []ClusterBrokers
}

// ClusterBrokers are the names of a cluster's broker groups.
type ClusterBrokers struct {
	Cluster string
	Names   []string
}

// AppendJSON appends the info as Java writes it, in the order it has. Upstream always writes Bare here.
func (c *ClusterInfo) AppendJSON(dst []byte, d Dialect) []byte {
	dst = append(dst, `{"brokerAddrTable":{`...)
	for i := range c.Brokers {
		if i > 0 {
			dst = append(dst, ',')
		}
		b := &c.Brokers[i]
		dst = b.appendJSON(append(appendString(dst, b.Name), ':'), d)
	}
	dst = append(dst, `},"clusterAddrTable":{`...)
	for i, cluster := range c.Clusters {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendStrings(append(appendString(dst, cluster.Cluster), ':'), cluster.Names)
	}
	return append(dst, '}', '}')
}

// DecodeClusterInfo reads an info in either dialect. Nulls among names are left out: upstream keeps the name of a broker that
// registered without one. The error is a *FieldError.
func DecodeClusterInfo(body []byte) (*ClusterInfo, error) {
	s := scanner{data: body}
	c := &ClusterInfo{}
	for name := range s.document {
		switch string(name) {
		case "brokerAddrTable":
			for range s.members {
				if s.full(len(c.Brokers), MaxGroups) {
					break
				}
				c.Brokers = append(c.Brokers, s.brokerData())
			}
		case "clusterAddrTable":
			for name := range s.members {
				if s.full(len(c.Clusters), MaxGroups) {
					break
				}
				cluster := ClusterBrokers{Cluster: string(name)}
				cluster.Names = s.names()
				c.Clusters = append(c.Clusters, cluster)
			}
		default:
			s.skip()
		}
	}
	return result(&s, c)
}

// names reads an array of texts and leaves out nulls.
func (s *scanner) names() (names []string) {
	for range s.elements {
		if s.crowded() {
			break
		}
		if name, ok := s.text(); ok {
			names = append(names, name)
		}
	}
	return names
}

// MemberGroup answers who is in a broker group (apache/rocketmq GetBrokerMemberGroupResponseBody.java). Ids are the true ones;
// names are those asked for, "" when none were.
type MemberGroup struct {
	Cluster, Name string
	Addrs         []BrokerAddr
}

// AppendJSON appends the group as Java writes it. Upstream always writes Bare here.
func (m *MemberGroup) AppendJSON(dst []byte, d Dialect) []byte {
	dst = appendAddrs(append(dst, `{"brokerMemberGroup":{`...), m.Addrs, d)
	if m.Name != "" {
		dst = appendString(append(dst, `,"brokerName":`...), m.Name)
	}
	if m.Cluster != "" {
		dst = appendString(append(dst, `,"cluster":`...), m.Cluster)
	}
	return append(dst, '}', '}')
}

// DecodeMemberGroup reads a group in either dialect. The error is a *FieldError.
func DecodeMemberGroup(body []byte) (*MemberGroup, error) {
	s := scanner{data: body}
	m := &MemberGroup{}
	for name := range s.document {
		if string(name) != "brokerMemberGroup" {
			s.skip()
			continue
		}
		b := s.brokerData()
		m.Cluster, m.Name, m.Addrs = b.Cluster, b.Name, b.Addrs
	}
	return result(&s, m)
}
