package remoting

// BrokerData is a broker group in an answer: one name, an address for each of its brokers.
type BrokerData struct {
	Cluster, Name string
	Zone          string // "" for none
	Addrs         []BrokerAddr
	ActingMaster  bool
}

// BrokerAddr is one broker of a group; ID 0 is its master.
type BrokerAddr struct {
	ID   int64
	Addr string
}

func (a BrokerAddr) id() int64 { return a.ID }

// appendJSON writes the group as routes and cluster infos have it. brokerAddrs is there even when empty: Go clients fall over
// without it, Java clients too.
func (b *BrokerData) appendJSON(dst []byte, d Dialect) []byte {
	dst = appendAddrs(append(dst, '{'), b.Addrs, d)
	dst = appendString(append(dst, `,"brokerName":`...), b.Name)
	dst = appendString(append(dst, `,"cluster":`...), b.Cluster)
	dst = appendBool(append(dst, `,"enableActingMaster":`...), b.ActingMaster)
	if b.Zone != "" {
		dst = appendString(append(dst, `,"zoneName":`...), b.Zone)
	}
	return append(dst, '}')
}

func appendAddrs(dst []byte, addrs []BrokerAddr, d Dialect) []byte {
	dst = append(dst, `"brokerAddrs":{`...)
	for i, a := range order(d, addrs, BrokerAddr.id) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(d.appendKey(dst, a.ID), a.Addr)
	}
	return append(dst, '}')
}

func (s *scanner) brokerData() (b BrokerData) {
	for name := range s.members {
		switch string(name) {
		case "brokerAddrs":
			b.Addrs = s.addrs()
		case "brokerName":
			b.Name, _ = s.text()
		case "cluster":
			b.Cluster, _ = s.text()
		case "enableActingMaster":
			b.ActingMaster = s.bool()
		case "zoneName":
			b.Zone, _ = s.text()
		default:
			s.skip()
		}
	}
	return b
}

func (s *scanner) addrs() (addrs []BrokerAddr) {
	s.enter("brokerAddrs")
	defer s.leave()
	for name := range s.members {
		if s.crowded() {
			break
		}
		id := s.numberKey(name)
		if addr, ok := s.text(); ok {
			addrs = append(addrs, BrokerAddr{id, addr})
		}
	}
	return lastOfEach(addrs, BrokerAddr.id)
}
