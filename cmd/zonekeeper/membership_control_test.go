package main

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// naiveCount is the control group: what a reader would conclude who believes `expires_at > now()`. Where it survives, no fault was injected.
type naiveCount struct {
	mu    sync.Mutex
	wrong int
}

// control watches these servers, which live all the time, as the naive reader would.
func (m *members) control(living ...*member) *naiveCount {
	n := &naiveCount{}
	urls := urlsOf(living)
	poll(m.t, 100*time.Millisecond, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var live int
		err := m.sql.QueryRow(ctx, `SELECT count(*) FROM peers JOIN peer_leases USING (peer_id) WHERE living AND eureka_url = ANY($1)
			AND renewed_at + ttl_ms * interval '1 ms' > clock_timestamp()`, urls).Scan(&live)
		if err != nil {
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		n.wrong += max(0, len(urls)-live)
	})
	return n
}

func (n *naiveCount) failed(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	require.Positive(t, n.wrong, "the naive evaluation would have removed nobody: the fault was not injected")
}

// watchStalls measures how late this process is woken, until the returned function is called, which tells the worst: a measure of whether
// the machine had time for the servers.
func watchStalls(t *testing.T) (worst func() time.Duration) {
	t.Helper()
	const every = 5 * time.Millisecond
	var late time.Duration
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			planned := time.Now().Add(every)
			select {
			case <-stop:
				return
			case <-time.After(every):
				late = max(late, time.Since(planned))
			}
		}
	}()
	end := sync.OnceFunc(func() { close(stop); <-ended })
	t.Cleanup(end)
	return func() time.Duration { end(); return late }
}

// percentile is the p-th hundredth of the durations, by rank.
func percentile(took []time.Duration, p int) time.Duration {
	took = slices.Sorted(slices.Values(took))
	return took[(len(took)-1)*p/100]
}
