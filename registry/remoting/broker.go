package remoting

// BrokerRef is how a request names a broker that it is about.
type BrokerRef struct {
	Cluster, Addr, Name string
	ID                  int64 // 0 where the request may leave it out
}

// DecodeUnregistration reads an UNREGISTER_BROKER request. The error is a *FieldError.
func DecodeUnregistration(q *Request) (BrokerRef, error) { return decodeRef(q, true) }

// DecodeHeartbeat reads a BROKER_HEARTBEAT. Its fields for controllers mean nothing to a name server. The error is a *FieldError.
func DecodeHeartbeat(q *Request) (BrokerRef, error) { return decodeRef(q, false) }

// DecodeVersionQuery reads a QUERY_DATA_VERSION request with the version that the broker has; none is all zeros. The error is a
// *FieldError.
func DecodeVersionQuery(q *Request) (ref BrokerRef, v DataVersion, err error) {
	if ref, err = decodeRef(q, true); err != nil || q.Body == nil {
		return ref, v, err
	}
	v, err = DecodeDataVersion(q.Body)
	return ref, v, err
}

func decodeRef(q *Request, needID bool) (ref BrokerRef, err error) {
	if ref.Name, err = q.name("brokerName"); err != nil {
		return ref, err
	}
	if ref.Cluster, err = q.name("clusterName"); err != nil {
		return ref, err
	}
	if ref.Addr, err = q.Required("brokerAddr"); err != nil {
		return ref, err
	}
	if err := checkAddr("brokerAddr", ref.Addr); err != nil {
		return ref, err
	}
	id, ok, err := q.Int("brokerId")
	if err == nil && !ok && needID {
		err = missing("brokerId", "0 is a master, others are slaves")
	}
	ref.ID = id
	return ref, err
}

// name is a required field that names something.
func (q *Request) name(field string) (string, error) {
	name, err := q.Required(field)
	if err == nil && len(name) > MaxName {
		return "", checkName(field, name)
	}
	return name, err
}

// MinBrokerIDChange is what a name server tells the brokers of a group when its lowest id, the one that may act as master, is
// another (apache/rocketmq NotifyMinBrokerIdChangeRequestHeader.java). Texts that are "" are not sent.
type MinBrokerIDChange struct {
	MinID       int64
	MinAddr     string
	OfflineAddr string // of the one that was the lowest and is gone
	HAAddr      string // of the new lowest, when it came rather than stayed
}

// AppendMinBrokerIDChange appends the frame: oneway, in JSON.
func AppendMinBrokerIDChange(dst []byte, opaque int32, c MinBrokerIDChange) []byte {
	fields := make([]Field, 0, 4)
	for _, f := range []Field{
		{"haBrokerAddr", c.HAAddr},
		{"minBrokerAddr", c.MinAddr},
		{"minBrokerId", itoa(c.MinID)},
		{"offlineBrokerAddr", c.OfflineAddr},
	} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	return Append(dst, &Command{Code: NotifyMinBrokerIDChange, Version: Version, Language: Java, Opaque: opaque, Flag: FlagOneway, Fields: fields})
}

// DecodeMinBrokerIDChange reads what AppendMinBrokerIDChange and upstream write. The error is a *FieldError.
func DecodeMinBrokerIDChange(q *Request) (c MinBrokerIDChange, err error) {
	id, ok, err := q.Int("minBrokerId")
	if err == nil && !ok {
		err = missing("minBrokerId", "it is what the request is about")
	}
	c.MinID = id
	c.MinAddr, _ = q.FieldString("minBrokerAddr")
	c.OfflineAddr, _ = q.FieldString("offlineBrokerAddr")
	c.HAAddr, _ = q.FieldString("haBrokerAddr")
	return c, err
}
