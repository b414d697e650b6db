package intent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/intent/intenttest"
)

func TestFakeWords(t *testing.T) {
	intenttest.ExerciseWords(t, func(*testing.T) intent.WordStore { return &intenttest.Fake{} })
}

func newWords(t require.TestingT, store intent.WordStore, change ...func(*intent.WordsConfig)) *intent.Words {
	cfg := intent.WordsConfig{Store: store, Cluster: "c"}
	for _, c := range change {
		c(&cfg)
	}
	q, err := intent.NewWords(cfg)
	require.NoError(t, err)
	return q
}

// kv is a version of one key.
func kv(name, value string, counter uint64, epoch int64) intent.Word {
	return intent.Word{Kind: intent.KV, Scope: "ns", Name: name, Value: value, Counter: counter, Epoch: epoch}
}

func values(t require.TestingT, q *intent.Words) map[string]string {
	all, err := q.Load(context.Background())
	require.NoError(t, err)
	out := make(map[string]string)
	for _, w := range all {
		out[w.Name] = w.Value
	}
	return out
}

// An older word does not replace a newer one that waits, nor one that is stored.
func TestOlderWordIsNoWord(t *testing.T) {
	q := newWords(t, &intenttest.Fake{})
	q.Put(kv("a", "second", 2, 1))
	q.Put(kv("a", "first", 1, 9))
	q.Put(kv("b", "by epoch", 1, 2))
	q.Put(kv("b", "loses the tie", 1, 1))
	require.Equal(t, 2, q.Pending())
	require.NoError(t, q.Flush(t.Context()))
	q.Put(kv("a", "first", 1, 9))
	require.NoError(t, q.Flush(t.Context()))
	require.Equal(t, map[string]string{"a": "second", "b": "by epoch"}, values(t, q))
}

func TestWordsThatNoDatabaseHolds(t *testing.T) {
	q := newWords(t, &intenttest.Fake{})
	long := kv("a", "", 1, 1)
	long.Name = strings.Repeat("n", 2000)
	unknown := kv("a", "", 1, 1)
	unknown.Kind = "gossip"
	for _, w := range []intent.Word{long, unknown, kv("a", strings.Repeat("v", 64<<10+1), 1, 1), kv("a", "", math.MaxUint64, 1)} {
		q.Put(w)
	}
	require.Equal(t, 4, q.Dropped())
	require.Zero(t, q.Pending())
	for _, cfg := range []intent.WordsConfig{{}, {Cluster: "c"}, {Store: &intenttest.Fake{}}, {Store: &intenttest.Fake{}, Cluster: "c", Batch: -1}} {
		_, err := intent.NewWords(cfg)
		require.Error(t, err)
	}
}

// What could not be made durable is said when it begins, not each time, and again when it happens anew after all was well.
func TestWhatIsGivenUpIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &intenttest.Fake{}
		store.Fail(errors.New("no database"))
		var log strings.Builder
		q := newWords(t, store, func(c *intent.WordsConfig) {
			c.Limit, c.Log = 10, slog.New(slog.NewTextHandler(&log, nil))
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- q.Run(ctx) }()
		overflow := func() {
			for i := range 100 {
				q.Put(kv(fmt.Sprint(i), "v", 1, 1))
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		overflow()
		require.Equal(t, 90, q.Dropped())
		require.Equal(t, 1, strings.Count(log.String(), "could not be made durable"), log.String())
		require.Equal(t, 1, strings.Count(log.String(), "waits to be stored"))

		store.Fail(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Zero(t, q.Pending())
		require.Contains(t, log.String(), `msg="intent is stored again" what="words to name servers" dropped=90`)
		require.Len(t, values(t, q), 10, "the newest")

		store.Fail(errors.New("again"))
		overflow()
		require.Equal(t, 2, strings.Count(log.String(), "could not be made durable"))
		cancel()
		require.NoError(t, <-ended)
	})
}

// A call carries about a mebibyte at most, whatever the number of words.
func TestBatchesAreBoundedByBytes(t *testing.T) {
	store := &intenttest.Fake{}
	q := newWords(t, store)
	for i := range 100 {
		q.Put(kv(fmt.Sprint(i), strings.Repeat("v", 64<<10), 1, 1))
	}
	require.NoError(t, q.Flush(t.Context()))
	require.Equal(t, 7, store.Applied())
	require.Len(t, values(t, q), 100)
}

// Loading survives a page's end at any place.
func TestLoadInPages(t *testing.T) {
	store := &intenttest.Fake{}
	for n := range 12 {
		q := newWords(t, store, func(c *intent.WordsConfig) { c.Batch = 4 })
		all, err := q.Load(t.Context())
		require.NoError(t, err)
		require.Len(t, all, n)
		q.Put(kv(fmt.Sprint(n), "v", 1, 1))
		require.NoError(t, q.Flush(t.Context()))
	}
	store.Fail(errors.New("no database"))
	_, err := newWords(t, store).Load(t.Context())
	require.Error(t, err)
}

// Several servers write all words that they hear of, in any order, some twice, with failures in between: in the end the database
// has the greatest version of each key.
func TestGreatestWordWins(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store := &intenttest.Fake{}
		var servers []*intent.Words
		for range 3 {
			servers = append(servers, newWords(rt, store, func(c *intent.WordsConfig) { c.Batch = rapid.IntRange(1, 4).Draw(rt, "batch") }))
		}
		greatest := make(map[string]intent.Word)
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			server := rapid.SampledFrom(servers).Draw(rt, "server")
			if rapid.IntRange(0, 4).Draw(rt, "step") == 0 {
				if rapid.Bool().Draw(rt, "failing") {
					store.Fail(errors.New("no database"))
				} else {
					store.Fail(nil)
				}
				_ = server.Flush(context.Background())
				continue
			}
			counter, epoch := uint64(rapid.IntRange(1, 5).Draw(rt, "counter")), int64(rapid.IntRange(1, 3).Draw(rt, "epoch"))
			w := kv(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key"), fmt.Sprint(counter, epoch), counter, epoch)
			server.Put(w)
			if w.Newer(greatest[w.Name]) {
				greatest[w.Name] = w
			}
		}
		store.Fail(nil)
		want := make(map[string]string)
		for name, w := range greatest {
			want[name] = w.Value
		}
		for _, server := range servers {
			require.NoError(rt, server.Flush(context.Background()))
			require.Zero(rt, server.Pending())
		}
		require.Equal(rt, want, values(rt, servers[0]))
	})
}
