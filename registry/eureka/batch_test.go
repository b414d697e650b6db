package eureka_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestActionNames(t *testing.T) {
	for a, name := range map[eureka.Action]string{
		eureka.NoReplication: "", eureka.Heartbeat: "Heartbeat", eureka.Register: "Register", eureka.Cancel: "Cancel",
		eureka.StatusUpdate: "StatusUpdate", eureka.DeleteStatusOverride: "DeleteStatusOverride", eureka.Action(99): "",
	} {
		require.Equal(t, name, a.String())
	}
}

// What upstream judges item by item is left for the receiver to see.
func TestDecodeReplicationListKeepsWhatIsMissing(t *testing.T) {
	items, err := eureka.DecodeReplicationList([]byte(`{"replicationList":[
		{"appName":"ORDERS","id":"a","lastDirtyTimestamp":"5","status":"UP","overriddenStatus":"DOWN","action":"Heartbeat"},
		{"id":"a","action":"Heartbeat"},
		{"appName":"ORDERS","action":"Cancel"},
		{"appName":"ORDERS","id":"a"},
		null,
		{"appName":"ORDERS","id":"a","instanceInfo":null,"lastDirtyTimestamp":null,"status":null,"action":"Register"},
		{"appName":"ORDERS","id":"a","status":"SLEEPING","instanceInfo":{"instance":{"app":"ORDERS"}},"action":"Register"},
		{"appName":"ORDERS","id":"a","instanceInfo":{"app":"orders","hostName":"h","isCoordinatingDiscoveryServer":"true"},"action":"Register"}
	]}`), 100, 42)
	require.NoError(t, err)
	require.Len(t, items, 8)

	require.Equal(t, eureka.ReplicationItem{
		AppName: "ORDERS", ID: "a", LastDirtyTimestamp: 5, HasDirty: true,
		Status: "UP", OverriddenStatus: "DOWN", Action: eureka.Heartbeat,
	}, items[0])
	require.Empty(t, items[1].AppName)
	require.Empty(t, items[2].ID)
	require.Equal(t, eureka.NoReplication, items[3].Action)
	require.Equal(t, eureka.ReplicationItem{Null: true}, items[4])
	require.Equal(t, eureka.ReplicationItem{AppName: "ORDERS", ID: "a", Action: eureka.Register}, items[5])

	require.Nil(t, items[6].Instance)
	require.ErrorContains(t, items[6].InstanceError, "app: missing")
	sent := `{"instance":{"app":"ORDERS"}}`
	require.Equal(t, sent, string(items[6].InstanceText))
	require.Equal(t, "SLEEPING", items[6].Status)

	require.NoError(t, items[7].InstanceError)
	require.Equal(t, "ORDERS", items[7].Instance.App)
	require.Equal(t, int64(42), items[7].Instance.LastDirtyTimestamp)
	require.False(t, items[7].Instance.IsCoordinatingDiscoveryServer)
}

func TestDecodeReplicationListRefuses(t *testing.T) {
	for body, reason := range map[string]string{
		``:                   "ends early",
		`hello`:              "not an object",
		`[]`:                 "not an object",
		`<ReplicationList/>`: "not an object",
		`{"replicationList":[],"replicationList":[]}`:         `unknown member "replicationList"`,
		`{"replicationList":{}}`:                              "not an array",
		`{"replicationList":[],"x":1}`:                        `unknown member "x"`,
		`{"replicationList":[{"x":1}]}`:                       `unknown member "x"`,
		`{"replicationList":[{"action":"Dance"}]}`:            `action: unknown action "Dance"`,
		`{"replicationList":[{"action":"heartbeat"}]}`:        `action: unknown action "heartbeat"`,
		`{"replicationList":[{"lastDirtyTimestamp":"soon"}]}`: "lastDirtyTimestamp: not a timestamp",
		`{"replicationList":[{"lastDirtyTimestamp":1.5}]}`:    "lastDirtyTimestamp: not a timestamp",
		`{"replicationList":[{"lastDirtyTimestamp":true}]}`:   "lastDirtyTimestamp: not a timestamp",
		`{"replicationList":[{"id":{}}]}`:                     "not a plain value",
		`{"replicationList":["x"]}`:                           "not an object",
		`{"replicationList":[{"instanceInfo":{"app":"A"}`:     "ends early",
		`{"replicationList":[{},{},{},{}]}`:                   "too many items",
	} {
		_, err := eureka.DecodeReplicationList([]byte(body), 3, 0)
		var decode *eureka.DecodeError
		require.ErrorAs(t, err, &decode, body)
		require.ErrorContains(t, err, reason, body)
	}
	for _, body := range []string{`{}`, `{"replicationList":null}`} {
		_, err := eureka.DecodeReplicationList([]byte(body), 3, 0)
		require.ErrorIs(t, err, eureka.ErrNoList, body)
	}
	items, err := eureka.DecodeReplicationList([]byte(`{"replicationList":[]}`), 3, 0)
	require.NoError(t, err)
	require.Empty(t, items)
}

// One bad instance is no reason to lose the batch, bad syntax is.
func TestReplicatedInstanceOfAnotherShape(t *testing.T) {
	items, err := eureka.DecodeReplicationList([]byte(`{"replicationList":[{"instanceInfo":[1]},{"instanceInfo":"x"},{"id":"good"}]}`), 3, 0)
	require.NoError(t, err)
	require.Error(t, items[0].InstanceError)
	require.Error(t, items[1].InstanceError)
	require.Equal(t, "good", items[2].ID)

	many := strings.Repeat(`"k":1,`, 3)
	_, err = eureka.DecodeReplicationList([]byte(`{"replicationList":[{"instanceInfo":{`+many+`}}]}`), 3, 0)
	require.Error(t, err)
}

func TestReplicationAnswers(t *testing.T) {
	answers, err := eureka.DecodeReplicationAnswers([]byte(
		`{"x":{}, "responseList":[{"statusCode":200},{"statusCode":"404","y":[]},{"statusCode":409,"responseEntity": {"app":"A"} },{"responseEntity":null}]}`), 4)
	require.NoError(t, err)
	require.Equal(t, []eureka.ReplicationAnswer{{StatusCode: 200}, {StatusCode: 404}, {StatusCode: 409, Entity: []byte(`{"app":"A"}`)}, {}}, answers)
	want := `{"responseList":[{"statusCode":409,"responseEntity":{"app":"A"}}]}`
	require.Equal(t, want, string(eureka.AppendReplicationAnswers(nil, answers[2:3])))

	for body, reason := range map[string]string{
		`{"responseList":[{},{}]}`:                       "too many answers",
		`{"responseList":[null]}`:                        "not an object",
		`{"responseList":[{"statusCode":{}}]}`:           "not a plain value",
		`{"responseList":[{"responseEntity":{"app":]}]}`: "not JSON",
		`{"responseList":[],"responseList":[]}`:          "twice",
		`{"responseList":7}`:                             "not an array",
		`[]`:                                             "not an object",
	} {
		_, err := eureka.DecodeReplicationAnswers([]byte(body), 1)
		require.ErrorContains(t, err, reason, body)
	}
	_, err = eureka.DecodeReplicationAnswers([]byte(`{}`), 1)
	require.ErrorIs(t, err, eureka.ErrNoList)
}

func TestAppendReplicationListPrefersText(t *testing.T) {
	items := []eureka.ReplicationItem{{AppName: "A", ID: "i", Action: eureka.Register, Instance: &eureka.Instance{App: "A"}, InstanceText: []byte(`{"app":"A"}`)}}
	want := `{"replicationList":[{"appName":"A","id":"i","instanceInfo":{"app":"A"},"action":"Register"}]}`
	require.Equal(t, want, string(eureka.AppendReplicationList(nil, items)))
	items[0].InstanceText = nil
	require.Contains(t, string(eureka.AppendReplicationList(nil, items)), `"instanceInfo":{"app":"A","status":"UNKNOWN"`)
}
