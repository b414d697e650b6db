package replication

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// valued reports whether every server has this value, "" for none.
func (w *routeWorld) valued(key, value string) bool {
	for _, s := range w.all() {
		if got, _ := s.table.GetKV("ns", key); got != value {
			return false
		}
	}
	return w.agreed()
}

// wiped reports whether every server shows a topic with this permission.
func (b *simBroker) permitted(topic string, perm int32) bool {
	for _, s := range b.w.all() {
		body, ok := s.table.Route([]byte(topic), remoting.Quoted)
		if !ok {
			return false
		}
		route, err := remoting.DecodeTopicRoute(body)
		require.NoError(b.w.t, err)
		if len(route.Queues) != 1 || route.Queues[0].Perm != perm {
			return false
		}
	}
	return true
}

// What an operator says to one server holds on all, and on those that come later, whoever of the others is still there.
func TestWordsSpread(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		b := w.newBroker("broker-a", 0, "Orders", "Refunds")
		b.register(s[2])
		require.NoError(t, s[0].table.PutKV("ns", "key", "value", "me", time.Now()))
		w.soon(100*time.Millisecond, "put", func() bool { return w.valued("key", "value") })
		require.NoError(t, s[1].table.PutKV("ns", "key", "another", "me", time.Now()))
		w.soon(100*time.Millisecond, "put again elsewhere", func() bool { return w.valued("key", "another") })
		_, err := s[1].table.WipeWrite("broker-a", "me", time.Now())
		require.NoError(t, err)
		w.soon(100*time.Millisecond, "wiped", func() bool { return b.permitted("Orders", 4) })
		b.change("Orders", "Refunds", "Late")
		b.register(s[2])
		w.soon(100*time.Millisecond, "wiped whatever the broker says", func() bool { return b.permitted("Late", 4) })
		require.NoError(t, s[0].table.DeleteTopic("Refunds", "", "me", time.Now()))
		w.soon(100*time.Millisecond, "deleted", func() bool { return b.nowhere("Refunds") && w.agreed() })

		w.crash(s[0], 0)
		w.crash(s[1], 0)
		w.startServer("d")
		w.soon(time.Second, "what two dead servers said is known", func() bool {
			return w.copied() && w.valued("key", "another") && b.permitted("Late", 4) && b.nowhere("Refunds")
		})
		b.register(s[2])
		_, err = w.servers["d"].table.AddWrite("broker-a", "me", time.Now())
		require.NoError(t, err)
		w.soon(100*time.Millisecond, "given back", func() bool { return b.permitted("Late", 6) && b.nowhere("Refunds") })
		require.NoError(t, w.servers["d"].table.DeleteKV("ns", "key", "me", time.Now()))
		w.soon(100*time.Millisecond, "deleted", func() bool { return w.valued("key", "") })
	})
}

// Words that were said on two sides of a partition become one.
func TestWordsConverge(t *testing.T) {
	inRouteWorld(t, 2, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		w.setCut("a", "b", true)
		w.setCut("b", "a", true)
		time.Sleep(time.Minute)
		now := time.Now()
		require.NoError(t, s[0].table.PutKV("ns", "both", "of a", "me", now))
		require.NoError(t, s[1].table.PutKV("ns", "both", "of b", "me", now))
		require.NoError(t, s[0].table.PutKV("ns", "later at a", "1", "me", now))
		require.NoError(t, s[0].table.PutKV("ns", "later at a", "2", "me", now))
		require.NoError(t, s[1].table.PutKV("ns", "later at a", "3", "me", now))
		w.setCut("a", "b", false)
		w.setCut("b", "a", false)
		w.soon(5*time.Second, "one value", func() bool { return w.valued("both", "of b") && w.valued("later at a", "2") })
		w.soon(6*time.Second, "known to agree", w.knownToAgree)
	})
}

// A word travels through whoever hears both sides.
func TestWordsArePassedOn(t *testing.T) {
	inRouteWorld(t, 3, nil, func(t *testing.T, w *routeWorld, s []*nameServer) {
		w.setCut("a", "c", true)
		w.setCut("c", "a", true)
		time.Sleep(time.Minute)
		require.NoError(t, s[0].table.PutKV("ns", "key", "value", "me", time.Now()))
		took := w.soon(time.Second, "everywhere", func() bool { return w.valued("key", "value") })
		require.Less(t, took, 50*time.Millisecond)
	})
}
