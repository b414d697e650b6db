package replication

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// fullAnswer has one item of every kind, with every field set.
func fullAnswer() *routeAnswer {
	key := routeinfo.BrokerKey{Cluster: "DefaultCluster", Addr: "10.0.0.1:10911"}
	broker := &routeinfo.Broker{
		Key: key, Name: "broker-a", HAAddr: "10.0.0.1:10912", Zone: "杭州", ID: math.MaxInt64, ActingMaster: remoting.ActingMasterTrue,
		Timeout: 10 * time.Second, Version: remoting.DataVersion{StateVersion: 3, Timestamp: 1_700_000_000_000, Counter: -1},
		Since: time.Hour, Full: true,
		Topics: []remoting.TopicConfig{
			{Name: "Orders", ReadQueues: 8, WriteQueues: 4, Perm: 6, SysFlag: 1, Order: true}, {Name: "%RETRY%g", ReadQueues: -1, WriteQueues: math.MaxInt32, Perm: math.MinInt32},
		},
		Removed: []string{"Gone", "Too"},
		Mappings: []remoting.QueueMapping{{
			Topic: "Static", Broker: "broker-a", Scope: "__global__", TotalQueues: 8, Epoch: 1_700_000_000_000, Dirty: true,
			Current: []remoting.IDPair{{Logical: 0, Physical: 0}, {Logical: 5, Physical: 1}},
		}},
		FilterServers: []string{"10.0.0.1:5000"},
	}
	word := &routeinfo.Word{
		Kind: routeinfo.KV, Scope: "ORDER_TOPIC_CONFIG", Name: "Orders", Value: "broker-a:4", Deleted: true, Counter: math.MaxUint64,
		Epoch: -7, By: "10.9.9.9:5000", At: time.UnixMilli(1_700_000_000_123).UTC(),
	}
	a := &routeAnswer{Digest: 0xfedcba9876543210, Compare: true}
	a.Feed, a.Next, a.Reset = math.MaxUint64, 1<<40, true
	a.Items = []routeinfo.Item{
		{Kind: routeinfo.Content, Key: key, Age: 1500 * time.Millisecond, Source: "c-3", Broker: broker},
		{Kind: routeinfo.Content, Key: key, Broker: &routeinfo.Broker{Key: key}},
		{Kind: routeinfo.Renewed, Key: key, Age: time.Second},
		{Kind: routeinfo.Gone, Key: routeinfo.BrokerKey{}},
		{Kind: routeinfo.Said, Word: word},
		{Kind: routeinfo.Said, Word: &routeinfo.Word{Kind: routeinfo.Deletion}},
	}
	return a
}

func TestRouteAnswerKeepsEverything(t *testing.T) {
	want := fullAnswer()
	body, oversized := appendRouteAnswer(nil, want)
	require.Zero(t, oversized)
	got, err := decodeRouteAnswer(body)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(*want, got))
	for n := range body {
		if cut, err := decodeRouteAnswer(body[:n]); err == nil {
			require.Less(t, len(cut.Items), len(want.Items), "cut after %d of %d bytes", n, len(body))
		}
	}
	for i := range body { // what was decoded shares nothing with the body
		body[i] = 0xff
	}
	require.Empty(t, cmp.Diff(*want, got))
}

func TestRouteCallKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := routeCall{
			Feed: rapid.Uint64().Draw(t, "feed"), Cursor: rapid.Uint64().Draw(t, "cursor"),
			Wait:    time.Duration(rapid.IntRange(0, 1<<30).Draw(t, "wait")) * time.Millisecond,
			Compare: rapid.Bool().Draw(t, "compare"),
		}
		for range rapid.IntRange(0, maxList).Draw(t, "servers") {
			want.Hears = append(want.Hears, rapid.StringN(0, 40, maxName).Draw(t, "id"))
		}
		body := appendRouteCall(nil, want)
		require.LessOrEqual(t, len(body), maxRouteCall)
		got, err := decodeRouteCall(body)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestHostileRouteAnswers(t *testing.T) {
	head := func(flags byte, rest ...byte) []byte {
		b := []byte{wireVersion, flags, 1, 1}
		return append(b, rest...)
	}
	item := func(k routeinfo.ItemKind, rest ...byte) []byte {
		return head(0, append([]byte{byte(k), 0, 0}, rest...)...)
	}
	many := binary.AppendUvarint(nil, maxRouteParts+1)
	_, err := decodeRouteAnswer(head(flagReset | flagMoreItems))
	require.NoError(t, err)
	for name, body := range map[string][]byte{
		"empty":                 nil,
		"another version":       {2, 0, 1, 1},
		"unknown flag":          head(8),
		"no digest":             head(flagDigest, 1, 2, 3),
		"digest amidst news":    head(flagDigest|flagMoreItems, make([]byte, 8)...),
		"item of no kind":       item(0),
		"item of unknown kind":  item(5),
		"key cut off":           item(routeinfo.Gone, 3, 'a'),
		"text of 2^63 bytes":    item(routeinfo.Gone, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"word of no kind":       item(routeinfo.Said, 0),
		"word of unknown kind":  item(routeinfo.Said, 4),
		"ended or not":          item(routeinfo.Said, 1, 0, 0, 0, 2),
		"acting master 3":       item(routeinfo.Content, 0, 0, 0, 0, 0, 0, 3),
		"topics without end":    item(routeinfo.Content, append(make([]byte, 13), many...)...),
		"more topics than here": item(routeinfo.Content, append(make([]byte, 13), 100, 0)...),
		"too large":             make([]byte, maxRouteBody+1),
	} {
		_, err := decodeRouteAnswer(body)
		require.ErrorIs(t, err, errWire, name)
	}
}

// The number of things in an answer is bounded too: each takes more memory than its bytes.
func TestTooManyItems(t *testing.T) {
	a := new(routeAnswer)
	a.Items = make([]routeinfo.Item, maxRouteParts+2)
	for i := range a.Items {
		a.Items[i].Kind = routeinfo.Renewed
	}
	body, oversized := appendRouteAnswer(nil, a)
	require.Equal(t, 2, oversized)
	_, err := decodeRouteAnswer(body)
	require.NoError(t, err)
	_, err = decodeRouteAnswer(append(body, byte(routeinfo.Renewed), 0, 0, 0, 0))
	require.ErrorIs(t, err, errWire)
}

// largeBroker has as many topics, with names of some length, as a test wants.
func largeBroker(topics, length int) *routeinfo.Broker {
	x := &routeinfo.Broker{
		Key: routeinfo.BrokerKey{Cluster: "DefaultCluster", Addr: "10.0.0.1:10911"}, Name: "broker-a", HAAddr: "10.0.0.1:10912",
		Timeout: 2 * time.Minute, Version: remoting.DataVersion{Timestamp: 1_700_000_000_000, Counter: 1}, Full: true,
	}
	for i := range topics {
		name := fmt.Sprintf("topic-%06d-", i)
		name += strings.Repeat("x", max(0, length-len(name)))
		x.Topics = append(x.Topics, remoting.TopicConfig{Name: name, ReadQueues: 8, WriteQueues: 8, Perm: 6})
	}
	return x
}

func answerOf(brokers ...*routeinfo.Broker) *routeAnswer {
	a := new(routeAnswer)
	a.Feed, a.Next = 7, 1
	for _, x := range brokers {
		a.Items = append(a.Items, routeinfo.Item{Kind: routeinfo.Content, Key: x.Key, Broker: x})
	}
	return a
}

func TestSixtyThousandTopicsFit(t *testing.T) {
	body, oversized := appendRouteAnswer(nil, answerOf(largeBroker(60_000, 127)))
	require.Zero(t, oversized)
	require.Less(t, len(body), maxRouteBody/3)
	got, err := decodeRouteAnswer(body)
	require.NoError(t, err)
	require.Len(t, got.Items[0].Broker.Topics, 60_000)
}

// Whatever a table keeps of one broker can be told.
func TestTheLargestBrokerFits(t *testing.T) {
	const queues = 249
	x := largeBroker(routeinfo.MaxBrokerTopics, 40)
	for i := range x.Topics {
		c := &x.Topics[i]
		c.ReadQueues, c.WriteQueues, c.Perm, c.SysFlag = math.MinInt32, math.MinInt32, math.MinInt32, math.MinInt32
	}
	for i := range routeinfo.MaxBrokerMappings / (1 + queues) {
		m := remoting.QueueMapping{Topic: x.Topics[i].Name, Broker: "broker-a", Scope: "__global__", TotalQueues: math.MinInt32, Epoch: math.MinInt64}
		for range queues {
			m.Current = append(m.Current, remoting.IDPair{Logical: math.MinInt32, Physical: math.MinInt32})
		}
		x.Mappings = append(x.Mappings, m)
	}
	x.FilterServers = []string{strings.Repeat("f", routeinfo.MaxBrokerNames-routeinfo.MaxBrokerTopics*40)}
	body, oversized := appendRouteAnswer(nil, answerOf(x))
	require.Zero(t, oversized)
	_, err := decodeRouteAnswer(body)
	require.NoError(t, err)
}

// A broker that no decoder would take stays untold; the others are told.
func TestOversizedBroker(t *testing.T) {
	huge := largeBroker(3, 12<<20)
	body, oversized := appendRouteAnswer(nil, answerOf(largeBroker(1, 10), huge, largeBroker(2, 10)))
	require.Equal(t, 1, oversized)
	got, err := decodeRouteAnswer(body)
	require.NoError(t, err)
	require.Len(t, got.Items, 2)
}
