package namesrv_test

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// TestPipelinedRequests: what came together is answered together, in order.
func TestPipelinedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		s.dial(t).register(remoting.Registration{}, "T", "U")
		p := s.dial(t)
		var frames []byte
		for i := range 16 {
			c := request(remoting.GetRouteByTopic, "topic", "T")
			c.Opaque = int32(i)
			c.Codec = remoting.Codec(i % 2)
			frames = remoting.Append(frames, &c)
		}
		p.send(frames)
		synctest.Wait()
		require.Equal(t, 1, p.Conn.(*pipeConn).in.writes)
		for i := range 16 {
			c := p.receive()
			require.Equal(t, int32(i), c.Opaque)
			require.Equal(t, remoting.Codec(i%2), c.Codec, "an answer is written in the codec of its request")
			require.Equal(t, remoting.Success, c.Code)
		}
	})
}

// TestFramesInPieces cuts a stream of requests of all sizes everywhere.
func TestFramesInPieces(t *testing.T) {
	var stream []byte
	topics := []string{"T", "U"}
	for _, size := range []int{0, 3000, 5000, 20_000, 100_000, 10} {
		c := request(remoting.GetRouteByTopic, "topic", "T")
		c.Opaque = int32(size)
		c.Body = bytes.Repeat([]byte{'x'}, size)
		stream = remoting.Append(stream, &c)
	}
	for _, piece := range []int{1, 7, 4096, 4099, 30_000, len(stream)} {
		synctest.Test(t, func(t *testing.T) {
			s := startServer(t, namesrv.Config{FrameTimeout: time.Hour})
			s.dial(t).register(remoting.Registration{}, topics...)
			p := s.dial(t)
			go func() {
				for rest := stream; len(rest) > 0; {
					time.Sleep(time.Microsecond)
					n := min(piece, len(rest))
					p.Write(rest[:n])
					rest = rest[n:]
				}
			}()
			for _, size := range []int32{0, 3000, 5000, 20_000, 100_000, 10} {
				c := p.receive()
				require.Equal(t, size, c.Opaque)
				require.Equal(t, remoting.Success, c.Code)
			}
			synctest.Wait()
			require.Zero(t, s.metric(t, "zonekeeper_namesrv_buffered_bytes"))
		})
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		silent, talking := s.dial(t), s.dial(t)
		broker := s.dial(t)
		broker.register(remoting.Registration{Timeout: time.Hour}, "T", "U")
		start := time.Now()
		for range 4 {
			time.Sleep(29 * time.Second)
			require.True(t, talking.routed("T"))
		}
		time.Sleep(time.Until(start.Add(120*time.Second - time.Nanosecond)))
		synctest.Wait()
		require.Equal(t, 3, s.Connections().All)
		time.Sleep(time.Nanosecond)
		require.True(t, silent.ended())
		require.True(t, broker.ended())
		require.False(t, talking.routed("T"), "an idle broker is a dead one")
		require.InDelta(t, 2, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "idle"), 0)

		time.Sleep(119 * time.Second)
		require.False(t, talking.ended())
		time.Sleep(time.Second)
		require.True(t, talking.ended())
	})
}

func TestIdleTimeCanBeSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := namesrv.DefaultSettings()
		settings.ServerChannelMaxIdleTimeSeconds = 0
		s := startServer(t, namesrv.Config{Settings: settings})
		p := s.dial(t)
		time.Sleep(1000 * time.Hour)
		require.Equal(t, remoting.Success, p.ask(remoting.GetClusterInfo).Code)
	})
}

// TestBrokersDieWithTheirConnection, all of them if several share it.
func TestBrokersDieWithTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		broker, client := s.dial(t), s.dial(t)
		broker.register(remoting.Registration{}, "T", "U")
		broker.register(remoting.Registration{Name: "broker-b", Addr: "10.0.0.2:10911"}, "V", "W")
		require.True(t, client.routed("T"))
		require.True(t, client.routed("V"))
		broker.Close()
		synctest.Wait()
		require.False(t, client.routed("T"))
		require.False(t, client.routed("V"))
		require.Equal(t, namesrv.Counts{All: 1, Clients: 1}, s.Connections())
	})
}

// TestLateFarewells: neither a late unregistration nor the late close of an old connection removes a registration that came since over
// a new one.
func TestLateFarewells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		before, now, client := s.dial(t), s.dial(t), s.dial(t)
		before.register(remoting.Registration{}, "T", "U")
		now.register(remoting.Registration{}, "T", "U")
		farewell := []string{"brokerName", "broker-a", "brokerAddr", "10.0.0.1:10911", "clusterName", "c", "brokerId", "0"}
		require.Equal(t, remoting.Success, before.ask(remoting.UnregisterBroker, farewell...).Code)
		require.True(t, client.routed("T"), "unregistered over the old connection")
		before.Close()
		synctest.Wait()
		require.True(t, client.routed("T"), "the old connection closed")
		require.Equal(t, remoting.Success, now.ask(remoting.UnregisterBroker, farewell...).Code)
		require.False(t, client.routed("T"))
	})
}

// TestExpiredBrokersLoseTheirConnection: one that does not notice gets to know it.
func TestExpiredBrokersLoseTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		broker, client := s.dial(t), s.dial(t)
		broker.register(remoting.Registration{Timeout: 10 * time.Second}, "T", "U")
		time.Sleep(9 * time.Second)
		broker.ask(remoting.BrokerHeartbeat, "brokerName", "broker-a", "brokerAddr", "10.0.0.1:10911", "clusterName", "c")
		time.Sleep(9 * time.Second)
		require.True(t, client.routed("T"))
		time.Sleep(6 * time.Second)
		require.False(t, client.routed("T"))
		require.True(t, broker.ended())
		require.InDelta(t, 1, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "expired"), 0)
	})
}

// TestServeEnds: requests that came are answered, connections close, and no broker counts as dead.
func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		broker := s.dial(t)
		broker.register(remoting.Registration{}, "T", "U")
		start := time.Now()
		s.stop()
		require.Zero(t, time.Since(start), "nobody has to be waited for")
		require.True(t, broker.ended())
		_, ok := s.table.Route([]byte("T"), remoting.Quoted)
		require.True(t, ok)
		_, err := s.net.dialFrom("127.0.0.1", serverAddress)
		require.Error(t, err)
	})
}

// TestServeEndsInTime: peers that read nothing, or send half a frame, hold it up for a moment only.
func TestServeEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		broker := s.dial(t)
		broker.send(manyTopics(1 << 20))
		require.Equal(t, remoting.Success, broker.receive().Code)
		deaf := s.dial(t)
		for range 3 {
			deaf.send(remoting.Append(nil, &remoting.Command{Code: remoting.GetAllTopics, Version: remoting.Version}))
		}
		s.dial(t).send(halfFrame(1<<20, 100<<10))
		synctest.Wait()
		start := time.Now()
		s.stop()
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestGoAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := namesrv.DefaultSettings()
		settings.EnableShutdownGracefully = true
		s := startServer(t, namesrv.Config{Settings: settings})
		p, q := s.dial(t), s.dial(t)
		require.Equal(t, remoting.Success, p.ask(remoting.GetClusterInfo).Code)
		require.Equal(t, remoting.Success, q.ask(remoting.GetClusterInfo).Code)
		start := time.Now()
		stopped := make(chan time.Duration)
		go func() {
			s.stop()
			stopped <- time.Since(start)
		}()
		synctest.Wait()
		c := p.call(remoting.Command{Code: remoting.GetClusterInfo, Version: 477})
		require.Equal(t, int32(1500), c.Code)
		require.Equal(t, "please go away", c.Remark)
		c = p.call(remoting.Command{Code: remoting.GetClusterInfo, Version: 475})
		require.Equal(t, remoting.Success, c.Code, "older clients do not know the code")
		p.Close()
		time.Sleep(20 * time.Second)
		q.Close()
		require.Less(t, <-stopped, 21*time.Second, "it does not wait for nobody")
	})
}

func TestGoAwayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := namesrv.DefaultSettings()
		settings.EnableShutdownGracefully = true
		settings.ShutdownWaitTimeSeconds = 7
		s := startServer(t, namesrv.Config{Settings: settings})
		s.dial(t).ask(remoting.GetClusterInfo)
		start := time.Now()
		s.stop()
		require.Equal(t, 7*time.Second, time.Since(start))
	})
}

// TestCloseClients: clients go, each between two requests, and brokers stay.
func TestCloseClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		broker, client, asking := s.dial(t), s.dial(t), s.dial(t)
		broker.register(remoting.Registration{}, "T", "U")
		c := request(remoting.GetRouteByTopic, "topic", "T")
		frame := remoting.Append(nil, &c)
		asking.send(frame[:20])
		synctest.Wait()
		require.Equal(t, namesrv.Counts{All: 3, Brokers: 1, Clients: 2}, s.Connections())

		s.CloseClients()
		require.True(t, client.ended())
		require.False(t, broker.ended())
		asking.send(frame[20:])
		require.Equal(t, remoting.Success, asking.receive().Code, "the request that was under way is answered")
		_, err := asking.r.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		require.True(t, s.dial(t).routed("T"), "who comes again is served")
	})
}

func TestLastQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		require.Zero(t, s.LastQuery())
		broker, client := s.dial(t), s.dial(t)
		broker.register(remoting.Registration{}, "T", "U")
		broker.routed("T")
		client.ask(remoting.GetClusterInfo)
		require.Zero(t, s.LastQuery(), "neither brokers nor other requests count")
		time.Sleep(5 * time.Second)
		asked := time.Now()
		client.routed("nosuch")
		time.Sleep(5 * time.Second)
		require.WithinDuration(t, asked, s.LastQuery(), time.Microsecond)
	})
}

func TestNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := false
		s := startServer(t, namesrv.Config{Ready: func() bool { return ready }})
		p := s.dial(t)
		p.register(remoting.Registration{}, "T", "U")
		c := p.ask(remoting.GetRouteByTopic, "topic", "T")
		require.Equal(t, remoting.SystemError, c.Code)
		require.Equal(t, "name server not ready", c.Remark)
		require.Equal(t, remoting.Success, p.ask(remoting.GetClusterInfo).Code, "only routes wait")
		ready = true
		require.True(t, p.routed("T"))
	})
}

// TestGarbageAfterRequests: what came before it is answered.
func TestGarbageAfterRequests(t *testing.T) {
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00\x00\x00\x06\x00\x00\x00\x02xx"} {
		synctest.Test(t, func(t *testing.T) {
			p := startServer(t, namesrv.Config{}).dial(t)
			c := request(remoting.GetClusterInfo)
			p.send(append(remoting.Append(nil, &c), garbage...))
			require.Equal(t, remoting.Success, p.receive().Code)
			_, err := p.r.ReadByte()
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

// TestOneway: nothing is answered, whatever it is, and it is done all the same.
func TestOneway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		p := s.dial(t)
		for code := range int32(1000) {
			c := request(code, "namespace", "n", "key", "k", "value", "v")
			c.Flag = remoting.FlagOneway
			p.send(remoting.Append(nil, &c))
		}
		require.False(t, p.ended())
		require.Zero(t, p.r.Buffered())
		require.Equal(t, remoting.QueryNotFound, p.ask(remoting.GetKVConfig, "namespace", "n", "key", "k").Code, "put, then deleted")
		require.Equal(t, remoting.Success, p.ask(remoting.GetKVListByNamespace, "namespace", "n").Code)
	})
}

// TestUnknownCodes: every code that is not ours is answered 3.
func TestUnknownCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		p := s.dial(t)
		for _, code := range []int32{-1, 0, 1, 99, 107, 902, 903, 905, 1001, 1 << 14} {
			c := p.ask(code)
			require.Equal(t, remoting.NotSupported, c.Code, code)
		}
		require.InDelta(t, 10, s.metric(t, "zonekeeper_namesrv_requests_total", "request", "unknown", "result", "3"), 0, "one series for all of them")
	})
}
