package namesrv_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// What a broker says again word for word is not read, but means as much as if it were.
func TestRegistrationAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		slave, tool := s.dial(t), s.dial(t)
		said := remoting.Registration{ID: 1, Addr: "10.0.0.2:10911", Timeout: time.Minute}
		again := func() *remoting.Command { return slave.register(said, "T", "U") }

		require.Empty(t, again().Fields)
		s.dial(t).register(remoting.Registration{}, "T", "U")
		require.Contains(t, again().Fields, remoting.Field{Name: "masterAddr", Value: "10.0.0.1:10911"}, "the answer is of now")

		for range 3 {
			time.Sleep(35 * time.Second) // never its timeout, in all more
			again()
		}
		group := string(tool.ask(remoting.GetMemberGroup, "clusterName", "c", "brokerName", "broker-a").Body)
		require.Contains(t, group, "10.0.0.2:10911", "it is a sign of life")

		slave.ask(remoting.UnregisterBroker, "brokerName", "broker-a", "brokerAddr", "10.0.0.2:10911", "clusterName", "c", "brokerId", "1")
		again()
		group = string(tool.ask(remoting.GetMemberGroup, "clusterName", "c", "brokerName", "broker-a").Body)
		require.Contains(t, group, "10.0.0.2:10911", "it came back")
	})
}
