package remoting_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

var (
	anyText = rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,40}`), rapid.SampledFrom([]string{"", `"`, `\`, "a\x00b", "{0:1}", "话题", "\u2028", "😀"}))
	anyName = rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9%_|-]{1,40}`), rapid.StringN(1, 20, 200))
	anyAddr = rapid.StringMatching(`10\.[0-9]\.[0-9]\.[0-9]:[1-9][0-9]{1,4}`)
)

func draw[T any](t *rapid.T, g *rapid.Generator[T], label string) T { return g.Draw(t, label) }

func anyCommand(t *rapid.T) *remoting.Command {
	c := &remoting.Command{
		Code:     int32(draw(t, rapid.Int16(), "code")),
		Version:  int32(draw(t, rapid.Int16(), "version")),
		Language: remoting.Language(draw(t, rapid.IntRange(0, 13), "language")),
		Opaque:   draw(t, rapid.Int32(), "opaque"),
		Flag:     draw(t, rapid.Int32(), "flag"),
		Remark:   draw(t, anyText, "remark"),
		Codec:    remoting.Codec(draw(t, rapid.IntRange(0, 1), "codec")),
	}
	if body := draw(t, rapid.SliceOfN(rapid.Byte(), 0, 50), "body"); len(body) > 0 {
		c.Body = body
	}
	seen := make(map[string]bool)
	for range draw(t, rapid.IntRange(-1, 10), "fields") {
		f := remoting.Field{Name: draw(t, anyText, "name"), Value: draw(t, anyText, "value")}
		if !seen[f.Name] && (f.Value != "" || c.Codec == remoting.JSON) {
			seen[f.Name] = true
			c.Fields = append(c.Fields, f)
		}
	}
	if c.Fields == nil && c.Codec == remoting.JSON && draw(t, rapid.Bool(), "empty fields") {
		c.Fields = []remoting.Field{}
	}
	return c
}

func TestCommandsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCommand(t)
		frame := remoting.Append([]byte("before"), c)[len("before"):]
		back, err := remoting.Decode(frame[4:])
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(c, back))
	})
}

// The short way through a header and the lenient one say the same: a blank is enough to need the second.
func TestBothWaysThroughAHeaderAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCommand(t)
		c.Codec = remoting.JSON
		frame := remoting.Append(nil, c)[4:]
		header := frame[4 : len(frame)-len(c.Body)]
		slow := jsonFrame(" "+string(header), string(c.Body))
		want, err := remoting.Decode(slow)
		require.NoError(t, err)
		got, err := remoting.Decode(frame)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))
	})
}

func TestAnswersMirrorTheirRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request, answer := anyCommand(t), anyCommand(t)
		var q remoting.Request
		require.NoError(t, q.Parse(remoting.Append(nil, request)[4:]))
		frame := remoting.AppendAnswer(nil, &q, answer.Code, answer.Remark, answer.Fields, answer.Body)
		answer.Codec, answer.Opaque, answer.Flag = request.Codec, request.Opaque, remoting.FlagResponse
		answer.Version, answer.Language = remoting.Version, remoting.Java
		require.Equal(t, string(remoting.Append(nil, answer)), string(frame))
	})
}

func anyRegistration(t *rapid.T) *remoting.Registration {
	r := &remoting.Registration{
		Cluster: draw(t, anyName, "cluster"), Name: draw(t, anyName, "broker"), Addr: draw(t, anyAddr, "addr"), HAAddr: draw(t, anyAddr, "ha"),
		Zone: draw(t, rapid.OneOf(rapid.Just(""), anyName), "zone"), ID: draw(t, rapid.Int64(), "id"),
		ActingMaster: remoting.ActingMaster(draw(t, rapid.IntRange(0, 2), "acting")),
		Timeout:      time.Duration(draw(t, rapid.IntRange(0, 86_400_000), "timeout")) * time.Millisecond,
		Version: remoting.DataVersion{
			StateVersion: draw(t, rapid.Int64(), "state"), Timestamp: draw(t, rapid.Int64(), "timestamp"), Counter: draw(t, rapid.Int64(), "counter"),
		},
		HasTopics: true, HasFilterServers: true,
		FilterServers: rapid.SliceOfN(anyAddr, 0, 3).Draw(t, "filter servers"),
	}
	queues := rapid.Int32Range(0, remoting.MaxQueues)
	for range draw(t, rapid.IntRange(0, 8), "topics") {
		r.Topics = append(r.Topics, remoting.TopicConfig{
			Name:       fmt.Sprint(len(r.Topics), draw(t, anyName, "topic")), // each once
			ReadQueues: draw(t, queues, "read"), WriteQueues: draw(t, queues, "write"),
			Perm: draw(t, rapid.Int32(), "perm"), SysFlag: draw(t, rapid.Int32(), "flag"), Order: draw(t, rapid.Bool(), "order"),
		})
	}
	for range draw(t, rapid.IntRange(0, 3), "mappings") {
		m := anyMapping(t)
		m.Topic = fmt.Sprint(len(r.Mappings), m.Topic) // each key once
		r.Mappings = append(r.Mappings, m)
	}
	return r
}

func anyMapping(t *rapid.T) remoting.QueueMapping {
	m := remoting.QueueMapping{
		Topic: draw(t, anyName, "topic"), Broker: draw(t, anyName, "broker"), Scope: draw(t, anyText, "scope"),
		TotalQueues: draw(t, rapid.Int32(), "total"), Epoch: draw(t, rapid.Int64(), "epoch"), Dirty: draw(t, rapid.Bool(), "dirty"),
		Current: []remoting.IDPair{},
	}
	ids := rapid.SliceOfNDistinct(rapid.Int32(), 0, 20, rapid.ID[int32]).Draw(t, "ids")
	for _, id := range ids {
		m.Current = append(m.Current, remoting.IDPair{Logical: id, Physical: draw(t, rapid.Int32(), "physical")})
	}
	return m
}

// unordered is for what a map holds on the wire.
var unordered = cmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.SortSlices(func(a, b remoting.IDPair) bool { return a.Logical < b.Logical }),
	cmpopts.SortSlices(func(a, b remoting.BrokerAddr) bool { return a.ID < b.ID }),
}

func TestRegistrationsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRegistration(t)
		form := remoting.RegistrationForm{
			Codec:      remoting.Codec(draw(t, rapid.IntRange(0, 1), "codec")),
			Version:    draw(t, rapid.SampledFrom([]int32{0, 36, 37, 399, 412, 413, 513}), "version"),
			Opaque:     draw(t, rapid.Int32(), "opaque"),
			Oneway:     draw(t, rapid.Bool(), "oneway"),
			Compressed: draw(t, rapid.Bool(), "compressed"),
		}
		if form.Version < remoting.Version500 {
			r.Mappings = nil
		}
		if form.Version < remoting.Version37 && !form.Compressed {
			r.FilterServers, r.HasFilterServers = nil, false
		}
		if form.Compressed {
			for i := range r.Topics {
				topic := &r.Topics[i]
				topic.Name = string(bytes.ReplaceAll([]byte(topic.Name), []byte(" "), []byte("_")))
				topic.Order, topic.SysFlag = false, 0
			}
		}
		var q remoting.Request
		require.NoError(t, q.Parse(remoting.AppendRegistration(nil, r, form)[4:]))
		require.Equal(t, form.Opaque, q.Opaque)
		require.Equal(t, form.Oneway, q.Oneway())
		back, err := remoting.DecodeRegistration(&q)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(r, back, unordered))
	})
}

func TestAnswerBodiesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := remoting.Dialect(draw(t, rapid.IntRange(0, 1), "dialect"))
		r := &remoting.TopicRoute{HasOrderConf: draw(t, rapid.Bool(), "ordered")}
		if r.HasOrderConf {
			r.OrderConf = draw(t, anyText, "order")
		}
		c := &remoting.ClusterInfo{}
		for range draw(t, rapid.IntRange(0, 4), "brokers") {
			b := remoting.BrokerData{
				Cluster: draw(t, anyName, "cluster"), Name: draw(t, anyName, "broker"), Zone: draw(t, anyText, "zone"),
				ActingMaster: draw(t, rapid.Bool(), "acting"),
			}
			for _, id := range rapid.SliceOfNDistinct(rapid.Int64(), 0, 20, rapid.ID[int64]).Draw(t, "ids") {
				b.Addrs = append(b.Addrs, remoting.BrokerAddr{ID: id, Addr: draw(t, anyText, "addr")})
			}
			r.Brokers = append(r.Brokers, b)
			r.Queues = append(r.Queues, remoting.QueueData{Broker: b.Name, Perm: draw(t, rapid.Int32(), "perm"), SysFlag: draw(t, rapid.Int32(), "flag")})
			r.FilterServers = append(r.FilterServers, remoting.FilterServers{Addr: draw(t, anyText, "addr"), List: []string{draw(t, anyAddr, "filter")}})
			m := anyMapping(t)
			m.Broker = fmt.Sprint(len(r.Mappings), m.Broker) // each key once
			r.Mappings = append(r.Mappings, m)
			c.Clusters = append(c.Clusters, remoting.ClusterBrokers{Cluster: b.Cluster, Names: []string{b.Name}})
		}
		c.Brokers = r.Brokers

		route, err := remoting.DecodeTopicRoute(r.AppendJSON(nil, d))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(r, route, unordered))
		info, err := remoting.DecodeClusterInfo(c.AppendJSON(nil, d))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(c, info, unordered))
		for _, b := range r.Brokers {
			m := &remoting.MemberGroup{Cluster: b.Cluster, Name: b.Name, Addrs: b.Addrs}
			back, err := remoting.DecodeMemberGroup(m.AppendJSON(nil, d))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(m, back, unordered))
		}
	})
}
