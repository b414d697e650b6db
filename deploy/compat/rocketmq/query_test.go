package rocketmq

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// answer is what a name server says to one request.
type answer struct {
	Code   int               `json:"code"`
	Remark string            `json:"remark"`
	Fields map[string]string `json:"extFields"`
	body   []byte
}

// Request codes and response codes that the test itself uses.
const (
	queryRoute   = 105
	queryCluster = 106

	success  = 0
	noTopic  = 17
	notReady = 1
)

// ask sends one request over a connection of its own, with the standard library alone: the test does not share a codec,
// nor its mistakes, with the server.
func ask(ctx context.Context, addr string, code int, fields map[string]string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)

	header, err := json.Marshal(map[string]any{"code": code, "language": "JAVA", "version": 513, "opaque": 1, "flag": 0, "extFields": fields})
	if err != nil {
		return nil, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	if _, err := conn.Write(append(frame, header...)); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, fmt.Errorf("read answer of %s: %w", addr, err)
	}
	length, headerLength := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
	if length > 1<<20 || headerLength > length-4 {
		return nil, fmt.Errorf("answer of %s: length %d, header %d", addr, length, headerLength)
	}
	rest := make([]byte, length-4)
	if _, err := io.ReadFull(conn, rest); err != nil {
		return nil, fmt.Errorf("read answer of %s: %w", addr, err)
	}
	a := &answer{body: rest[headerLength:]}
	if err := json.Unmarshal(rest[:headerLength], a); err != nil {
		return nil, fmt.Errorf("answer of %s: %w: %s", addr, err, rest[:headerLength])
	}
	return a, nil
}

// route is what the test looks at in an answer to 105, keyed by broker name.
type route struct {
	addrs map[string]map[string]string // broker ID to address
	perms map[string]int
	order string
}

// routeOf returns a topic's route at a server; ok is false when the server has none.
func routeOf(ctx context.Context, addr, topic string) (r route, ok bool, err error) {
	a, err := ask(ctx, addr, queryRoute, map[string]string{"topic": topic, "acceptStandardJsonOnly": "true"})
	if err != nil {
		return r, false, err
	}
	if a.Code == noTopic || a.Code == notReady {
		return r, false, nil
	}
	if a.Code != success {
		return r, false, fmt.Errorf("route of %s at %s: code %d: %s", topic, addr, a.Code, a.Remark)
	}
	var body struct {
		Queues []struct {
			BrokerName string
			Perm       int
		} `json:"queueDatas"`
		Brokers []struct {
			BrokerName  string
			BrokerAddrs map[string]string
		} `json:"brokerDatas"`
		Order string `json:"orderTopicConf"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil {
		return r, false, fmt.Errorf("route of %s at %s: %w: %s", topic, addr, err, a.body)
	}
	r = route{addrs: map[string]map[string]string{}, perms: map[string]int{}, order: body.Order}
	for _, b := range body.Brokers {
		r.addrs[b.BrokerName] = b.BrokerAddrs
	}
	for _, q := range body.Queues {
		r.perms[q.BrokerName] = q.Perm
	}
	return r, true, nil
}

// has says whether the broker is in the route: its address, and its group's queues.
func (r route) has(b *broker) bool {
	_, queues := r.perms[b.name]
	return queues && r.addrs[b.name][fmt.Sprint(b.id)] == b.addr()
}

func (r route) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.addrs)) {
		ids := slices.Sorted(maps.Keys(r.addrs[name]))
		parts = append(parts, fmt.Sprintf("%s{%s} perm %d", name, strings.Join(ids, ","), r.perms[name]))
	}
	return strings.Join(parts, " ")
}
