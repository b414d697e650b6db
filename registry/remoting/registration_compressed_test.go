package remoting_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zlib"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func deflate(t testing.TB, inflated string) string {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, err := z.Write([]byte(inflated))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.String()
}

// part is a text after its length, count a number alone.
func part(text string) string { return count(len(text)) + text }

func count(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

const someVersion = `{"counter":1,"timestamp":2}`

func TestCompressedRegistration(t *testing.T) {
	head := part(someVersion) + count(2) + part("A 4 5 6 SINGLE_TAG") + part(`B 1 2 4 MULTI_TAG {"a":"b c"}`)
	topics := []remoting.TopicConfig{{Name: "A", ReadQueues: 4, WriteQueues: 5, Perm: 6}, {Name: "B", ReadQueues: 1, WriteQueues: 2, Perm: 4}}
	mapping := `{"bname":"b","currIdMap":{0:0,5:1},"dirty":false,"epoch":7,"scope":"s","topic":"A","totalQueues":8}`
	for _, tc := range []struct {
		name, inflated string
		version        int32
		want           remoting.Registration
	}{
		{"4.9", head + part("[]"), 399, remoting.Registration{Topics: topics}},
		{"4.9 that calls itself 5.x", head + part("[]"), 479, remoting.Registration{Topics: topics}},
		{"5.x that calls itself 4.9", head + part("[]") + count(1) + part(mapping), 399, remoting.Registration{Topics: topics, Mappings: []remoting.QueueMapping{{
			Topic: "A", Broker: "b", Scope: "s", TotalQueues: 8, Epoch: 7, Current: []remoting.IDPair{{0, 0}, {5, 1}},
		}}}},
		{"no topics", part(someVersion) + count(0) + part(`["f"]`) + count(0), 479, remoting.Registration{FilterServers: []string{"f"}}},
	} {
		for _, label := range []string{"true", "false"} {
			t.Run(tc.name+" "+label, func(t *testing.T) {
				r, err := register(t, tc.version, deflate(t, tc.inflated), "compressed", label)
				require.NoError(t, err)
				want := tc.want
				want.Cluster, want.Name, want.Addr, want.HAAddr = "C", "broker-a", "10.0.0.1:10911", "10.0.0.1:10912"
				want.Version = remoting.DataVersion{Counter: 1, Timestamp: 2}
				want.HasTopics, want.HasFilterServers = true, true
				require.Empty(t, cmp.Diff(&want, r, cmpopts.EquateEmpty()))
			})
		}
	}
	r, err := register(t, 479, `{"topicConfigTable":{"A":{}}}`, "compressed", "true")
	require.NoError(t, err, "plain, though it says compressed")
	require.Len(t, r.Topics, 1)
}

func TestCompressedRegistrationRefuses(t *testing.T) {
	head := part(someVersion)
	const notTopic = `topicConfigTable "A 4 4" is not a topic: its name is followed by read queues, write queues, permission and filter type`
	for _, tc := range []struct{ name, inflated, want string }{
		{"nothing", "", "body is not a compressed registration: ends early"},
		{"cut length", "\x00\x00", "body is not a compressed registration: ends early"},
		{"cut version", count(20) + "{}", "body is not a compressed registration: ends early"},
		{"negative length", "\xff\xff\xff\xff", `body "-1" is not the length of a part`},
		{"absurd length", count(1 << 30), `body "1073741824" is not the length of a part`},
		{"version", part("hello"), `dataVersion "hello" is not an object`},
		{"no topics", head, "body is not a compressed registration: ends early"},
		{"negative topics", head + "\xff\xff\xff\xff", `topicConfigTable "-1" is not a number of entries: 0 to 200000 are`},
		{"absurd topics", head + count(200_001), `topicConfigTable "200001" is not a number of entries: 0 to 200000 are`},
		{"promised topics", head + count(200_000), "body is not a compressed registration: ends early"},
		{"short topic", head + count(1) + part("A 4 4"), notTopic},
		{"no filter type", head + count(1) + part("A 4 4 6"), `topicConfigTable "A 4 4 6" is not a topic: its filter type is missing`},
		{"no name", head + count(1) + part(" 4 4 6 SINGLE_TAG"), `topicConfigTable " 4 4 6 SINGLE_TAG" is missing: it is the key under which everybody asks for it`},
		{"name with a space", head + count(1) + part("A B 4 4 6 SINGLE_TAG"), strings.Replace(notTopic, "A 4 4", "A B 4 4 6 SINGLE_TAG", 1)},
		{"absurd queues", head + count(1) + part("A 4 65537 6 SINGLE_TAG"), `topicConfigTable "A 4 65537 6 SINGLE_TAG" has no number of queues: 0 to 65536 are`},
		{"no filter servers", head + count(0), "body is not a compressed registration: ends early"},
		{"filter servers", head + count(0) + part("{}"), `filterServerList "{}" is not an array`},
		{"cut count", head + count(0) + part("[]") + "\x00", "body is not a compressed registration: ends early"},
		{"promised mappings", head + count(0) + part("[]") + count(1), "body is not a compressed registration: ends early"},
		{"absurd mappings", head + count(0) + part("[]") + count(1<<20), `topicQueueMappingInfoMap "1048576" is not a number of entries: 0 to 200000 are`},
		{"mapping", head + count(0) + part("[]") + count(1) + part("x"), `topicQueueMappingInfoMap "x" is not an object`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := register(t, 479, deflate(t, tc.inflated))
			require.Nil(t, r)
			var field *remoting.FieldError
			require.ErrorAs(t, err, &field)
			require.Equal(t, tc.want, err.Error())
		})
	}
	_, err := register(t, 479, "x, as zlib begins, but")
	require.ErrorContains(t, err, "body is not a compressed registration: invalid")
	whole := deflate(t, head+count(0)+part("[]")+count(0))
	_, err = register(t, 479, whole[:len(whole)-8])
	require.ErrorContains(t, err, "ends early")
}

// A small body must not become a large one.
func TestCompressedBomb(t *testing.T) {
	bomb := deflate(t, part(someVersion)+count(1)+part("A 4 4 6 SINGLE_TAG "+strings.Repeat("x", 15<<20)))
	require.Less(t, len(bomb), 32<<10)
	_, err := register(t, 479, bomb)
	require.EqualError(t, err, "body is not a compressed registration: inflates to far more than any registration")

	honest := deflate(t, part(someVersion)+count(1)+part("A 4 4 6 SINGLE_TAG "+strings.Repeat("x", 60<<10))+part("[]"))
	_, err = register(t, 479, honest)
	require.NoError(t, err, "64 KiB are free")
}
