package main

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The sample broker is where every name server has it from itself, until it says goodbye to each.
func TestSampleBroker(t *testing.T) {
	servers := newWorld(t).nameServers(t, 2)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var clients sync.WaitGroup
	var log transcript
	demoBroker(ctx, &clients, []string{servers[0].cfg.Namesrv.Advertise, servers[1].cfg.Namesrv.Advertise}, slog.New(slog.NewTextHandler(&log, nil)))
	for _, s := range servers {
		s.eventually("registers here", func() bool { return s.namesrv.table.Stats().DirectBrokers == 1 })
		require.Equal(t, int32(6), s.dial().perm("SAMPLE-ORDERS", "sample-broker"))
	}
	stop()
	clients.Wait()
	for _, s := range servers {
		require.Zero(t, s.namesrv.table.Stats().DirectBrokers, "before its connection ends")
		s.eventually("forgotten", func() bool { return s.namesrv.table.Stats().Brokers == 0 })
	}
	require.Empty(t, log.String())

	demoBroker(t.Context(), &clients, []string{"127.0.0.1:1"}, slog.New(slog.NewTextHandler(&log, nil)))
	clients.Wait()
	require.Contains(t, log.String(), "the sample broker is not registered")
}
