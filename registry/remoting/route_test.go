package remoting_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func fullRoute() *remoting.TopicRoute {
	return &remoting.TopicRoute{
		Brokers: []remoting.BrokerData{{
			Cluster: "DefaultCluster", Name: "broker-a", Zone: "zoneA",
			Addrs: []remoting.BrokerAddr{{1, "10.0.0.2:10911"}, {0, "10.0.0.1:10911"}},
		}},
		FilterServers: []remoting.FilterServers{{"10.0.0.1:10911", []string{"f:1"}}},
		OrderConf:     "broker-a:4;broker-b:4", HasOrderConf: true,
		Queues: []remoting.QueueData{{Broker: "broker-a", ReadQueues: 4, WriteQueues: 4, Perm: 6}},
		Mappings: []remoting.QueueMapping{{
			Topic: "StaticT", Broker: "broker-a", Scope: "__global__", TotalQueues: 8, Epoch: 1700000000000,
			Current: []remoting.IDPair{{5, 1}, {0, 0}},
		}},
	}
}

func TestTopicRoute(t *testing.T) {
	const bare = `{"brokerDatas":[{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false,"zoneName":"zoneA"}],"filterServerTable":{"10.0.0.1:10911":["f:1"]},"orderTopicConf":"broker-a:4;broker-b:4","queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}],"topicQueueMappingByBroker":{"broker-a":{"bname":"broker-a","currIdMap":{0:0,5:1},"dirty":false,"epoch":1700000000000,"scope":"__global__","topic":"StaticT","totalQueues":8}}}`
	quoted := strings.NewReplacer(`0:"`, `"0":"`, `1:"1`, `"1":"1`, `{0:0,5:1}`, `{"0":0,"5":1}`).Replace(bare)
	r := fullRoute()
	require.Equal(t, bare, string(r.AppendJSON(nil, remoting.Bare)))
	require.Equal(t, quoted, string(r.AppendJSON(nil, remoting.Quoted)))
	require.Empty(t, cmp.Diff(fullRoute(), r), "encoding sorts nothing of the caller's")
	for _, body := range []string{bare, quoted} {
		back, err := remoting.DecodeTopicRoute([]byte(body))
		require.NoError(t, err)
		require.Equal(t, bare, string(back.AppendJSON(nil, remoting.Bare)))
	}
}

// Go clients fall over without brokerAddrs, Java clients without the lists.
func TestEmptyTopicRoute(t *testing.T) {
	r := &remoting.TopicRoute{Brokers: []remoting.BrokerData{{Cluster: "c", Name: "b"}}}
	require.Equal(t, `{"brokerDatas":[{"brokerAddrs":{},"brokerName":"b","cluster":"c","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[]}`,
		string(r.AppendJSON(nil, remoting.Bare)))
}

// The order of a Java HashMap<Long, String>: by place in the table, which is as large as so many entries need.
func TestJavaOrder(t *testing.T) {
	for _, tc := range []struct {
		ids          []int64
		bare, quoted string
	}{
		{[]int64{17, 1, 16, 0}, "0,16,1,17", "0,1,16,17"},
		{[]int64{-1, 0}, "-1,0", "-1,0"},
		{[]int64{32, 31, 30, 2, 1}, "32,1,2,30,31", "1,2,30,31,32"},
		{[]int64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 16, 0}, "0,2,3,4,5,6,7,8,9,10,11,12,16", "0,2,3,4,5,6,7,8,9,10,11,12,16"}, // 13 need 32 places
		{[]int64{1 << 32, 0}, "0,4294967296", "0,4294967296"},
		{nil, "", ""},
	} {
		m := &remoting.MemberGroup{}
		for _, id := range tc.ids {
			m.Addrs = append(m.Addrs, remoting.BrokerAddr{ID: id, Addr: "a"})
		}
		for d, want := range map[remoting.Dialect]string{remoting.Bare: tc.bare, remoting.Quoted: tc.quoted} {
			text := string(m.AppendJSON(nil, d))
			text = strings.NewReplacer(`{"brokerMemberGroup":{"brokerAddrs":{`, "", `}}}`, "", `:"a"`, "", `"`, "").Replace(text)
			require.Equal(t, want, text)
		}
	}
}

// rocketmq-client-go up to v2.1.1, internal/route.go: a map of addresses is cut at commas and colons.
func TestOldGoClientsReadBareRoutes(t *testing.T) {
	text := string(fullRoute().AppendJSON(nil, remoting.Bare))
	_, text, _ = strings.Cut(text, `"brokerAddrs":{`)
	text, _, _ = strings.Cut(text, "}")
	got := make(map[int64]string)
	for _, entry := range strings.Split(text, ",") {
		id, addr, _ := strings.Cut(entry, ":")
		n, err := strconv.ParseInt(id, 10, 64)
		require.NoError(t, err)
		got[n] = strings.Trim(addr, `"`)
	}
	require.Equal(t, map[int64]string{0: "10.0.0.1:10911", 1: "10.0.0.2:10911"}, got)
}

func TestClusterInfo(t *testing.T) {
	const text = `{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":true}},"clusterAddrTable":{"DefaultCluster":["broker-a"]}}`
	c, err := remoting.DecodeClusterInfo([]byte(text))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(&remoting.ClusterInfo{
		Brokers: []remoting.BrokerData{{
			Cluster: "DefaultCluster", Name: "broker-a", ActingMaster: true,
			Addrs: []remoting.BrokerAddr{{0, "10.0.0.1:10911"}, {1, "10.0.0.2:10911"}},
		}},
		Clusters: []remoting.ClusterBrokers{{"DefaultCluster", []string{"broker-a"}}},
	}, c))
	require.Equal(t, text, string(c.AppendJSON(nil, remoting.Bare)))
	quoted := strings.NewReplacer(`0:"`, `"0":"`, `,1:"`, `,"1":"`).Replace(text)
	require.Equal(t, quoted, string(c.AppendJSON(nil, remoting.Quoted)))
	require.Equal(t, `{"brokerAddrTable":{},"clusterAddrTable":{}}`, string((&remoting.ClusterInfo{}).AppendJSON(nil, remoting.Bare)))

	c, err = remoting.DecodeClusterInfo([]byte(`{"clusterAddrTable":{"C":[null,"a"],"N":null},"brokerAddrTable":null,"x":[{}]}`))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(&remoting.ClusterInfo{Clusters: []remoting.ClusterBrokers{{"C", []string{"a"}}, {"N", nil}}}, c))
}

func TestDecodersBound(t *testing.T) {
	groups := `{"queueDatas":[` + strings.Repeat(`{},`, 1<<16) + `{}]}`
	_, err := remoting.DecodeTopicRoute([]byte(groups))
	require.EqualError(t, err, "queueDatas has too many entries: 65536 are the most")
	names := `{"topicList":[` + strings.Repeat(`"",`, 1<<20) + `""]}`
	_, err = remoting.DecodeTopicList([]byte(names))
	require.EqualError(t, err, "body has too many entries: 1048576 are the most")
	addrs := `{"brokerDatas":[{"brokerAddrs":{` + strings.Repeat(`0:"",`, 1<<20) + `0:""}}]}`
	_, err = remoting.DecodeTopicRoute([]byte(addrs))
	require.EqualError(t, err, "brokerDatas.brokerAddrs has too many entries: 1048576 are the most")
}
