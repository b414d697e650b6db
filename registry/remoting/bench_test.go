package remoting_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A route query as each kind of client sends it.
func routeQueries() map[string][]byte {
	java := &remoting.Command{
		Code: remoting.GetRouteByTopic, Version: 477, Opaque: 123456,
		Fields: []remoting.Field{{Name: "acceptStandardJsonOnly", Value: "true"}, {Name: "topic", Value: "TopicTest-0001"}},
	}
	binary := *java
	binary.Codec = remoting.Binary
	golang := `{"code":105,"language":"GO","version":317,"opaque":123456,"flag":0,"remark":"","extFields":{"topic":"TopicTest-0001"}}`
	return map[string][]byte{
		"java":   remoting.Append(nil, java)[4:],
		"binary": remoting.Append(nil, &binary)[4:],
		"go":     append([]byte{0, 0, 0, byte(len(golang))}, golang...),
	}
}

func BenchmarkParse(b *testing.B) {
	for name, frame := range routeQueries() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var q remoting.Request
			for b.Loop() {
				if err := q.Parse(frame); err != nil {
					b.Fatal(err)
				}
				if topic, ok := q.Field("topic"); !ok || len(topic) != 14 {
					b.Fatal(topic)
				}
			}
		})
	}
}

// The codec's whole part of a route query: read the header, choose the dialect, find the topic, write the answer's header.
func BenchmarkQueryAndAnswer(b *testing.B) {
	for name, frame := range routeQueries() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var q remoting.Request
			var out []byte
			for b.Loop() {
				if err := q.Parse(frame); err != nil {
					b.Fatal(err)
				}
				topic, _ := q.Field("topic")
				_ = q.Dialect()
				out = remoting.AppendAnswerHead(out[:0], &q, remoting.Success, "", nil, len(topic))
			}
		})
	}
}

func registration(topics int) *remoting.Registration {
	r := &remoting.Registration{
		Cluster: "DefaultCluster", Name: "broker-a", Addr: "10.0.0.1:10911", HAAddr: "10.0.0.1:10912",
		ActingMaster: remoting.ActingMasterFalse, HasTopics: true, HasFilterServers: true,
		Version: remoting.DataVersion{Timestamp: 1700000000000, Counter: 1},
	}
	for i := range topics {
		r.Topics = append(r.Topics, remoting.TopicConfig{Name: "TopicTest-" + strconv.Itoa(i), ReadQueues: 8, WriteQueues: 8, Perm: 6})
	}
	return r
}

func BenchmarkDecodeRegistration(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		for _, compressed := range []bool{false, true} {
			frame := remoting.AppendRegistration(nil, registration(n), remoting.RegistrationForm{Version: remoting.Version, Compressed: compressed})
			b.Run(fmt.Sprintf("topics=%d/compressed=%t", n, compressed), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(frame)))
				var q remoting.Request
				for b.Loop() {
					require.NoError(b, q.Parse(frame[4:]))
					if r, err := remoting.DecodeRegistration(&q); err != nil || len(r.Topics) != n {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkAppendRoute(b *testing.B) {
	var r remoting.TopicRoute
	for i := range 4 {
		name := "broker-" + strconv.Itoa(i)
		r.Brokers = append(r.Brokers, remoting.BrokerData{
			Cluster: "DefaultCluster", Name: name,
			Addrs: []remoting.BrokerAddr{{ID: 0, Addr: "10.1.2.3:10911"}, {ID: 1, Addr: "10.1.2.4:10911"}},
		})
		r.Queues = append(r.Queues, remoting.QueueData{Broker: name, ReadQueues: 8, WriteQueues: 8, Perm: 6})
	}
	for name, d := range map[string]remoting.Dialect{"bare": remoting.Bare, "quoted": remoting.Quoted} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				out = r.AppendJSON(out[:0], d)
			}
		})
	}
}
