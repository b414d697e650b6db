package namesrv_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func withNotices() namesrv.Settings {
	s := namesrv.DefaultSettings()
	s.NotifyMinBrokerIDChanged = true
	return s
}

// TestBrokersThatCannotBeTold cost nobody anything: not the request that caused it, not the others to be told.
func TestBrokersThatCannotBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newPipeNet()
		dial := func(ctx context.Context, kind, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "10.0.0.3:") { // as a host that is switched off
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return network.Dial(ctx, kind, address)
		}
		s := startServer(t, namesrv.Config{Settings: withNotices(), Dial: dial})
		ln := network.listen(t, "10.0.0.2:10911")
		defer ln.Close()
		broker := func(id int64, addr string) {
			s.dial(t).register(remoting.Registration{ID: id, Addr: addr, ActingMaster: remoting.ActingMasterTrue}, "T", "U")
			synctest.Wait()
		}
		start := time.Now()
		broker(4, "10.0.0.4:10911")
		broker(3, "10.0.0.3:10911")
		broker(2, "10.0.0.2:10911")
		broker(1, "10.0.0.1:10911")
		require.Zero(t, time.Since(start))

		told := newPeer(t, <-ln.arrived)
		c := told.receive()
		require.Equal(t, remoting.NotifyMinBrokerIDChange, c.Code)
		require.Equal(t, remoting.FlagOneway, c.Flag)
		addr, _ := c.Field("minBrokerAddr")
		require.Equal(t, "10.0.0.1:10911", addr)
		require.Zero(t, time.Since(start))

		time.Sleep(time.Second)
		synctest.Wait()
		require.InDelta(t, 1, s.metric(t, "zonekeeper_namesrv_notices_total", "result", "sent"), 0)
		require.InDelta(t, 5, s.metric(t, "zonekeeper_namesrv_notices_total", "result", "failed"), 0)
	})
}
