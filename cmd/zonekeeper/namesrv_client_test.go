package main

import (
	"bufio"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// rocketmq is the connection of a broker, a client or a tool to a name server, in a test that needs every answer.
type rocketmq struct {
	rocketmqConn
	t      *testing.T
	opaque int32
}

// rocketmqConn is the bare connection.
type rocketmqConn struct{ conn net.Conn }

// dialNamesrv connects over TCP, until the test ends or close is called.
func dialNamesrv(t *testing.T, addr string) *rocketmq {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	return overConn(t, conn)
}

func overConn(t *testing.T, conn net.Conn) *rocketmq {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	return &rocketmq{t: t, rocketmqConn: rocketmqConn{conn}}
}

// close ends the connection, which says of a broker that it is dead.
func (c *rocketmq) close() { c.conn.Close() }

// call sends one request, whose fields are names and values in turn, and returns the answer.
func (c *rocketmq) call(code remoting.Code, body []byte, fields ...string) *remoting.Command {
	c.t.Helper()
	c.opaque++
	q := &remoting.Command{Code: code, Version: remoting.Version, Opaque: c.opaque, Fields: []remoting.Field{}, Body: body}
	for pair := range slices.Chunk(fields, 2) {
		q.Fields = append(q.Fields, remoting.Field{Name: pair[0], Value: pair[1]})
	}
	return c.exchange(remoting.Append(nil, q))
}

func (c *rocketmq) exchange(frame []byte) *remoting.Command {
	c.t.Helper()
	answer, err := c.try(frame)
	require.NoError(c.t, err)
	return answer
}

// try sends a frame and returns the answer, or that the connection broke. One request is under way at a time, so that nothing is left
// over for the next reader.
func (c *rocketmqConn) try(frame []byte) (*remoting.Command, error) {
	if err := c.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(frame); err != nil {
		return nil, err
	}
	read, err := remoting.ReadFrame(bufio.NewReader(c.conn), remoting.MaxFrame, nil)
	if err != nil {
		return nil, err
	}
	return remoting.Decode(read)
}

// brokerA is a master with a topic, and one that every broker has: a registration of a single topic is taken for news of a broker that
// is known, and refused of one that is not.
var brokerA = remoting.Registration{
	Cluster: "DefaultCluster", Addr: "10.9.0.1:10911", Name: "broker-a", HAAddr: "10.9.0.1:10912",
	Version: remoting.DataVersion{Timestamp: 1_700_000_000_000, Counter: 1}, HasTopics: true,
	Topics: []remoting.TopicConfig{{Name: "TopicA", ReadQueues: 4, WriteQueues: 4, Perm: 6}, {Name: "TBW102", ReadQueues: 8, WriteQueues: 8, Perm: 7}},
}

// broker is another broker, of its own group and with a topic of its own beside TopicA.
func broker(name, addr string) remoting.Registration {
	b := brokerA
	b.Name, b.Addr, b.HAAddr = name, addr, addr
	b.Topics = append(slices.Clone(b.Topics), remoting.TopicConfig{Name: "Topic-" + name, ReadQueues: 1, WriteQueues: 1, Perm: 6})
	return b
}

// register registers a broker as a 5.x one does.
func (c *rocketmq) register(r remoting.Registration) *remoting.Command {
	c.t.Helper()
	c.opaque++
	answer := c.exchange(remoting.AppendRegistration(nil, &r, remoting.RegistrationForm{Version: remoting.Version, Opaque: c.opaque}))
	require.Equal(c.t, remoting.Success, answer.Code, answer.Remark)
	return answer
}

// route is what a client is told of a topic, nil and the code when it is told of none.
func (c *rocketmq) route(topic string) (*remoting.TopicRoute, remoting.Code) {
	c.t.Helper()
	answer := c.call(remoting.GetRouteByTopic, nil, "topic", topic)
	if answer.Code != remoting.Success {
		return nil, answer.Code
	}
	route, err := remoting.DecodeTopicRoute(answer.Body)
	require.NoError(c.t, err)
	return route, answer.Code
}

func (c *rocketmq) routed(topic string) bool {
	c.t.Helper()
	route, _ := c.route(topic)
	return route != nil
}

// perm is the permission that clients are told for a topic on a broker, -1 for none.
func (c *rocketmq) perm(topic, broker string) int32 {
	c.t.Helper()
	route, _ := c.route(topic)
	if route == nil {
		return -1
	}
	for _, q := range route.Queues {
		if q.Broker == broker {
			return q.Perm
		}
	}
	return -1
}

// done is call for what has to succeed.
func (c *rocketmq) done(code remoting.Code, fields ...string) *remoting.Command {
	c.t.Helper()
	answer := c.call(code, nil, fields...)
	require.Equal(c.t, remoting.Success, answer.Code, answer.Remark)
	return answer
}

// kv is the value of a key, "" for none.
func (c *rocketmq) kv(namespace, key string) string {
	c.t.Helper()
	value, _ := c.call(remoting.GetKVConfig, nil, "namespace", namespace, "key", key).Field("value")
	return value
}
