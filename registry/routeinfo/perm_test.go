package routeinfo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func (f *fixture) wipe(broker string) int {
	f.t.Helper()
	n, err := f.WipeWrite(broker, "me", f.now)
	require.NoError(f.t, err)
	return n
}

func (f *fixture) add(broker string) int {
	f.t.Helper()
	n, err := f.AddWrite(broker, "me", f.now)
	require.NoError(f.t, err)
	return n
}

// perms are the permissions of T2, T4, T6 and T7 at broker-a.
func (f *fixture) perms() (all []int32) {
	f.t.Helper()
	for _, name := range []string{"T2", "T4", "T6", "T7"} {
		all = append(all, f.lookup(name).Queues[0].Perm)
	}
	return all
}

// permissions.json, but that a wipe holds whatever the broker registers, and that its end restores what was registered.
func TestWipedPermissionsHold(t *testing.T) {
	f := newFixture(t)
	topics := carrying(topicOf("T2", 4, 2), topicOf("T4", 4, 4), topicOf("T6", 4, 6), topicOf("T7", 4, 7))
	f.register(1, brokerOf("a", 0), topics)
	f.register(2, brokerOf("b", 0), topics)
	f.WordsRead()
	require.Zero(t, f.wipe("nope"))
	require.Empty(t, f.Words())
	require.Equal(t, 4, f.wipe("broker-a"))
	require.Equal(t, []int32{0, 4, 4, 5}, f.perms())
	require.Equal(t, int32(7), f.lookup("T7").Queues[1].Perm, "broker-b is not concerned")

	f.register(1, brokerOf("a", 0), topics, versioned(2))
	require.Equal(t, []int32{0, 4, 4, 5}, f.perms(), "after another data version")
	f.ConnClosed(1, f.now)
	f.register(3, brokerOf("a", 0), topics, versioned(3))
	require.Equal(t, []int32{0, 4, 4, 5}, f.perms(), "after a restart of the broker")
	require.Equal(t, 4, f.wipe("broker-a"), "again")

	require.Equal(t, 4, f.add("broker-a"))
	require.Equal(t, []int32{2, 4, 6, 7}, f.perms(), "as registered")
	require.Equal(t, 4, f.add("broker-a"))
	require.Zero(t, f.add("nope"))
	require.Len(t, f.Words(), 1)
}

func TestAWipeCanBeLiftedWhileTheBrokerIsAway(t *testing.T) {
	f := newFixture(t)
	f.register(1)
	f.wipe("broker-a")
	f.ConnClosed(1, f.now)
	require.Zero(t, f.add("broker-a"))
	f.register(2)
	require.Equal(t, int32(6), f.lookup("T1").Queues[0].Perm)
}

func TestAWipeHoldsInEveryCluster(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), named("T1", "T2"))
	f.register(2, brokerOf("b", 0), inCluster("D"), func(r *remoting.Registration) { r.Name = "broker-a"; named("T3", "T4")(r) })
	require.Equal(t, 4, f.wipe("broker-a"))
	require.Equal(t, int32(4), f.lookup("T1").Queues[0].Perm)
	require.Equal(t, int32(4), f.lookup("T3").Queues[0].Perm)
}

// register-slave.json: without its master an acting-master group loses the write permission, derived at any time.
func TestGroupsWithoutMasterCannotBeWritten(t *testing.T) {
	f := newFixture(t, with(actingMaster))
	group := []change{acting(remoting.ActingMasterTrue), carrying(topicOf("T1", 4, 7), topicOf(syncPrefix+"broker-a", 1, 1))}
	slave := append([]change{brokerOf("a", 1)}, group...)
	master := append([]change{brokerOf("a", 0)}, group...)
	s, m := "="+addrOf("a", 1), "="+addrOf("a", 0)

	f.register(1, slave...)
	require.Equal(t, []string{"broker-a 0" + s + " perm 5"}, f.brokersOf("T1"), "it stands in for its master")
	require.Equal(t, []string{"broker-a 1" + s + " perm 1"}, f.brokersOf(syncPrefix+"broker-a"), "true ids for brokers")
	require.Equal(t, `{"brokerMemberGroup":{"brokerAddrs":{1:"`+addrOf("a", 1)+`"},"brokerName":"broker-a","cluster":"C"}}`, string(f.MemberGroup("C", "broker-a")))
	require.Equal(t, []string{"C: broker-a", "broker-a 1" + s}, f.clusters())

	f.register(2, master...)
	require.Equal(t, []string{"broker-a 0" + m + " 1" + s + " perm 7"}, f.brokersOf("T1"))
	f.ConnClosed(2, f.now)
	require.Equal(t, []string{"broker-a 0" + s + " perm 5"}, f.brokersOf("T1"))
	f.SetOptions(DefaultOptions())
	require.Equal(t, []string{"broker-a 1" + s + " perm 5"}, f.brokersOf("T1"), "nobody is told of acting masters")

	f.register(3, brokerOf("a", 2), acting(remoting.ActingMasterFalse))
	require.Equal(t, int32(7), f.lookup("T1").Queues[0].Perm, "one that may not act")
}
