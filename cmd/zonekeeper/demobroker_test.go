package main

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
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
}

// Whatever ends a registration, the next one follows; of failures in a row the first is told.
func TestSampleBrokerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow, refuse, answer = "slow", "refuse", "answer"
		plan := []string{refuse, refuse, answer, slow, slow, answer} // by connection
		var log transcript
		var registered int
		var servers, clients sync.WaitGroup
		dial := func(context.Context, string, string) (net.Conn, error) {
			do := plan[0]
			if plan = plan[1:]; do == refuse {
				return nil, syscall.ECONNREFUSED
			}
			last := len(plan) == 0
			here, there := net.Pipe()
			servers.Go(func() {
				defer there.Close()
				for frames := bufio.NewReader(there); ; {
					frame, err := remoting.ReadFrame(frames, remoting.MaxFrame, nil)
					if err != nil {
						return
					}
					request, err := remoting.Decode(frame)
					if err != nil {
						t.Error(err)
						return
					}
					if do == slow || request.Opaque == 3 && !last {
						time.Sleep(sampleCall + time.Millisecond)
						return
					}
					registered++
					if _, err := there.Write(remoting.Append(nil, &remoting.Command{Opaque: request.Opaque, Flag: remoting.FlagResponse})); err != nil {
						return
					}
				}
			})
			return here, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		b := sampleBroker
		clients.Go(func() { keepRegistered(ctx, dial, "ns:9876", &b, slog.New(slog.NewTextHandler(&log, nil))) })
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, plan, "it came back after every end")
		require.Equal(t, 2, strings.Count(log.String(), "the sample broker is not registered"), log.String())
		require.Greater(t, registered, 5, "and stays")
		stop()
		clients.Wait()
		servers.Wait()
	})
}
