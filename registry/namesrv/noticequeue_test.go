package namesrv

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func TestNoticeQueue(t *testing.T) {
	var q noticeQueue
	q.init()
	at := func(to string, id int64) notice { return notice{to, remoting.MinBrokerIDChange{MinID: id}} }
	take := func() notice {
		n, ok := q.take()
		require.True(t, ok)
		return n
	}
	require.Empty(t, q.put(at("a", 3)))
	require.Empty(t, q.put(at("b", 3)))
	require.Equal(t, "superseded", q.put(at("a", 2)))
	require.Equal(t, at("a", 2), take())
	require.Empty(t, q.put(at("a", 1)))
	require.Equal(t, at("b", 3), take(), "a is still being told something")
	q.done("b")
	q.done("a")
	require.Equal(t, at("a", 1), take())

	for i := range maxNotices {
		require.Empty(t, q.put(at(strconv.Itoa(i), 1)))
	}
	require.Equal(t, "dropped", q.put(at("more", 1)))
	require.Equal(t, "superseded", q.put(at("7", 2)))
	q.close()
	_, ok := q.take()
	require.False(t, ok)
}
