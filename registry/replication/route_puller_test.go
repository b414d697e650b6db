package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// withPeer runs routes whose only peer answers as a test says: a status and a body, signed unless it is nil, or an error.
func withPeer(t *testing.T, answer func(q routeCall) (int, []byte, error), test func(r *Routes)) {
	synctest.Test(t, func(t *testing.T) {
		mine, its := peerstore.NewSigner([]byte("secret")), peerstore.NewSigner([]byte("secret"))
		mine.SetSelf(peerstore.Caller{PeerID: "me", Epoch: 1})
		its.SetSelf(peerstore.Caller{PeerID: "peer", Epoch: 2})
		r := lonely(t, func(c *RoutesConfig) {
			c.Signer = mine
			c.Peers = func() []peerstore.Peer {
				return []peerstore.Peer{{
					ID: "peer", Epoch: 2, NamesrvPhase: peerstore.PhaseServing, Reachable: true,
					Addresses: peerstore.Addresses{Eureka: "http://peer:8761/eureka/"},
				}}
			}
			c.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(req.Body)
				require.NoError(t, err)
				from, err := its.Verify(req, body)
				require.NoError(t, err)
				require.Equal(t, "me", from.PeerID)
				q, err := decodeRouteCall(body)
				require.NoError(t, err)
				status, text, err := answer(q)
				if err != nil {
					return nil, err
				}
				res := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {MediaType}}, Body: io.NopCloser(bytes.NewReader(text))}
				if len(text) <= maxRouteBody { // what is too large is not looked at
					its.SignAnswer(res.Header, req, text)
				}
				return res, nil
			})
		})
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- r.Run(ctx) }()
		test(r)
		cancel()
		require.NoError(t, <-done)
	})
}

// A peer that answers wrongly, in whatever way, is not heard, and is asked again at a bounded pace.
func TestWrongAnswers(t *testing.T) {
	fine := func(q routeCall) *routeAnswer {
		a := &routeAnswer{Compare: true}
		a.Feed, a.Next, a.Reset = 7, q.Cursor+1, q.Feed != 7
		return a
	}
	encoded := func(a *routeAnswer) []byte {
		body, _ := appendRouteAnswer(nil, a)
		return body
	}
	large := make([]byte, maxRouteBody+1)
	for name, wrong := range map[string]func(q routeCall) (int, []byte, error){
		"no answer": func(routeCall) (int, []byte, error) { return 0, nil, errors.New("connection reset") },
		"refused":   func(routeCall) (int, []byte, error) { return http.StatusForbidden, []byte("no"), nil },
		"nonsense":  func(routeCall) (int, []byte, error) { return http.StatusOK, []byte("nonsense"), nil },
		"too large": func(routeCall) (int, []byte, error) { return http.StatusOK, large, nil },
		"another feed": func(q routeCall) (int, []byte, error) {
			a := fine(q)
			a.Feed, a.Reset = 8, false
			return http.StatusOK, encoded(a), nil
		},
		"cursor backward": func(q routeCall) (int, []byte, error) {
			a := fine(q)
			a.Reset, a.Next = false, 0
			return http.StatusOK, encoded(a), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			var broken atomic.Bool
			withPeer(t, func(q routeCall) (int, []byte, error) {
				calls.Add(1)
				if broken.Load() {
					return wrong(q)
				}
				time.Sleep(q.Wait)
				return http.StatusOK, encoded(fine(q)), nil
			}, func(r *Routes) {
				time.Sleep(time.Minute)
				synctest.Wait()
				require.True(t, r.Status()[0].Heard)
				require.True(t, r.Copied())
				broken.Store(true)
				time.Sleep(20 * time.Second)
				synctest.Wait()
				require.False(t, r.Status()[0].Heard)
				require.NotEmpty(t, r.Status()[0].LastError)
				calls.Store(0)
				time.Sleep(20 * time.Second)
				synctest.Wait()
				require.InDelta(t, 20/3.75, calls.Load(), 2, "every 5 s, less a jitter")
				require.NotZero(t, r.totals.Failures.Load())
				broken.Store(false)
				time.Sleep(11 * time.Second)
				synctest.Wait()
				require.True(t, r.Status()[0].Heard)
				require.Empty(t, r.Status()[0].LastError)
			})
		})
	}
}

// A peer that answers at once although it has nothing to tell is not asked in a circle; nor is one that never ends.
func TestHastyPeer(t *testing.T) {
	var calls atomic.Int64
	withPeer(t, func(q routeCall) (int, []byte, error) {
		calls.Add(1)
		body, _ := appendRouteAnswer(nil, &routeAnswer{Batch: routeinfo.Batch{Feed: 7, Next: q.Cursor, Reset: q.Feed != 7}})
		return http.StatusOK, body, nil
	}, func(r *Routes) {
		time.Sleep(time.Minute)
		synctest.Wait()
		require.InDelta(t, 240, calls.Load(), 10)
	})
}

// Renewals of brokers that this server does not know as that peer's are a reason to copy everything, once in a while.
func TestUnknownRenewals(t *testing.T) {
	var copies atomic.Int64
	withPeer(t, func(q routeCall) (int, []byte, error) {
		a := &routeAnswer{Batch: routeinfo.Batch{Feed: 7, Next: q.Cursor + 1, Reset: q.Feed != 7}, Compare: true}
		if a.Reset {
			copies.Add(1)
		} else {
			time.Sleep(time.Second)
			a.Items = []routeinfo.Item{{Kind: routeinfo.Renewed, Key: routeinfo.BrokerKey{Cluster: "c", Addr: "10.0.0.1:10911"}}}
		}
		body, _ := appendRouteAnswer(nil, a)
		return http.StatusOK, body, nil
	}, func(r *Routes) {
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		require.EqualValues(t, 2, copies.Load(), "at the start, and at the first renewal")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Less(t, copies.Load(), int64(70))
		require.EqualValues(t, copies.Load(), r.totals.Copies.Load())
	})
}

// A hostile peer cannot make a server keep more than its table keeps.
func TestEndlessCopy(t *testing.T) {
	n := 0
	withPeer(t, func(q routeCall) (int, []byte, error) {
		time.Sleep(time.Millisecond)
		a := &routeAnswer{Batch: routeinfo.Batch{Feed: 7, Next: q.Cursor + 1, Reset: q.Feed != 7, More: true}}
		for range 1000 {
			n++
			x := largeBroker(1, 10)
			x.Name, x.Key.Addr, x.Topics[0].Name = fmt.Sprint(n), fmt.Sprintf("10.0.0.1:%d", n), fmt.Sprint(n)
			a.Items = append(a.Items, routeinfo.Item{Kind: routeinfo.Content, Key: x.Key, Broker: x})
		}
		body, _ := appendRouteAnswer(nil, a)
		return http.StatusOK, body, nil
	}, func(r *Routes) {
		time.Sleep(15 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, routeinfo.MaxBrokers, r.cfg.Table.Stats().Brokers)
		require.False(t, r.Copied())
	})
}
