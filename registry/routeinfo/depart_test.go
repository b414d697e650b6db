package routeinfo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func TestUnregister(t *testing.T) {
	f := newFixture(t)
	f.register(5)
	f.Unregister(keyOf("x", 0), "broker-x", 5, f.now)
	f.Unregister(BrokerKey{"C", "10.0.0.1:10911"}, "other", 5, f.now)
	require.NotNil(t, f.lookup("T1"), "another's goodbye")
	f.Unregister(BrokerKey{"C", "10.0.0.1:10911"}, "broker-a", 6, f.now)
	require.Nil(t, f.lookup("T1"), "over a connection made later; the id does not matter")
	require.Empty(t, f.topicNames())
	require.Empty(t, f.clusters())
	require.Equal(t, `{"topicList":[]}`, string(f.SystemTopics()))
	require.False(t, f.HoldsConn(5))
	f.Unregister(BrokerKey{"C", "10.0.0.1:10911"}, "broker-a", 5, f.now)
}

// What upstream does not check: a late goodbye or close deletes a fresh registration.
func TestLateGoodbyes(t *testing.T) {
	f := newFixture(t)
	f.register(5)
	f.register(6)
	f.Unregister(BrokerKey{"C", "10.0.0.1:10911"}, "broker-a", 5, f.now)
	f.ConnClosed(5, f.now)
	require.NotNil(t, f.lookup("T1"))
	f.ConnClosed(6, f.now)
	require.Nil(t, f.lookup("T1"))

	f = newFixture(t, func(c *Config) { c.Faults.NoFence = true })
	f.register(5)
	f.register(6)
	f.Unregister(BrokerKey{"C", "10.0.0.1:10911"}, "broker-a", 5, f.now)
	require.Nil(t, f.lookup("T1"), "the planted fault")
}

// connection-close.json
func TestConnClosed(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0))
	f.register(1, brokerOf("b", 0))
	f.register(2, brokerOf("c", 0))
	f.QueryDataVersion(keyOf("c", 0), version(1), f.now)
	f.Touch(keyOf("c", 0), f.now)
	require.True(t, f.HoldsConn(1))
	require.False(t, f.HoldsConn(3))
	f.ConnClosed(3, f.now)
	require.Len(t, f.brokersOf("T1"), 3, "a heartbeat does not bind a connection")
	f.ConnClosed(1, f.now)
	require.Equal(t, []string{"broker-c 0=" + addrOf("c", 0) + " perm 6"}, f.brokersOf("T1"), "all brokers of the connection go")
	f.ConnClosed(0, f.now)
	require.Len(t, f.brokersOf("T1"), 1)
}

// expiry.json
func TestExpire(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), silent(3*time.Second))
	f.register(2, brokerOf("b", 0), silent(3*time.Second))
	f.register(3, brokerOf("c", 0))
	f.register(4, brokerOf("d", 0), silent(3*time.Second))
	f.register(4, brokerOf("e", 0))
	f.pass(2 * time.Second)
	require.True(t, f.Touch(keyOf("b", 0), f.now))
	f.pass(time.Second)
	require.Empty(t, f.Expire(f.now), "just at the end of their timeout")
	f.pass(time.Millisecond)
	require.Equal(t, []ConnID{1}, f.Expire(f.now), "the other connection has a broker that lives")
	require.Equal(t, []string{"C: broker-b broker-c broker-e", "broker-b 0=" + addrOf("b", 0), "broker-c 0=" + addrOf("c", 0), "broker-e 0=" + addrOf("e", 0)}, f.clusters())
	f.ConnClosed(1, f.now)
	f.pass(116 * time.Second)
	require.Equal(t, []ConnID{2}, f.Expire(f.now))
	f.pass(2 * time.Second)
	require.Equal(t, []ConnID{3, 4}, f.Expire(f.now))
	require.Empty(t, f.clusters())
}

// A broker that came back under another address is replaced; its old entry must not close anybody's connection later.
func TestAReplacedAddressDoesNotExpire(t *testing.T) {
	f := newFixture(t)
	f.register(1, silent(3*time.Second))
	f.register(2, at("10.0.0.2:10911"))
	f.pass(time.Minute)
	require.Empty(t, f.Expire(f.now))
	require.Equal(t, []string{"broker-a 0=10.0.0.2:10911 perm 6"}, f.brokersOf("T1"))
}

func TestFreeze(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0))
	f.register(2, brokerOf("b", 0))
	f.Freeze(true)
	f.ConnClosed(1, f.now)
	f.pass(time.Hour)
	require.Empty(t, f.Expire(f.now))
	require.Len(t, f.brokersOf("T1"), 2)
	f.Unregister(keyOf("a", 0), "broker-a", 1, f.now)
	require.Len(t, f.brokersOf("T1"), 1, "a goodbye still counts")
	f.Freeze(false)
	require.Equal(t, []ConnID{2}, f.Expire(f.now))
}

func TestQueryDataVersion(t *testing.T) {
	f := newFixture(t)
	f.register(1, versioned(3), silent(3*time.Second))
	k := BrokerKey{"C", "10.0.0.1:10911"}
	for _, row := range []struct {
		key            BrokerKey
		v              remoting.DataVersion
		known, changed bool
	}{
		{k, version(3), true, false},
		{k, version(4), true, true},
		{k, remoting.DataVersion{StateVersion: 3, Timestamp: version(3).Timestamp, Counter: 3}, true, true},
		{k, remoting.DataVersion{Timestamp: 1, Counter: 3}, true, true},
		{BrokerKey{"D", k.Addr}, version(3), false, true},
		{keyOf("x", 0), version(3), false, true},
	} {
		stored, known, changed := f.QueryDataVersion(row.key, row.v, f.now)
		require.Equal(t, row.known, known)
		require.Equal(t, row.changed, changed)
		if known {
			require.Equal(t, version(3), stored)
		}
	}
	f.pass(2 * time.Second)
	f.QueryDataVersion(k, version(9), f.now)
	f.pass(2 * time.Second)
	require.Empty(t, f.Expire(f.now), "it counts as a heartbeat whatever the version")
	require.False(t, f.Touch(keyOf("x", 0), f.now))
}
