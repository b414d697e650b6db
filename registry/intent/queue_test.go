package intent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/intent/intenttest"
)

func TestFake(t *testing.T) {
	intenttest.Exercise(t, func(*testing.T) intent.Store { return &intenttest.Fake{} })
}

func newQueue(t require.TestingT, store intent.Store, change ...func(*intent.Config)) *intent.Queue {
	cfg := intent.Config{Store: store, Cluster: "c"}
	for _, c := range change {
		c(&cfg)
	}
	q, err := intent.New(cfg)
	require.NoError(t, err)
	return q
}

func override(id string, status eureka.Status) intent.Override {
	return intent.Override{App: "A", ID: id, Status: status}
}

func stored(t *testing.T, s intent.Store) map[string]eureka.Status {
	t.Helper()
	all, err := s.Load(t.Context(), "c")
	require.NoError(t, err)
	out := make(map[string]eureka.Status)
	for _, o := range all {
		out[o.ID] = o.Status
	}
	return out
}

func TestQueueWritesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &intenttest.Fake{}
		q := newQueue(t, store)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- q.Run(ctx) }()
		q.Put(override("1", eureka.OutOfService))
		q.Put(override("2", eureka.Down))
		q.Delete("A", "2")
		synctest.Wait()
		require.Zero(t, q.Pending())
		require.Equal(t, map[string]eureka.Status{"1": eureka.OutOfService}, stored(t, store))
		loaded, err := q.Load(ctx)
		require.NoError(t, err)
		require.Equal(t, "c", loaded[0].Cluster)
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestQueueKeepsWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &intenttest.Fake{}
		store.Fail(errors.New("no database"))
		var log strings.Builder
		q := newQueue(t, store, func(c *intent.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = q.Run(ctx) }()
		for i := range 1200 {
			q.Put(override(fmt.Sprint(i%600), eureka.Status(i/600)+eureka.Up))
		}
		time.Sleep(10 * time.Minute) // virtual
		synctest.Wait()
		require.Equal(t, 600, q.Pending(), "the newest word per instance")
		require.Equal(t, 1, strings.Count(log.String(), "waits to be stored"), "said once per change")
		require.Error(t, q.Flush(ctx))

		store.Fail(nil)
		store.Hang(true) // half back
		time.Sleep(time.Minute)
		require.Equal(t, 600, q.Pending())
		store.Hang(false)
		time.Sleep(8 * time.Second) // at most one timeout of 2 s and one wait of 5 s
		synctest.Wait()
		require.Zero(t, q.Pending())
		require.Equal(t, eureka.Down, stored(t, store)["7"])
		require.Contains(t, log.String(), "is stored again")
		require.Equal(t, 2, store.Applied(), "in batches")
	})
}

// A word that comes while an older one about the same instance is being written is not lost.
func TestNewerWordDuringWrite(t *testing.T) {
	slow := &gated{Fake: &intenttest.Fake{}, entered: make(chan struct{}), leave: make(chan struct{})}
	q := newQueue(t, slow)
	q.Put(override("1", eureka.Down))
	done := make(chan error, 1)
	go func() { done <- q.Flush(t.Context()) }()
	<-slow.entered
	q.Put(override("1", eureka.Up))
	slow.leave <- struct{}{}
	<-slow.entered
	slow.leave <- struct{}{}
	require.NoError(t, <-done)
	require.Zero(t, q.Pending())
	require.Equal(t, map[string]eureka.Status{"1": eureka.Up}, stored(t, slow.Fake))
}

// gated stops in the middle of Apply until it is told to go on.
type gated struct {
	*intenttest.Fake
	entered, leave chan struct{}
}

func (g *gated) Apply(ctx context.Context, cluster string, writes []intent.Write) error {
	g.entered <- struct{}{}
	<-g.leave
	return g.Fake.Apply(ctx, cluster, writes)
}

func TestQueueIsBounded(t *testing.T) {
	store := &intenttest.Fake{}
	q := newQueue(t, store, func(c *intent.Config) { c.Limit = 3 })
	for i := range 5 {
		q.Put(override(fmt.Sprint(i), eureka.Down))
	}
	require.Equal(t, 3, q.Pending())
	q.Put(override(strings.Repeat("x", 3000), eureka.Down))
	q.Put(intent.Override{App: "A", ID: "4", Status: eureka.Up, Reason: strings.Repeat("y", 3000)})
	require.Equal(t, 3, q.Pending())
	require.Equal(t, 3, q.Dropped(), "the two oldest, and the one that no index holds")
	require.NoError(t, q.Flush(t.Context()))
	all, err := store.Load(t.Context(), "c")
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, "2", all[0].ID)
	require.Len(t, all[2].Reason, 1000)
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []intent.Config{{}, {Cluster: "c"}, {Store: &intenttest.Fake{}}, {Store: &intenttest.Fake{}, Cluster: "c", Limit: -1}} {
		_, err := intent.New(cfg)
		require.Error(t, err)
	}
}

// Whatever is said in whatever order, with failures in between: what is stored in the end is the last word per instance.
func TestLastWordWins(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store := &intenttest.Fake{}
		q := newQueue(rt, store, func(c *intent.Config) { c.Batch = rapid.IntRange(1, 4).Draw(rt, "batch") })
		want := make(map[string]eureka.Status)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			id := rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(rt, "id")
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0, 1:
				status := rapid.SampledFrom([]eureka.Status{eureka.Up, eureka.Down, eureka.OutOfService}).Draw(rt, "status")
				q.Put(override(id, status))
				want[id] = status
			case 2:
				q.Delete("A", id)
				delete(want, id)
			case 3:
				if rapid.Bool().Draw(rt, "failing") {
					store.Fail(errors.New("no database"))
				} else {
					store.Fail(nil)
				}
				_ = q.Flush(context.Background())
			}
		}
		store.Fail(nil)
		require.NoError(rt, q.Flush(context.Background()))
		require.Zero(rt, q.Pending())
		require.Equal(rt, want, stored(t, store))
	})
}

func TestConcurrentUse(t *testing.T) {
	store := &intenttest.Fake{}
	q := newQueue(t, store)
	ctx, cancel := context.WithCancel(t.Context())
	var run, users sync.WaitGroup
	run.Go(func() { _ = q.Run(ctx) })
	for user := range 4 {
		users.Go(func() {
			for i := range 200 {
				q.Put(override(fmt.Sprint(user, i%10), eureka.Down))
				q.Delete("A", fmt.Sprint(user, i%5))
				_ = q.Pending()
			}
			_ = q.Flush(ctx)
		})
	}
	users.Wait()
	require.NoError(t, q.Flush(t.Context()))
	cancel()
	run.Wait()
	require.Len(t, stored(t, store), 20)
}

func BenchmarkPut(b *testing.B) {
	q := newQueue(b, &intenttest.Fake{})
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprint("host-", i, ":orders:8080")
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q.Put(override(ids[i%len(ids)], eureka.Down))
	}
}
