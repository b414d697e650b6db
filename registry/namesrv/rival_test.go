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

// A member group is looked up in any cluster where its own has none.
func TestMastersOfOneNameInTwoClustersAreNoRivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		first := s.dial(t)
		s.dial(t).register(remoting.Registration{Cluster: "d", Addr: "10.0.0.2:10911"}, "T", "U")
		for range 2 {
			first.register(remoting.Registration{Addr: "10.0.0.1:10911"}, "T", "U")
			first.ask(remoting.UnregisterBroker, "brokerName", "broker-a", "brokerAddr", "10.0.0.1:10911", "clusterName", "c", "brokerId", "0")
		}
		require.NotContains(t, s.log.String(), rivals)
	})
}
