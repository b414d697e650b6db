package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

// T41, for the whole program, in virtual time and on the intervals that ship: the heartbeat loop is stuck in a driver that ignores its
// deadline, or panics in it. The watchdog replaces it within about two intervals, the lease never lapses, nobody misses the server, and
// the metrics tell.
func TestWatchdogKeepsTheServerListed(t *testing.T) {
	for name, plant := range map[string]func(*faultyHeart){
		"stuck":    func(f *faultyHeart) { f.set(func() { <-f.release }) },
		"panicked": func(f *faultyHeart) { f.set(func() { panic("a bug in the driver") }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, network := peerstoretest.NewFake(), newSimNet(rand.New(rand.NewPCG(41, 1)))
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				hearts, apps := make([]*faultyHeart, 3), make([]*App, 3)
				for i := range apps {
					hearts[i] = &faultyHeart{Store: db.NewPath(), release: make(chan struct{})}
					host := fmt.Sprintf("10.0.0.%d", i+1)
					app, err := New(Config{
						AdvertiseURL: "http://" + host + ":8761/eureka/", Cluster: "sim", Region: "default", Zone: "defaultZone",
						HTTP:   HTTPConfig{MaxBody: 1 << 20, MaxBatch: 16 << 20, MaxConnections: 1000},
						Eureka: EurekaConfig{RegisterSelf: true, LeaseFactor: 1, EvictionInterval: time.Second, Delta: true}, DataDir: "-",
					}, Deps{Listener: network.Listen(host, "8761"), Dial: network.Dialer(host), Store: hearts[i]})
					require.NoError(t, err)
					apps[i] = app
					running.Go(func() { _ = app.Run(ctx) })
				}
				time.Sleep(30 * time.Second)
				transport := &http.Transport{DialContext: network.Dialer("10.9.9.9"), DisableKeepAlives: true}
				metrics := func() string {
					answer, err := (&http.Client{Transport: transport}).Get("http://10.0.0.1:8761/metrics")
					require.NoError(t, err)
					defer answer.Body.Close()
					text, err := io.ReadAll(answer.Body)
					require.NoError(t, err)
					return string(text)
				}
				row := func() (mine peerstore.Row) {
					view, err := db.Rows(t.Context(), "sim")
					require.NoError(t, err)
					require.Len(t, view.Rows, 3)
					for _, r := range view.Rows {
						if r.ID == apps[0].heart.Self().ID {
							mine = r
						}
					}
					return mine
				}
				require.Contains(t, metrics(), "zonekeeper_heartbeat_loops_replaced_total 0")

				plant(hearts[0])
				for hearts[0].planted() {
					time.Sleep(10 * time.Millisecond)
				}
				before, since := row().Seq, time.Now()
				for row().Seq == before {
					time.Sleep(50 * time.Millisecond)
					require.True(t, row().Live, "the lease never lapsed")
					require.LessOrEqual(t, time.Since(since), 7*time.Second, "about two intervals")
				}
				for range 60 {
					time.Sleep(time.Second)
					require.True(t, row().Live)
					for _, a := range apps {
						require.Len(t, a.list.Peers(), 2)
						require.Len(t, a.list.Serving(), 3)
					}
				}
				close(hearts[0].release)
				time.Sleep(30 * time.Second)
				require.Contains(t, metrics(), "zonekeeper_heartbeat_loops_replaced_total 1")
				require.Contains(t, metrics(), "zonekeeper_incarnations_total 1", "it is the same server all the time")
				stop()
				running.Wait()
			})
		})
	}
}

// faultyHeart is a store in which one heartbeat goes wrong as no store should.
type faultyHeart struct {
	peerstore.Store
	release chan struct{}
	mu      sync.Mutex
	fault   func()
}

func (f *faultyHeart) set(fault func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *faultyHeart) planted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault != nil
}

func (f *faultyHeart) Heartbeat(ctx context.Context, id string, ttl time.Duration, s peerstore.Stats) error {
	f.mu.Lock()
	fault := f.fault
	f.fault = nil
	f.mu.Unlock()
	if fault != nil {
		fault()
	}
	return f.Store.Heartbeat(ctx, id, ttl, s)
}
