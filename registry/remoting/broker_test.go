package remoting_test

import (
	"hash/maphash"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// request parses a command as the peer would get it.
func request(t testing.TB, c *remoting.Command) *remoting.Request {
	q := &remoting.Request{}
	require.NoError(t, q.Parse(remoting.Append(nil, c)[4:]))
	return q
}

func fields(pairs ...string) (list []remoting.Field) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, remoting.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return list
}

func TestBrokerRequests(t *testing.T) {
	named := fields("clusterName", "C", "brokerAddr", "10.0.0.1:10911", "brokerName", "broker-a", "brokerId", "2")
	ref := remoting.BrokerRef{Cluster: "C", Addr: "10.0.0.1:10911", Name: "broker-a", ID: 2}
	q := request(t, &remoting.Command{Fields: named})

	got, err := remoting.DecodeUnregistration(q)
	require.NoError(t, err)
	require.Equal(t, ref, got)
	got, v, err := remoting.DecodeVersionQuery(q)
	require.NoError(t, err, "no body")
	require.Equal(t, ref, got)
	require.Zero(t, v)
	q.Body = []byte(`{"counter":3,"stateVersion":"1","timestamp":1700000000000}`)
	_, v, err = remoting.DecodeVersionQuery(q)
	require.NoError(t, err)
	require.Equal(t, remoting.DataVersion{StateVersion: 1, Timestamp: 1700000000000, Counter: 3}, v)
	require.Equal(t, `{"counter":3,"stateVersion":1,"timestamp":1700000000000}`, string(v.AppendJSON(nil)))

	ref.ID = 0
	q = request(t, &remoting.Command{Fields: named[:3]})
	got, err = remoting.DecodeHeartbeat(q)
	require.NoError(t, err, "a heartbeat may leave the id out")
	require.Equal(t, ref, got)
}

func TestBrokerRequestsRefuse(t *testing.T) {
	named := fields("clusterName", "C", "brokerAddr", "10.0.0.1:10911", "brokerName", "broker-a")
	q := request(t, &remoting.Command{Fields: named})
	_, err := remoting.DecodeUnregistration(q)
	require.EqualError(t, err, "brokerId is missing: 0 is a master, others are slaves")
	_, _, err = remoting.DecodeVersionQuery(q)
	require.EqualError(t, err, "brokerId is missing: 0 is a master, others are slaves")
	q = request(t, &remoting.Command{Fields: append(named, remoting.Field{Name: "brokerId", Value: "0"}), Body: []byte(`{"counter":{"value":3},"timestamp":1}`)})
	_, _, err = remoting.DecodeVersionQuery(q)
	require.EqualError(t, err, `dataVersion.counter "{\"value\":3},\"timestamp\":1}" is not a plain value`)
	_, err = remoting.DecodeHeartbeat(request(t, &remoting.Command{}))
	require.EqualError(t, err, "brokerName is missing: the request needs it as an extField")
}

func TestMinBrokerIDChange(t *testing.T) {
	change := remoting.MinBrokerIDChange{MinID: 1, MinAddr: "127.0.0.1:2", OfflineAddr: "127.0.0.1:1"}
	frame := remoting.AppendMinBrokerIDChange(nil, 7, change)
	require.Equal(t, `{"code":905,"extFields":{"minBrokerAddr":"127.0.0.1:2","minBrokerId":"1","offlineBrokerAddr":"127.0.0.1:1"},"flag":2,"language":"JAVA","opaque":7,"serializeTypeCurrentRPC":"JSON","version":479}`, string(frame[8:]))
	var q remoting.Request
	require.NoError(t, q.Parse(frame[4:]))
	require.True(t, q.Oneway())
	require.False(t, q.Response())
	got, err := remoting.DecodeMinBrokerIDChange(&q)
	require.NoError(t, err)
	require.Equal(t, change, got)

	_, err = remoting.DecodeMinBrokerIDChange(request(t, &remoting.Command{}))
	require.EqualError(t, err, "minBrokerId is missing: it is what the request is about")
}

func TestRequestFields(t *testing.T) {
	q := request(t, &remoting.Command{Version: 317, Fields: fields("n", "12", "bad", "1x", "yes", "TRUE", "empty", "", "no", "1")})
	n, ok, err := q.Int("n")
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 12, n)
	for _, absent := range []string{"empty", "other"} {
		_, ok, err = q.Int(absent)
		require.NoError(t, err)
		require.False(t, ok)
	}
	_, _, err = q.Int("bad")
	require.EqualError(t, err, `bad "1x" is not a whole number: send decimal digits`)
	require.True(t, q.Bool("yes"))
	require.False(t, q.Bool("no"))
	require.False(t, q.Bool("other"))
	empty, ok := q.FieldString("empty")
	require.True(t, ok, "JSON keeps an empty text")
	require.Empty(t, empty)

	var names []string
	for name := range q.Fields() {
		names = append(names, name)
		if name == "yes" {
			break
		}
	}
	require.Equal(t, []string{"n", "bad", "yes"}, names)
}

func TestFingerprint(t *testing.T) {
	seed := maphash.MakeSeed()
	of := func(c remoting.Command) uint64 { return request(t, &c).Fingerprint(seed) }
	said := of(remoting.Command{Opaque: 1, Fields: fields("a", "bc", "d", "e"), Body: []byte("body")})
	require.Equal(t, said, of(remoting.Command{Opaque: 2, Version: 400, Fields: fields("a", "bc", "d", "e"), Body: []byte("body")}))
	require.Equal(t, said, of(remoting.Command{Codec: remoting.Binary, Fields: fields("a", "bc", "d", "e"), Body: []byte("body")}))
	for _, other := range []remoting.Command{
		{Fields: fields("a", "bc", "d", "e"), Body: []byte("bodY")},
		{Fields: fields("a", "bc", "d", "e")},
		{Fields: fields("a", "bc", "d", "f"), Body: []byte("body")},
		{Fields: fields("ab", "c", "d", "e"), Body: []byte("body")},
		{Fields: fields("d", "e", "a", "bc"), Body: []byte("body")},
		{Fields: fields("a", "bc", "d", ""), Body: []byte("ebody")},
		{Fields: fields("a", "bc"), Body: []byte("debody")},
		{Fields: fields("a", "bc"), Body: []byte("\x01\x00\x00\x00\x01\x00\x00\x00\x00debody")},
		{Body: []byte("body")},
	} {
		require.NotEqual(t, said, of(other), "%+v", other)
	}
}

func TestDialect(t *testing.T) {
	for _, tc := range []struct {
		version int32
		accept  string
		want    remoting.Dialect
	}{
		{317, "", remoting.Bare}, {400, "false", remoting.Bare}, {0, "", remoting.Bare},
		{401, "", remoting.Quoted}, {479, "false", remoting.Quoted}, {317, "True", remoting.Quoted},
	} {
		q := request(t, &remoting.Command{Version: tc.version, Fields: fields("acceptStandardJsonOnly", tc.accept)})
		require.Equal(t, tc.want, q.Dialect(), "%+v", tc)
	}
}

// A Request can be used again and shows nothing of the frame before.
func TestRequestIsReused(t *testing.T) {
	var q remoting.Request
	rich := remoting.Append(nil, &remoting.Command{Code: 1, Remark: "r", Fields: fields("a", "b"), Body: []byte("x"), Flag: 3, Opaque: 4, Version: 5})
	require.NoError(t, q.Parse(rich[4:]))
	require.NoError(t, q.Parse(jsonFrame(`{}`, "")))
	require.False(t, q.HasFields())
	_, ok := q.Field("a")
	require.False(t, ok)
	require.Nil(t, q.Remark)
	require.Nil(t, q.Body)
	require.Zero(t, q.Code+q.Version+q.Opaque+q.Flag)
}

func TestOrdinaryHeadersAllocateNothing(t *testing.T) {
	for name, frame := range routeQueries() {
		var q remoting.Request
		var out []byte
		run := func() {
			if q.Parse(frame) != nil {
				panic("does not parse")
			}
			q.Field("topic")
			q.Dialect()
			out = remoting.AppendAnswerHead(out[:0], &q, remoting.Success, "", nil, 0)
		}
		run() // makes room
		require.Zero(t, testing.AllocsPerRun(100, run), name)
	}
}

func TestNames(t *testing.T) {
	require.Equal(t, "GET_ROUTEINFO_BY_TOPIC", remoting.RequestName(remoting.GetRouteByTopic))
	require.Empty(t, remoting.RequestName(1001))
	require.Equal(t, "NODE_JS", remoting.NodeJS.String())
	require.Empty(t, remoting.UnknownLanguage.String())
	require.Equal(t, "unknown", remoting.Codec(7).String())
}
