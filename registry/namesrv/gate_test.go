package namesrv_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zlib"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// compressedTopics is the frame of a compressed registration.
func compressedTopics(broker int, topics int, name func(int) string) []byte {
	r := remoting.Registration{
		Cluster: "c", Name: fmt.Sprintf("broker-%d", broker), Addr: fmt.Sprintf("10.0.%d.%d:10911", broker/250, broker%250), HAAddr: "10.0.0.1:10912",
		Version: remoting.DataVersion{Timestamp: 1, Counter: 1}, HasTopics: true, HasFilterServers: true,
	}
	for i := range topics {
		r.Topics = append(r.Topics, remoting.TopicConfig{Name: name(i), ReadQueues: 8, WriteQueues: 8, Perm: 6})
	}
	return remoting.AppendRegistration(nil, &r, remoting.RegistrationForm{Version: remoting.Version, Compressed: true})
}

// repeated is a body of less than 2 KiB that says 60,000 times the same.
func repeated(t *testing.T) []byte {
	var body bytes.Buffer
	z := zlib.NewWriter(&body)
	part := func(text string) {
		_, err := z.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
		require.NoError(t, err)
	}
	part("{}")
	_, err := z.Write(binary.BigEndian.AppendUint32(nil, 60_000))
	require.NoError(t, err)
	for range 60_000 {
		part("a 1 1 6 S")
	}
	part("[]")
	require.NoError(t, z.Close())
	c := request(remoting.RegisterBroker, "clusterName", "c", "brokerName", "b", "brokerAddr", "10.0.0.1:10911", "haServerAddr", "10.0.0.1:10912", "brokerId", "0")
	c.Body = body.Bytes()
	return remoting.Append(nil, &c)
}

// TestRegistrationsThatMultiply: what becomes much of little is taken apart by a few at a time, and the rest waits as it came.
func TestRegistrationsThatMultiply(t *testing.T) {
	bodies := map[string][]byte{
		"the same again and again": repeated(t),
		"names in a row":           compressedTopics(1, 5000, func(i int) string { return fmt.Sprintf("T%d", i) }),
		"large and plain":          manyTopics(100 << 10),
	}
	for name, frame := range bodies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startServer(t, namesrv.Config{})
				before := heap()
				var peak int64
				peers := make([]*peer, 400)
				for i := range peers {
					peers[i] = s.dialFrom(t, "203.0.113.9")
				}
				hold := s.HoldGates() // so that all of them are here at the same time
				for _, p := range peers {
					go p.Write(frame)
				}
				synctest.Wait()
				other := s.dial(t)
				start := time.Now()
				require.Equal(t, remoting.Success, other.ask(remoting.GetClusterInfo).Code)
				require.Zero(t, time.Since(start), "small requests do not wait")
				peak = heap() - before
				hold()
				for _, p := range peers {
					p.receive()
				}
				synctest.Wait()
				heavy, _, now := s.Gates()
				require.LessOrEqual(t, heavy, namesrv.MaxHeavy)
				require.Zero(t, now)
				t.Logf("%d bytes each, %d KiB of heap while 400 wait, %d KiB after", len(frame), peak>>10, (heap()-before)>>10)
				require.Zero(t, s.metric(t, "zonekeeper_namesrv_buffered_bytes"))
			})
		})
	}
}

// TestWaitingEnds: with its turn, its time, its connection and its server.
func TestWaitingEnds(t *testing.T) {
	frame := compressedTopics(1, 10, func(i int) string { return fmt.Sprintf("T%d", i) })
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{FrameTimeout: 10 * time.Second})
		hold := s.HoldGates()
		p := s.dial(t)
		p.send(frame)
		start := time.Now()
		c := p.receive()
		require.Equal(t, remoting.SystemBusy, c.Code)
		require.Contains(t, c.Remark, "send it again")
		require.Equal(t, 10*time.Second, time.Since(start))

		p.send(frame)
		synctest.Wait()
		s.DropAll()
		synctest.Wait()
		require.Zero(t, s.Connections().All)

		p = s.dial(t)
		p.send(frame)
		synctest.Wait()
		hold()
		require.Equal(t, remoting.Success, p.receive().Code)

		hold = s.HoldGates()
		p.send(frame)
		synctest.Wait()
		start = time.Now()
		s.stop()
		require.Zero(t, time.Since(start))
		hold()
		_, _, now := s.Gates()
		require.Zero(t, now)
	})
}

// TestHostsTakeTurns: a broker does not stand behind all that a stranger has sent.
func TestHostsTakeTurns(t *testing.T) {
	require.Equal(t, []string{"203.0.113.9", "10.0.0.1", "203.0.113.9", "203.0.113.9"},
		namesrv.TurnsOf("203.0.113.9", "203.0.113.9", "203.0.113.9", "10.0.0.1"))
}

// BenchmarkAllRegister is what a name server has to do when it starts: a thousand brokers of a thousand topics register at once.
func BenchmarkAllRegister(b *testing.B) {
	const brokers, topics = 1000, 1000
	frames := make([][]byte, brokers)
	for i := range frames {
		frames[i] = compressedTopics(i, topics, func(n int) string { return fmt.Sprintf("TopicTest-%04d", n) })
	}
	for b.Loop() {
		s, connect := benchServers(b)
		var all sync.WaitGroup
		for _, frame := range frames {
			nc := connect()
			all.Go(func() {
				defer nc.Close()
				if _, err := nc.Write(frame); err != nil {
					b.Error(err)
				}
				head := make([]byte, 4)
				if _, err := nc.Read(head); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
		heavy, _, _ := s.Gates()
		b.ReportMetric(float64(heavy), "most-at-a-time")
	}
	b.ReportMetric(float64(brokers)*float64(b.N)/b.Elapsed().Seconds(), "registrations/s")
}

// TestPlainRegistrationsHaveTheirGate: how little becomes of them is tested in remoting.
func TestPlainRegistrationsHaveTheirGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		s.dial(t).register(remoting.Registration{}, "T", strings.Repeat("U", 10))
		heavy, light, _ := s.Gates()
		require.Zero(t, heavy)
		require.Equal(t, 1, light)
	})
}
