package remoting_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// TestLastOfEachNameCounts: as with Java's map, and so that what repeats itself does not multiply.
func TestLastOfEachNameCounts(t *testing.T) {
	want := []remoting.TopicConfig{{Name: "A", ReadQueues: 3, WriteQueues: 16, Perm: 6}, {Name: "B", ReadQueues: 2, WriteQueues: 16, Perm: 6}}
	r, err := register(t, 479, `{"topicConfigTable":{"A":{"readQueueNums":1},"B":{"readQueueNums":2},"C":{"topicName":"A","readQueueNums":3}}}`)
	require.NoError(t, err)
	require.Equal(t, want, r.Topics)

	mapping := func(epoch int) string { return part(fmt.Sprintf(`{"bname":"b","topic":"A","epoch":%d}`, epoch)) }
	r, err = register(t, 479, deflate(t, part(someVersion)+count(3)+part("A 1 16 6 S")+part("B 2 16 6 S")+part("A 3 16 6 S")+
		part("[]")+count(2)+mapping(1)+mapping(2)))
	require.NoError(t, err)
	require.Equal(t, want, r.Topics)
	require.Len(t, r.Mappings, 1)
	require.EqualValues(t, 2, r.Mappings[0].Epoch)

	var body strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&body, `"T%d":{"perm":%d},`, i%5000, i/5000)
	}
	r, err = register(t, 479, `{"topicConfigTable":{`+body.String()+`}}`)
	require.NoError(t, err)
	require.Len(t, r.Topics, 5000)
	for i, c := range r.Topics {
		require.Equal(t, fmt.Sprintf("T%d", i), c.Name)
		require.EqualValues(t, 3, c.Perm)
	}
}

// TestPlainRegistrationsStaySmall: what a plain body becomes is bounded by its size. Servers count on a MiB for 64 KiB.
func TestPlainRegistrationsStaySmall(t *testing.T) {
	const size = 64 << 10
	for name, tc := range map[string]struct {
		head, foot string
		entry      func(i int) string
	}{
		"the same topic":   {`{"topicConfigTable":{`, `}}`, func(int) string { return `"a":{},` }},
		"short topics":     {`{"topicConfigTable":{`, `}}`, func(i int) string { return fmt.Sprintf(`%c%x:{},`, 'a'+i%26, i/26) }},
		"mappings":         {`{"topicQueueMappingInfoMap":{`, `}}`, func(i int) string { return fmt.Sprintf(`0:{topic:%d,bname:1},`, i) }},
		"mapped queues":    {`{"topicQueueMappingInfoMap":{0:{topic:1,bname:1,currIdMap:{`, `}}}}`, func(i int) string { return fmt.Sprintf(`%d:0,`, i%1000) }},
		"empty id maps":    {`{"topicQueueMappingInfoMap":{`, `}}`, func(i int) string { return fmt.Sprintf(`0:{topic:%d,bname:1,currIdMap:{0:0}},`, i) }},
		"nothing repeated": {`{"unknown":[`, `]}`, func(int) string { return `{},` }},
	} {
		t.Run(name, func(t *testing.T) {
			var body strings.Builder
			body.WriteString(tc.head)
			for i := 0; body.Len() < size-len(tc.foot)-40; i++ {
				body.WriteString(tc.entry(i))
			}
			body.WriteString(tc.foot)
			text := body.String()
			require.LessOrEqual(t, len(text), size)
			before := live()
			r, err := register(t, 479, text)
			require.NoError(t, err)
			kept := live() - before
			t.Logf("%d bytes become %d KiB", len(text), kept>>10)
			require.Less(t, kept, int64(1<<20))
			runtime.KeepAlive(r)
			runtime.KeepAlive(text)
		})
	}
}

func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
