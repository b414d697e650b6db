package namesrv_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// TestEveryCodeHasItsFile: the listing of the folder is the coverage of the protocol.
func TestEveryCodeHasItsFile(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	named := regexp.MustCompile(`^(\d{3})_[a-z_]+\.go$`)
	var files []int32
	for _, e := range entries {
		if m := named.FindStringSubmatch(e.Name()); m != nil {
			code, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			files = append(files, int32(code))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p := startServer(t, namesrv.Config{}).dial(t)
		var answered []int32
		for code := range int32(1200) {
			if p.ask(code).Code != remoting.NotSupported {
				answered = append(answered, code)
			}
		}
		require.Equal(t, files, answered)
	})
}

// codeRow is one request to a server on which broker-a of cluster c is registered with topics T and U, and what comes of it.
type codeRow struct {
	name   string
	code   remoting.Code
	fields []string
	body   string

	answer  remoting.Code
	remark  string
	ext     []remoting.Field
	content string // of the answer's body
}

var broker = []string{"brokerName", "broker-a", "brokerAddr", "10.0.0.1:10911", "clusterName", "c", "brokerId", "0"}

const (
	routeOfT = `{"brokerDatas":[{"brokerAddrs":{"0":"10.0.0.1:10911"},"brokerName":"broker-a","cluster":"c","enableActingMaster":false}],` +
		`"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}`
	clusterInfo = `{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"10.0.0.1:10911"},"brokerName":"broker-a","cluster":"c","enableActingMaster":false}},` +
		`"clusterAddrTable":{"c":["broker-a"]}}`
)

func ext(name, value string) []remoting.Field { return []remoting.Field{{Name: name, Value: value}} }

// codeRows shows every code once and every way in which one fails.
var codeRows = []codeRow{
	{name: "put", code: 100, fields: []string{"namespace", "n", "key", "k", "value", "v"}},
	{name: "put without value", code: 100, fields: []string{"namespace", "n", "key", "k"}},
	{name: "put without key", code: 100, fields: []string{"namespace", "n"}, answer: 1, remark: "namespace or key is null"},
	{name: "put too long a name", code: 100, fields: []string{"namespace", string(make([]byte, 3000)), "key", "k", "value", "v"}, answer: 1, remark: "*"},
	{name: "get", code: 101, fields: []string{"namespace", "seen", "key", "k"}, ext: ext("value", "v")},
	{name: "get nothing", code: 101, fields: []string{"namespace", "seen", "key", "x"}, answer: 22, remark: "No config item, Namespace: seen Key: x"},
	{name: "get without key", code: 101, fields: []string{"namespace", "seen"}, answer: 1, remark: "key is missing: the request needs it as an extField"},
	{name: "delete", code: 102, fields: []string{"namespace", "seen", "key", "k"}},
	{name: "delete nothing", code: 102, fields: []string{"namespace", "x", "key", "x"}},
	{name: "delete without key", code: 102, fields: []string{"namespace", "x"}, answer: 1, remark: "key is missing: the request needs it as an extField"},
	{name: "register nothing", code: 103, answer: 1, remark: "*"},
	{name: "unregister", code: 104, fields: broker},
	{name: "unregister the unknown", code: 104, fields: []string{"brokerName", "x", "brokerAddr", "10.0.0.9:1", "clusterName", "x", "brokerId", "7"}},
	{name: "unregister nobody", code: 104, answer: 1, remark: "brokerName is missing: the request needs it as an extField"},
	{name: "route", code: 105, fields: []string{"topic", "T"}, content: routeOfT},
	{name: "no route", code: 105, fields: []string{"topic", "X"}, answer: 17, remark: "No topic route info in name server for the topic: X\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."},
	{name: "zone mode without a zone", code: 105, fields: []string{"topic", "T", "__ZONE_MODE", "true", "__ZONE_NAME", "  "}, content: routeOfT},
	{name: "route of another zone", code: 105, fields: []string{"topic", "T", "__ZONE_MODE", "true", "__ZONE_NAME", "z"}, answer: 0, remark: "", content: `{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}`},
	{name: "cluster info", code: 106, content: clusterInfo},
	{name: "wipe", code: 205, fields: []string{"brokerName", "broker-a"}, ext: ext("wipeTopicCount", "2")},
	{name: "wipe nobody", code: 205, fields: []string{"brokerName", "x"}, ext: ext("wipeTopicCount", "0")},
	{name: "wipe without name", code: 205, answer: 1, remark: "brokerName is missing: the request needs it as an extField"},
	{name: "topics", code: 206, content: `{"topicList":["T","U"]}`},
	{name: "delete topic", code: 216, fields: []string{"topic", "T"}},
	{name: "delete topic of a cluster", code: 216, fields: []string{"topic", "T", "clusterName", "c"}},
	{name: "delete no topic", code: 216, fields: []string{"clusterName", "c"}, answer: 1, remark: "topic is missing: the request needs it as an extField"},
	{name: "register topic", code: 217, fields: []string{"topic", "N"}, body: `{"queueDatas":[{"brokerName":"broker-a"}]}`},
	{name: "register topic without body", code: 217, fields: []string{"topic", "N"}},
	{name: "register topic with a bad body", code: 217, fields: []string{"topic", "N"}, body: `{"queueDatas":7}`, answer: 1, remark: "*"},
	{name: "register no topic", code: 217, answer: 1, remark: "topic is missing: the request needs it as an extField"},
	{name: "namespace", code: 219, fields: []string{"namespace", "seen"}, content: `{"table":{"k":"v"}}`},
	{name: "no namespace", code: 219, fields: []string{"namespace", "x"}, answer: 22, remark: "No config item, Namespace: x"},
	{name: "namespace without name", code: 219, answer: 1, remark: "namespace is missing: the request needs it as an extField"},
	{name: "topics of a cluster", code: 224, fields: []string{"cluster", "c"}, content: `{"topicList":["T","U"]}`},
	{name: "topics of no cluster", code: 224, fields: []string{"cluster", "x"}, content: `{"topicList":[]}`},
	{name: "topics without cluster", code: 224, answer: 1, remark: "cluster is missing: the request needs it as an extField"},
	{name: "system topics", code: 304, content: `{"brokerAddr":"10.0.0.1:10911","topicList":["c","broker-a"]}`},
	{name: "unit topics", code: 311, content: `{"topicList":[]}`},
	{name: "topics with unit subscriptions", code: 312, content: `{"topicList":[]}`},
	{name: "topics with unit subscriptions only", code: 313, content: `{"topicList":[]}`},
	{name: "update", code: 318, body: "enableTopicList=true"},
	{name: "update what is black", code: 318, body: "kvConfigPath=/x", answer: 16, remark: "Can not update config in black list."},
	{name: "update nonsense", code: 318, body: `a=\uZZZZ`, answer: 1, remark: "string2Properties error"},
	{name: "same version", code: 322, fields: broker, body: `{"counter":1,"stateVersion":0,"timestamp":1}`, ext: ext("changed", "false"), content: `{"counter":1,"stateVersion":0,"timestamp":1}`},
	{name: "other version", code: 322, fields: broker, body: `{"counter":2,"stateVersion":0,"timestamp":1}`, ext: ext("changed", "true"), content: `{"counter":1,"stateVersion":0,"timestamp":1}`},
	{name: "version of the unknown", code: 322, fields: []string{"brokerName", "x", "brokerAddr", "10.0.0.9:1", "clusterName", "x", "brokerId", "7"}, body: `{}`, ext: ext("changed", "true")},
	{name: "version of nobody", code: 322, answer: 1, remark: "brokerName is missing: the request needs it as an extField"},
	{name: "give back", code: 327, fields: []string{"brokerName", "broker-a"}, ext: ext("addTopicCount", "2")},
	{name: "give back without name", code: 327, answer: 1, remark: "brokerName is missing: the request needs it as an extField"},
	{name: "group", code: 901, fields: []string{"clusterName", "c", "brokerName", "broker-a"}, remark: "not set any response code", content: `{"brokerMemberGroup":{"brokerAddrs":{0:"10.0.0.1:10911"},"brokerName":"broker-a","cluster":"c"}}`},
	{name: "no group", code: 901, fields: []string{"clusterName", "c", "brokerName", "x"}, remark: "not set any response code", content: `{"brokerMemberGroup":{"brokerAddrs":{},"brokerName":"x","cluster":"c"}}`},
	{name: "group without name", code: 901, fields: []string{"clusterName", "c"}, answer: 1, remark: "brokerName is missing: the request needs it as an extField"},
	{name: "heartbeat", code: 904, fields: broker},
	{name: "heartbeat of the unknown", code: 904, fields: []string{"brokerName", "x", "brokerAddr", "10.0.0.9:1", "clusterName", "x"}},
	{name: "heartbeat of nobody", code: 904, answer: 1, remark: "brokerName is missing: the request needs it as an extField"},
}

func TestCodes(t *testing.T) {
	for _, row := range codeRows {
		for _, codec := range []remoting.Codec{remoting.JSON, remoting.Binary} {
			t.Run(row.name+" "+codec.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := startServer(t, namesrv.Config{})
					p := s.dial(t)
					p.register(remoting.Registration{}, "T", "U")
					p.ask(remoting.PutKVConfig, "namespace", "seen", "key", "k", "value", "v")
					c := request(row.code, row.fields...)
					c.Codec, c.Body = codec, []byte(row.body)
					got := p.call(c)
					require.Equal(t, row.answer, got.Code, got.Remark)
					require.Equal(t, remoting.FlagResponse, got.Flag)
					require.Equal(t, c.Opaque, got.Opaque)
					require.Equal(t, codec, got.Codec)
					if row.remark == "*" {
						require.NotEmpty(t, got.Remark)
					} else {
						require.Equal(t, row.remark, got.Remark)
					}
					require.Equal(t, row.content, string(got.Body))
					require.Equal(t, row.ext, slices.Clip(append([]remoting.Field(nil), got.Fields...)))
				})
			})
		}
	}
}

// TestCodeRowsAreComplete: no code without a row.
func TestCodeRowsAreComplete(t *testing.T) {
	shown := make(map[remoting.Code]bool)
	for _, row := range codeRows {
		shown[row.code] = true
	}
	for code := range remoting.Code(1000) {
		if remoting.RequestName(code) != "" && code != remoting.NotifyMinBrokerIDChange && code != remoting.GetConfig {
			require.True(t, shown[code], "%d", code)
		}
	}
}

// TestTopicsBeforeTheirBroker: the remark is the reference's, the reason is in the log.
func TestTopicsBeforeTheirBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		p := s.dial(t)
		p.send(registration(remoting.Registration{}, "T"))
		c := p.receive()
		require.Equal(t, remoting.SystemError, c.Code)
		require.Equal(t, "register broker failed", c.Remark)
		require.Contains(t, s.log.String(), "registration of one topic refused: this broker has to register all it has first")
		require.Contains(t, s.log.String(), "cluster=c broker=broker-a addr=10.0.0.1:10911")
	})
}
