package namesrv_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// halfFrame promises a frame and is the beginning of it.
func halfFrame(promised, sent int) []byte {
	b := make([]byte, sent)
	binary.BigEndian.PutUint32(b, uint32(promised-4))
	binary.BigEndian.PutUint32(b[4:], 100) // header length
	return b
}

// manyTopics is a registration that fills n bytes or a few more.
func manyTopics(n int) []byte {
	var names []string
	for size := 0; size < n; size += 200 {
		names = append(names, "Topic-"+strings.Repeat("x", 20)+string(rune('A'+len(names)%26))+time.Duration(len(names)).String())
	}
	return registration(remoting.Registration{}, names...)
}

func TestTenThousandHalfFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 8 << 20
		s := startServer(t, namesrv.Config{MaxBuffered: limit, MaxFrame: 1 << 20})
		before := heap()
		conns := make([]net.Conn, 10_000)
		for i := range conns {
			nc, err := s.net.dialFrom("10.0.0.1", serverAddress)
			require.NoError(t, err)
			defer nc.Close()
			conns[i] = nc
			_, err = nc.Write(halfFrame(1<<20, 6<<10))
			require.NoError(t, err)
			if i%100 == 0 {
				synctest.Wait()
				require.LessOrEqual(t, s.metric(t, "zonekeeper_namesrv_buffered_bytes"), float64(limit+1<<20))
			}
		}
		synctest.Wait()
		require.Equal(t, 10_000, s.Connections().All)
		require.Less(t, heap()-before, int64(300<<20), "of which this test's own network holds a part")

		// A broker elsewhere registers in between, though nothing is left.
		broker := s.dial(t)
		start := time.Now()
		broker.send(manyTopics(100 << 10))
		require.Equal(t, remoting.Success, broker.receive().Code)
		require.Zero(t, time.Since(start))

		time.Sleep(25 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, s.Connections().All, "who does not finish a frame is dropped")
		require.Zero(t, s.metric(t, "zonekeeper_namesrv_buffered_bytes"))
		dropped := s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "slow") + s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "memory")
		require.InDelta(t, 10_000, dropped, 0)
	})
}

// TestHalfFramesThatFillTheBudget: a few of them lose their place when somebody has waited long enough.
func TestHalfFramesThatFillTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{MaxBuffered: 1 << 20, MaxFrame: 1 << 20})
		for range 8 {
			go s.dial(t).Write(halfFrame(1<<20, 200<<10))
		}
		synctest.Wait()
		broker := s.dial(t)
		start := time.Now()
		broker.send(manyTopics(300 << 10))
		require.Equal(t, remoting.Success, broker.receive().Code)
		require.Equal(t, 5*time.Second, time.Since(start))
		require.Positive(t, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "memory"))
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestBrokersThatRegisterAtOnceTakeTurns: what many honest peers send together exceeds the budget, and nobody loses his connection.
func TestBrokersThatRegisterAtOnceTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{MaxBuffered: 512 << 10, MaxFrame: 512 << 10})
		frame := manyTopics(300 << 10)
		require.Less(t, len(frame), 512<<10)
		peers := make([]*peer, 40)
		for i := range peers {
			peers[i] = s.dial(t)
			go peers[i].Write(frame)
		}
		for _, p := range peers {
			require.Equal(t, remoting.Success, p.receive().Code)
		}
		synctest.Wait()
		require.Zero(t, s.metric(t, "zonekeeper_namesrv_buffered_bytes"))
		require.Equal(t, 40, s.Connections().All)
	})
}

func TestSlowSendersAreDropped(t *testing.T) {
	for _, sent := range []string{"length", "head", "frame"} {
		t.Run(sent, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startServer(t, namesrv.Config{FrameTimeout: 10 * time.Second})
				p := s.dial(t)
				frame := remoting.Append(nil, &remoting.Command{Code: remoting.GetClusterInfo, Version: remoting.Version})
				n := map[string]int{"length": 3, "head": 7, "frame": len(frame) - 1}[sent]
				start := time.Now()
				for i := range n { // a drop of it every while is no progress
					p.send(frame[i : i+1])
					time.Sleep(9 * time.Second / time.Duration(n))
				}
				require.False(t, p.ended())
				require.NoError(t, p.SetReadDeadline(time.Time{}))
				_, err := p.Read(make([]byte, 1))
				require.Error(t, err)
				require.Equal(t, 10*time.Second, time.Since(start))
				synctest.Wait()
				require.InDelta(t, 1, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "slow"), 0)
			})
		})
	}
}

// TestUnreadAnswers: a peer that asks and does not read is not read from either, and dropped in the end. What it makes the server hold
// is bounded, however large the answers are.
func TestUnreadAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{WriteTimeout: 20 * time.Second})
		broker := s.dial(t)
		broker.send(manyTopics(4 << 20))
		require.Equal(t, remoting.Success, broker.receive().Code)
		before := heap()
		const peers, requests = 100, 1000
		frame := remoting.Append(nil, &remoting.Command{Code: remoting.GetAllTopics, Version: remoting.Version})
		start := time.Now()
		for range peers {
			p := s.dial(t)
			go p.Write(bytes.Repeat(frame, requests))
		}
		synctest.Wait()
		require.Less(t, s.metric(t, "zonekeeper_namesrv_requests_total", "request", "GET_ALL_TOPIC_LIST_FROM_NAMESERVER"), float64(2*peers), "it stops reading")
		require.Less(t, heap()-before, int64(128<<20))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, s.Connections().All)
		require.InDelta(t, peers, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "stalled"), 0)
		require.Equal(t, 20*time.Second, time.Since(start))
	})
}

// TestUnreadAnswersHoldNoRequests: who sends large requests and does not read the answers holds nothing that a broker needs.
func TestUnreadAnswersHoldNoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{MaxBuffered: 512 << 10, MaxFrame: 512 << 10})
		frame := manyTopics(300 << 10)
		broker := s.dial(t)
		broker.send(frame)
		require.Equal(t, remoting.Success, broker.receive().Code)
		large := remoting.Append(nil, &remoting.Command{Code: remoting.GetAllTopics, Version: remoting.Version, Body: make([]byte, 400<<10)})
		for range 10 {
			p := s.dial(t)
			go p.Write(bytes.Repeat(large, 30))
		}
		synctest.Wait()
		require.Equal(t, 11, s.Connections().All)
		start := time.Now()
		broker.send(frame)
		require.Equal(t, remoting.Success, broker.receive().Code)
		require.LessOrEqual(t, time.Since(start), 15*time.Second)
	})
}

// TestSlowReadersAreServed: who reads slowly but reads gets everything.
func TestSlowReadersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{WriteTimeout: 20 * time.Second})
		broker := s.dial(t)
		broker.send(manyTopics(1 << 20))
		require.Equal(t, remoting.Success, broker.receive().Code)
		p := s.dial(t)
		frame := remoting.Append(nil, &remoting.Command{Code: remoting.GetAllTopics, Version: remoting.Version})
		go p.Write(bytes.Repeat(frame, 60))
		for range 60 {
			time.Sleep(3 * time.Second)
			require.Equal(t, remoting.Success, p.receive().Code)
		}
	})
}

func TestConnectionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{MaxConnections: 3})
		var peers []*peer
		for range 3 {
			peers = append(peers, s.dial(t))
			peers[len(peers)-1].ask(remoting.GetClusterInfo)
		}
		require.True(t, s.dial(t).ended())
		require.InDelta(t, 1, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "limit"), 0)
		require.Contains(t, s.log.String(), "too many connections")
		peers[0].Close()
		synctest.Wait()
		require.Equal(t, remoting.Success, s.dial(t).ask(remoting.GetClusterInfo).Code)
	})
}

// TestPanicsAreAnswered: a mistake of ours costs one answer.
func TestPanicsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{Ready: func() bool { panic("planted") }})
		p := s.dial(t)
		c := p.ask(remoting.GetRouteByTopic, "topic", "T")
		require.Equal(t, remoting.SystemError, c.Code)
		require.Contains(t, c.Remark, "internal error")
		require.NotContains(t, c.Remark, "planted")
		require.Equal(t, remoting.Success, p.ask(remoting.GetClusterInfo).Code, "the connection goes on")
		require.Contains(t, s.log.String(), "planted")
		require.InDelta(t, 1, s.metric(t, "zonekeeper_namesrv_panics_total"), 0)
	})
}

// TestLogIsBounded: strangers cannot fill the log.
func TestLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		for range 1000 {
			s.dial(t).send([]byte("GET / HTTP/1.1\r\n\r\n"))
		}
		synctest.Wait()
		require.InDelta(t, 1000, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "http"), 0)
		require.Equal(t, 1, strings.Count(s.log.String(), "connection dropped"))
		time.Sleep(time.Second)
		s.dial(t).send([]byte("GET / HTTP/1.1\r\n\r\n"))
		synctest.Wait()
		require.Contains(t, s.log.String(), "skipped=999")
	})
}

// TestLargestRegistration: 60,000 topics in one frame.
func TestLargestRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		p := s.dial(t)
		names := make([]string, 60_000)
		for i := range names {
			names[i] = "Topic-" + time.Duration(i).String()
		}
		p.register(remoting.Registration{}, names...)
		require.True(t, p.routed(names[59_999]))
		list, err := remoting.DecodeTopicList(p.ask(remoting.GetAllTopics).Body)
		require.NoError(t, err)
		require.Len(t, list.Topics, 60_000)
	})
}
