package namesrv_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const rivals = "two masters register under one broker name"

func TestTwoMastersOfOneNameAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		first, second := s.dial(t), s.dial(t)
		first.register(remoting.Registration{Addr: "10.0.0.1:10911"}, "T", "U")
		first.register(remoting.Registration{Addr: "10.0.0.1:10911"}, "T", "U")
		second.register(remoting.Registration{Addr: "10.0.0.2:10911"}, "T", "U")
		require.NotContains(t, s.log.String(), rivals, "a master that moved looks the same so far")

		time.Sleep(30 * time.Second)
		first.register(remoting.Registration{Addr: "10.0.0.1:10911"}, "T", "U")
		require.Contains(t, s.log.String(), rivals)
		require.Contains(t, s.log.String(), "cluster=c broker=broker-a addr=10.0.0.1:10911 other=10.0.0.2:10911")
	})
}

func TestMastersThatFollowEachOtherAreNoRivals(t *testing.T) {
	counter := int64(1)
	newVersion := func() remoting.DataVersion { // what comes again word for word is not looked at
		counter++
		return remoting.DataVersion{Timestamp: 1, Counter: counter}
	}
	for name, change := range map[string]func(s *testServer, first *peer){
		"the connection ended": func(_ *testServer, first *peer) { first.Close() },
		"it said goodbye": func(_ *testServer, first *peer) {
			first.ask(remoting.UnregisterBroker, "brokerName", "broker-a", "brokerAddr", "10.0.0.1:10911", "clusterName", "c", "brokerId", "0")
		},
		"it became a slave": func(_ *testServer, first *peer) {
			first.register(remoting.Registration{Addr: "10.0.0.1:10911", ID: 1, Version: newVersion()}, "T", "U")
		},
		"another name": func(_ *testServer, first *peer) {
			first.register(remoting.Registration{Addr: "10.0.0.1:10911", Name: "broker-b"}, "T", "U")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startServer(t, namesrv.Config{})
				first := s.dial(t)
				first.register(remoting.Registration{Addr: "10.0.0.1:10911"}, "T", "U")
				change(s, first)
				synctest.Wait()
				second := s.dial(t)
				for range 3 {
					second.register(remoting.Registration{Addr: "10.0.0.2:10911", Version: newVersion()}, "T", "U")
					if name != "the connection ended" && name != "it said goodbye" {
						change(s, first)
					}
					time.Sleep(30 * time.Second)
				}
				require.NotContains(t, s.log.String(), rivals)
			})
		})
	}
}

// Where masters are elected, an old one that has not noticed repeats itself, and one may be elected again.
func TestElectedMastersAreNoRivals(t *testing.T) {
	elected := func(id, state, counter int64, addr string) remoting.Registration {
		return remoting.Registration{ID: id, Addr: addr, Version: remoting.DataVersion{StateVersion: state, Timestamp: 1, Counter: counter}}
	}
	const a, b = "10.0.0.1:10911", "10.0.0.2:10911"
	for name, states := range map[string][3]int64{"by a controller": {1, 2, 3}, "by themselves": {0, 0, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startServer(t, namesrv.Config{})
				first, second := s.dial(t), s.dial(t)
				first.register(elected(0, states[0], 1, a), "T", "U")
				if states[0] != states[1] { // it has not noticed
					second.register(elected(0, states[1], 2, b), "T", "U")
					first.register(elected(0, states[0], 3, a), "T", "U")
				}
				first.register(elected(1, states[1], 4, a), "T", "U")
				second.register(elected(0, states[1], 5, b), "T", "U")
				second.register(elected(1, states[2], 6, b), "T", "U")
				first.register(elected(0, states[2], 7, a), "T", "U")
				require.NotContains(t, s.log.String(), rivals)
			})
		})
	}
}

// A member group is looked up in any cluster where its own has none.
func TestMastersOfOneNameInTwoClustersAreNoRivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		first := s.dial(t)
		s.dial(t).register(remoting.Registration{Cluster: "d", Addr: "10.0.0.2:10911"}, "T", "U")
		tool := s.dial(t)
		for range 2 {
			first.register(remoting.Registration{Addr: "10.0.0.1:10911"}, "T", "U")
			tool.ask(remoting.UnregisterBroker, "brokerName", "broker-a", "brokerAddr", "10.0.0.1:10911", "clusterName", "c", "brokerId", "0")
		}
		require.NotContains(t, s.log.String(), rivals)
	})
}
