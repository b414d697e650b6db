package registry

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// running runs a registry in virtual time until the test's function returns.
func running(t *testing.T, cfg Config, f func(r *Registry)) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		f(r)
		cancel()
		require.NoError(t, <-done)
	})
}

func TestRunEvicts(t *testing.T) {
	for _, interval := range []time.Duration{0, 100 * time.Millisecond, 10 * time.Second} {
		t.Run(interval.String(), func(t *testing.T) {
			running(t, Config{EvictionInterval: interval}, func(r *Registry) {
				require.NoError(t, r.Register(sample("dead", leased(1, 2)), FromClient))
				require.NoError(t, r.Register(sample("lives"), FromClient))
				time.Sleep(1500 * time.Millisecond)
				require.Equal(t, 2, r.Stats().Instances)
				time.Sleep(20 * time.Second)
				require.Equal(t, 1, r.Stats().Instances)
				for range 20 {
					require.Equal(t, Renewed, r.Renew(orders("lives"), Renewal{}, FromClient))
					time.Sleep(30 * time.Second)
				}
				require.Equal(t, 1, r.Stats().Instances)
				require.Equal(t, 2, r.Stats().RenewsLastMinute)
				time.Sleep(71 * time.Second)
				require.Zero(t, r.Stats().Instances)
				require.Zero(t, r.Stats().RenewsLastMinute)
			})
		})
	}
}

func TestRunForgetsTombstones(t *testing.T) {
	running(t, Config{}, func(r *Registry) {
		require.NoError(t, r.Register(sample("a"), FromClient))
		require.NoError(t, r.Cancel(orders("a"), FromClient))
		time.Sleep(time.Hour - time.Second)
		require.Equal(t, 1, r.Stats().Tombstones)
		time.Sleep(2 * time.Second)
		require.Zero(t, r.Stats().Tombstones)
	})
}

// The delta forgets changes after three minutes, and not much later.
func TestRunAgesTheDelta(t *testing.T) {
	running(t, Config{}, func(r *Registry) {
		require.NoError(t, r.Register(sample("a", leased(30, 600)), FromClient))
		before := r.Snapshot().Version()
		time.Sleep(179 * time.Second)
		require.Equal(t, []string{"ORDERS/a UP ADDED"}, ids(decodeList(t, r.Snapshot().Delta(eurekaJSON, false))))
		require.Equal(t, before, r.Snapshot().Version())
		require.Equal(t, Renewed, r.Renew(orders("a"), Renewal{}, FromClient))
		time.Sleep(6 * time.Second)
		require.NotEqual(t, before, r.Snapshot().Version())
	})
}

// A clock that jumps is what a process sees that was stopped.
func TestRunNoticesAPause(t *testing.T) {
	var skipped atomic.Int64
	var gaps []time.Duration
	cfg := Config{
		Now:     func() time.Time { return time.Now().Add(time.Duration(skipped.Load())) },
		OnPause: func(gap time.Duration) { gaps = append(gaps, gap) },
	}
	running(t, cfg, func(r *Registry) {
		require.NoError(t, r.Register(sample("a"), FromClient))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		skipped.Store(int64(5 * time.Second)) // as late as a busy machine may be
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Empty(t, gaps)
		skipped.Add(int64(2 * time.Minute))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, []time.Duration{2*time.Minute + time.Second}, gaps)
		time.Sleep(70 * time.Second)
		require.Equal(t, 1, r.Stats().Instances)
		time.Sleep(10 * time.Second)
		require.Zero(t, r.Stats().Instances)
	})
}
