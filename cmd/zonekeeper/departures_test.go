package main

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

func TestDeparturesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := routeinfo.New(routeinfo.Config{})
		d := newDepartures(table, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		settle := func() { time.Sleep(2 * feedPause); synctest.Wait() }

		a, b := broker("broker-a", "10.9.0.1:10911"), broker("broker-b", "10.9.0.2:10911")
		register := func(r remoting.Registration, conn routeinfo.ConnID) {
			_, err := table.Register(&r, conn, time.Now())
			require.NoError(t, err)
		}
		register(a, 1)
		register(b, 2)
		settle()
		require.Empty(t, d.with("TopicA"))

		registered := time.Now()
		a.Version.Counter++
		a.Topics = append(a.Topics, remoting.TopicConfig{Name: "Later", ReadQueues: 1, WriteQueues: 1, Perm: 6})
		register(a, 1)
		settle()
		table.ConnClosed(1, time.Now())
		went := time.Now()
		settle()
		for _, topic := range []string{"TopicA", "Topic-broker-a", "Later"} {
			gone := d.with(topic)
			require.Len(t, gone, 1, topic)
			require.Equal(t, "broker-a", gone[0].Name)
			require.WithinDuration(t, registered, gone[0].LastHeard, 2*feedPause)
			require.WithinDuration(t, went, gone[0].Went, 2*feedPause)
		}
		require.Empty(t, d.with("Topic-broker-b"))

		register(a, 3)
		settle()
		require.Empty(t, d.with("TopicA"), "it is back")
		table.ConnClosed(2, time.Now())
		settle()
		require.Len(t, d.with("TopicA"), 1)
		time.Sleep(goneTime)
		register(b, 4) // something happens, and what is old is forgotten
		table.ConnClosed(3, time.Now())
		settle()
		require.Len(t, d.gone, 1)

		for i := range goneMost + 10 {
			d.remember(routeinfo.BrokerKey{Addr: fmt.Sprint(i)}, &heldBroker{}, time.Now())
		}
		d.forget(time.Now())
		require.Len(t, d.gone, goneMost, "bounded")
		stop()
		require.NoError(t, <-ended)
	})
}
