package replication

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// BenchmarkRouteEncode and BenchmarkRouteDecode are the whole content of one broker with 10,000 topics.
func BenchmarkRouteEncode(b *testing.B) {
	a := answerOf(largeBroker(10_000, 40))
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		body, _ = appendRouteAnswer(body[:0], a)
	}
	b.SetBytes(int64(len(body)))
}

func BenchmarkRouteDecode(b *testing.B) {
	body, _ := appendRouteAnswer(nil, answerOf(largeBroker(10_000, 40)))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeRouteAnswer(body); err != nil {
			b.Fatal(err)
		}
	}
}

// loopback makes two name servers of which the second asks the first over HTTP.
func loopback(b *testing.B) (first, second *routeinfo.Table) {
	secret := []byte("secret")
	signs := [2]*peerstore.Signer{peerstore.NewSigner(secret), peerstore.NewSigner(secret)}
	signs[0].SetSelf(peerstore.Caller{PeerID: "a", Epoch: 1})
	signs[1].SetSelf(peerstore.Caller{PeerID: "b", Epoch: 2})
	first, second = routeinfo.New(routeinfo.Config{Epoch: 1}), routeinfo.New(routeinfo.Config{Epoch: 2})
	answering := lonely(b, func(c *RoutesConfig) { c.Table, c.Signer = first, signs[0] })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		require.NoError(b, err)
		from, err := signs[0].Verify(req, body)
		require.NoError(b, err)
		req.Body = io.NopCloser(bytes.NewReader(body))
		answering.Serve(w, req, from)
	}))
	peers := []peerstore.Peer{{ID: "a", Epoch: 1, NamesrvPhase: peerstore.PhaseServing, Addresses: peerstore.Addresses{Eureka: server.URL + "/eureka/"}}}
	transport := &http.Transport{}
	asking := lonely(b, func(c *RoutesConfig) {
		c.Table, c.Signer, c.Transport = second, signs[1], transport
		c.Peers = func() []peerstore.Peer { return peers }
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- asking.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		require.NoError(b, <-ended)
		transport.CloseIdleConnections()
		server.Close()
	})
	return first, second
}

// await spins until a broker's address is routed, or not.
func await(t *routeinfo.Table, topic, addr string, want bool) {
	for {
		body, ok := t.Route([]byte(topic), remoting.Bare)
		if (ok && bytes.Contains(body, []byte(addr))) == want {
			return
		}
		time.Sleep(20 * time.Microsecond)
	}
}

// benchmarkVisible measures from a registration or a broken connection at one server to the route of the other.
func benchmarkVisible(b *testing.B, topics int) {
	first, second := loopback(b)
	reg := registration("broker-a", "10.0.0.1:10911")
	reg.Topics = largeBroker(topics, 40).Topics
	name := reg.Topics[topics-1].Name
	conn, up := routeinfo.ConnID(0), false
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if up = !up; up {
			conn++
			_, err := first.Register(reg, conn, began)
			require.NoError(b, err)
		} else {
			first.ConnClosed(conn, began)
		}
		await(second, name, reg.Addr, up)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkRouteChangeVisible is what a broker with a few topics costs, up and down in turn, over HTTP on loopback.
func BenchmarkRouteChangeVisible(b *testing.B) { benchmarkVisible(b, 4) }

// BenchmarkLargeRouteChangeVisible is the same with 10,000 topics.
func BenchmarkLargeRouteChangeVisible(b *testing.B) { benchmarkVisible(b, 10_000) }
