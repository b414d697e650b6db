package remoting_test

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// register sends fields, and those every registration has, with a body. An empty value leaves a field out.
func register(t testing.TB, version int32, body string, pairs ...string) (*remoting.Registration, error) {
	fields := map[string]string{
		"brokerName": "broker-a", "brokerAddr": "10.0.0.1:10911", "clusterName": "C", "haServerAddr": "10.0.0.1:10912", "brokerId": "0",
		"bodyCrc32": fmt.Sprint(crc32.ChecksumIEEE([]byte(body)) & 0x7fffffff),
	}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	c := &remoting.Command{Code: remoting.RegisterBroker, Version: version, Body: []byte(body)}
	for name, value := range fields {
		if value != "" {
			c.Fields = append(c.Fields, remoting.Field{Name: name, Value: value})
		}
	}
	var q remoting.Request
	require.NoError(t, q.Parse(remoting.Append(nil, c)[4:]))
	return remoting.DecodeRegistration(&q)
}

func TestRegistrationHeader(t *testing.T) {
	r, err := register(t, 479, "",
		"brokerId", "-1", "enableActingMaster", "TRUE", "heartbeatTimeoutMillis", "10000", "__ZONE_NAME", "z", "bodyCrc32", "0", "unknown", "x")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(&remoting.Registration{
		Cluster: "C", Name: "broker-a", Addr: "10.0.0.1:10911", HAAddr: "10.0.0.1:10912", Zone: "z", ID: -1,
		ActingMaster: remoting.ActingMasterTrue, Timeout: 10 * time.Second,
	}, r))

	r, err = register(t, 479, "", "enableActingMaster", "yes")
	require.NoError(t, err)
	require.Equal(t, remoting.ActingMasterFalse, r.ActingMaster)
	r, err = register(t, 479, "")
	require.NoError(t, err)
	require.Equal(t, remoting.ActingMasterAbsent, r.ActingMaster)
}

func TestRegistrationHeaderRefuses(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for _, tc := range []struct{ field, value, want string }{
		{"brokerName", "", "brokerName is missing: the request needs it as an extField"},
		{"clusterName", "", "clusterName is missing: the request needs it as an extField"},
		{"brokerAddr", "", "brokerAddr is missing: the request needs it as an extField"},
		{"haServerAddr", "", "haServerAddr is missing: the request needs it as an extField"},
		{"brokerId", "", "brokerId is missing: 0 is a master, others are slaves"},
		{"brokerId", "zero", `brokerId "zero" is not a whole number: send decimal digits`},
		{"brokerName", long, `brokerName "` + long[:64] + `…" is longer than 1024 bytes`},
		{"clusterName", long, `clusterName "` + long[:64] + `…" is longer than 1024 bytes`},
		{"__ZONE_NAME", long, `__ZONE_NAME "` + long[:64] + `…" is longer than 1024 bytes`},
		{"brokerAddr", "a:1,b:2", `brokerAddr "a:1,b:2" is not an address: send host:port`},
		{"brokerAddr", "a\n:1", `brokerAddr "a\n:1" is not an address: send host:port`},
		{"haServerAddr", `a"`, `haServerAddr "a\"" is not an address: send host:port`},
		{"heartbeatTimeoutMillis", "1s", `heartbeatTimeoutMillis "1s" is not a whole number: send decimal digits`},
		{"heartbeatTimeoutMillis", "0", `heartbeatTimeoutMillis "0" is out of range: send 1 to 86400000, or leave it out for 120000`},
		{"heartbeatTimeoutMillis", "9223372036854775807", `heartbeatTimeoutMillis "9223372036854775807" is out of range: send 1 to 86400000, or leave it out for 120000`},
		{"bodyCrc32", "x", `bodyCrc32 "x" is not a whole number: send decimal digits`},
	} {
		t.Run(tc.field+" "+excerpt(tc.value), func(t *testing.T) {
			r, err := register(t, 479, "{}", tc.field, tc.value)
			require.Nil(t, r)
			var field *remoting.FieldError
			require.ErrorAs(t, err, &field)
			require.Equal(t, tc.want, err.Error())
			require.Equal(t, tc.field, field.Field)
		})
	}
	_, err := register(t, 479, "{}", "bodyCrc32", "1")
	require.ErrorIs(t, err, remoting.ErrCRC)
	_, err = register(t, 479, "", "bodyCrc32", "1")
	require.ErrorIs(t, err, remoting.ErrCRC, "no body has the sum 0")
}

func excerpt(s string) string { return s[:min(len(s), 20)] }

func TestRegistrationBody(t *testing.T) {
	topic := func(name string) remoting.TopicConfig {
		return remoting.TopicConfig{Name: name, ReadQueues: 16, WriteQueues: 16, Perm: 6}
	}
	for _, tc := range []struct {
		name, body string
		version    int32
		want       remoting.Registration
	}{
		{"empty object", `{}`, 479, remoting.Registration{}},
		{"nulls", `{"filterServerList":null,"topicConfigSerializeWrapper":{"dataVersion":null,"topicConfigTable":null,"topicQueueMappingInfoMap":null}}`, 479, remoting.Registration{}},
		{"null wrapper", `{"topicConfigSerializeWrapper":null}`, 479, remoting.Registration{}},
		{"defaults", `{"topicConfigSerializeWrapper":{"topicConfigTable":{"A":{}}}}`, 479,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("A")}}},
		{"explicit nulls are defaults", `{"topicConfigSerializeWrapper":{"topicConfigTable":{"A":{"perm":null,"readQueueNums":null,"topicName":null,"order":null}}}}`, 479,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("A")}}},
		{"null topic", `{"topicConfigSerializeWrapper":{"topicConfigTable":{"A":null,"B":{}}}}`, 479,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("B")}}},
		{"empty table is not none", `{"topicConfigSerializeWrapper":{"topicConfigTable":{}}}`, 479, remoting.Registration{HasTopics: true}},
		{"empty list is not none", `{"filterServerList":[]}`, 479, remoting.Registration{HasFilterServers: true}},
		{"bare table by its shape, new version", `{"topicConfigTable":{"A":{}},"dataVersion":{"counter":1}}`, 479,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("A")}, Version: remoting.DataVersion{Counter: 1}}},
		{"wrapped table by its shape, no version", `{"topicConfigSerializeWrapper":{"topicConfigTable":{"A":{}}}}`, 0,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("A")}}},
		{"the topic's own name counts", `{"topicConfigTable":{"A":{"topicName":"B"}}}`, 0,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("B")}}},
		{"filter type as a number, attributes of any shape", `{"topicConfigTable":{"A":{"topicFilterType":0,"attributes":{"$ref":"$.x"}},"B":{"attributes":[1]}}}`, 0,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("A"), topic("B")}}},
		{"a reference adds nothing", `{"topicConfigTable":{"A":{},"B":{"$ref":"$.topicConfigTable.A"}}}`, 0,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{topic("A")}}},
		{"numbers as text and with suffix", `{"topicConfigTable":{"A":{"perm":"4","readQueueNums":2L,"topicSysFlag":"1","order":"true"}}}`, 0,
			remoting.Registration{HasTopics: true, Topics: []remoting.TopicConfig{{Name: "A", Perm: 4, ReadQueues: 2, WriteQueues: 16, SysFlag: 1, Order: true}}}},
		{"data version", `{"dataVersion":{"counter":"7","timestamp":9007199254740993,"stateVersion":null,"x":1}}`, 0,
			remoting.Registration{Version: remoting.DataVersion{Counter: 7, Timestamp: 9007199254740993}}},
		{"mapping with bare keys", `{"topicQueueMappingInfoMap":{"S":{"bname":"b","currIdMap":{5:1,0:0,5:2},"dirty":true,"epoch":7,"topic":"S","totalQueues":8},"N":null}}`, 0,
			remoting.Registration{Mappings: []remoting.QueueMapping{{
				Topic: "S", Broker: "b", Scope: "__global__", TotalQueues: 8, Epoch: 7, Dirty: true, Current: []remoting.IDPair{{0, 0}, {5, 2}},
			}}}},
		{"filter servers", `{"filterServerList":["10.0.0.1:30000",null,""]}`, 479,
			remoting.Registration{HasFilterServers: true, FilterServers: []string{"10.0.0.1:30000"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := register(t, tc.version, tc.body)
			require.NoError(t, err)
			want := tc.want
			want.Cluster, want.Name, want.Addr, want.HAAddr = "C", "broker-a", "10.0.0.1:10911", "10.0.0.1:10912"
			require.Empty(t, cmp.Diff(&want, r, cmpopts.EquateEmpty()))
		})
	}
}

func TestRegistrationBodyRefuses(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for _, tc := range []struct{ name, body, want string }{
		{"text", `hello`, `body "hello" is not a registration: send it as JSON, or compressed as brokers do`},
		{"cut", `{"topicConfigTable":{"A":{"perm":6`, `topicConfigTable.A ends early`},
		{"table", `{"topicConfigTable":[]}`, `topicConfigTable "[]}" is not an object`},
		{"topic", `{"topicConfigTable":{"A":1}}`, `topicConfigTable.A "1}}" is not an object`},
		{"perm", `{"topicConfigTable":{"A":{"perm":"rw"}}}`, `topicConfigTable.A.perm "rw" is not a whole number`},
		{"negative queues", `{"topicConfigTable":{"A":{"readQueueNums":-1}}}`, `topicConfigTable.A.readQueueNums "-1" is no number of queues: 0 to 65536 are`},
		{"absurd queues", `{"topicConfigTable":{"A":{"writeQueueNums":65537}}}`, `topicConfigTable.A.writeQueueNums "65537" is no number of queues: 0 to 65536 are`},
		{"queues beyond 32 bits", `{"topicConfigTable":{"A":{"writeQueueNums":4294967296}}}`, `topicConfigTable.A.writeQueueNums "4294967296" is not a number of 32 bits`},
		{"long name", `{"topicConfigTable":{"` + long + `":{}}}`, `topicConfigTable.` + long[:64] + `….topicName "` + long[:64] + `…" is longer than 1024 bytes`},
		{"counter as an object", `{"dataVersion":{"counter":{"value":3}}}`, `dataVersion.counter "{\"value\":3}}}" is not a plain value`},
		{"filter servers", `{"filterServerList":"a"}`, `filterServerList "\"a\"}" is not an array`},
		{"mapping without a broker", `{"topicQueueMappingInfoMap":{"S":{"topic":"S"}}}`, `topicQueueMappingInfoMap.S.bname is missing: it is the key under which everybody asks for it`},
		{"key that is no number", `{"topicQueueMappingInfoMap":{"S":{"currIdMap":{"x":1}}}}`, `topicQueueMappingInfoMap.S.currIdMap "x" is not a whole number, as the keys of this map must be`},
		{"comment that does not end", `{"a":1/*}`, `body "/*}" is not JSON: expected ','`},
		{"word", `{"a":nul}`, `body "nul}" is not JSON`},
		{"cut key", `{abc`, `body "abc" ends inside a key`},
		{"no key", `{:1}`, `body ":1}" is not a key`},
		{"cut escape", `{"a":"\u00`, `body "\\u00" is no escape that JSON has`},
		{"queue number beyond 32 bits", `{"topicQueueMappingInfoMap":{"S":{"currIdMap":{4294967296:1}}}}`, `topicQueueMappingInfoMap.S.currIdMap "4294967296" is no queue's number, or there are too many`},
		{"too deep", `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `body is nested too deeply`},
		{"long text", `{"a":"` + strings.Repeat("x", 1<<20+1) + `"}`, `body "` + strings.Repeat("x", 64) + `…" is too long a text`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := register(t, 479, tc.body)
			require.Nil(t, r)
			var field *remoting.FieldError
			require.ErrorAs(t, err, &field)
			require.Equal(t, tc.want, err.Error())
		})
	}
}

func TestRegistrationOfManyTopics(t *testing.T) {
	want := registration(60_000)
	for _, form := range []remoting.RegistrationForm{
		{Version: remoting.Version}, {Version: remoting.Version, Compressed: true}, {Version: 409, Compressed: true, Codec: remoting.Binary}, {},
	} {
		frame := remoting.AppendRegistration(nil, want, form)
		require.Less(t, len(frame), remoting.MaxFrame)
		var q remoting.Request
		require.NoError(t, q.Parse(frame[4:]))
		got, err := remoting.DecodeRegistration(&q)
		require.NoError(t, err)
		w := *want
		if form.Version == 0 { // before there were filter servers
			w.HasFilterServers = false
		}
		require.True(t, slices.Equal(w.Topics, got.Topics))
		w.Topics, got.Topics = nil, nil
		require.Empty(t, cmp.Diff(&w, got, cmpopts.EquateEmpty()))
	}
}

func TestRegistrationLimits(t *testing.T) {
	table := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"topicConfigTable":{`)
		for i := range n {
			fmt.Fprintf(&b, `"%d":{},`, i)
		}
		return b.String() + `}}`
	}
	r, err := register(t, 0, table(200_000))
	require.NoError(t, err)
	require.Len(t, r.Topics, 200_000)
	_, err = register(t, 0, table(200_001))
	require.EqualError(t, err, "topicConfigTable has too many entries: 200000 are the most")

	mapping := func(topic string, queues int) string {
		var b strings.Builder
		fmt.Fprintf(&b, `%q:{"topic":%q,"bname":"b","currIdMap":{`, topic, topic)
		for i := range queues {
			fmt.Fprintf(&b, "%d:0,", i)
		}
		return b.String() + "}},"
	}
	most := mapping("A", remoting.MaxMappedQueues)
	r, err = register(t, 0, `{"topicQueueMappingInfoMap":{`+most+`}}`)
	require.NoError(t, err)
	require.Len(t, r.Mappings[0].Current, remoting.MaxMappedQueues)
	_, err = register(t, 0, `{"topicQueueMappingInfoMap":{`+most+mapping("B", 1)+`}}`)
	require.EqualError(t, err, "topicQueueMappingInfoMap has too many mappings: 200000 with 1048576 queues together are the most")

	many := strings.Repeat(`"x",`, 1025)
	_, err = register(t, 479, `{"filterServerList":[`+many+`]}`)
	require.EqualError(t, err, `filterServerList "x" is too long, or one of too many filter servers`)
}
