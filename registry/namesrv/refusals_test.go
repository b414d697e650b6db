package namesrv_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// TestRefusalsAreSummedUp: strangers cannot push out of the audit what operators did.
func TestRefusalsAreSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var audit auditLog
		s := startServer(t, namesrv.Config{Audit: audit.add})
		for range 1000 {
			s.dialFrom(t, "203.0.113.9").ask(remoting.DeleteTopic, "topic", "T")
		}
		s.dialFrom(t, "203.0.113.9").ask(remoting.WipeWritePerm, "brokerName", "b")
		s.dialFrom(t, "203.0.113.10").ask(remoting.DeleteTopic, "topic", "T")
		require.Equal(t, 3, audit.len(), "each host with each code once")
		s.dial(t).ask(remoting.DeleteTopic, "topic", "T")
		s.dial(t).ask(remoting.DeleteTopic, "topic", "U")
		require.Equal(t, 5, audit.len(), "what is done is recorded each time")

		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 6, audit.len())
		record := audit.last()
		require.Equal(t, "refused 999 more times within a minute", record.Result)
		require.Equal(t, "203.0.113.9", record.From)
		require.Equal(t, "DELETE_TOPIC_IN_NAMESRV", record.Action)
		require.False(t, record.Done)

		s.dialFrom(t, "203.0.113.9").ask(remoting.DeleteTopic, "topic", "T")
		require.Equal(t, 6, audit.len(), "still known")
		s.stop()
		require.Equal(t, "refused 1 more times within a minute", audit.last().Result, "leaving waits for no minute")
	})
}

func TestRefusedHostsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var audit auditLog
		s := startServer(t, namesrv.Config{Audit: audit.add})
		for i := range 1500 {
			p := s.dialFrom(t, fmt.Sprintf("203.0.%d.%d", i/250, i%250))
			p.ask(remoting.DeleteTopic, "topic", "T")
			p.Close()
		}
		require.Equal(t, 1024, audit.len())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1025, audit.len())
		require.Equal(t, "others", audit.last().From)
		require.Equal(t, "refused 476 more times within a minute", audit.last().Result)
		s.dialFrom(t, "203.0.0.1").ask(remoting.DeleteTopic, "topic", "T")
		require.Equal(t, 1026, audit.len(), "who kept still for a minute is forgotten")
	})
}
