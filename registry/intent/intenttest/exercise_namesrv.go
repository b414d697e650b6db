package intenttest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// ExerciseWords runs the suite that every intent.WordStore must pass. newStore makes an empty one.
func ExerciseWords(t *testing.T, newStore func(t *testing.T) intent.WordStore) {
	t.Helper()
	at := time.Date(2026, 8, 1, 12, 0, 0, 123456000, time.UTC)
	kv := intent.Word{Kind: intent.KV, Scope: "ORDER_TOPIC_CONFIG", Name: "orders", Value: "broker-a:4;broker-b:4", Counter: 3, Epoch: 7, By: "10.0.0.1:1234", At: at}
	odd := intent.Word{Kind: intent.KV, Scope: "ünï/ ;'", Name: "'; DROP TABLE namesrv_words --", Value: "\n{\"a\": 1}", Counter: math.MaxInt64, Epoch: -5, At: at}
	wipe := intent.Word{Kind: intent.Wipe, Name: "broker-a", Counter: 1, Epoch: 7, At: at}
	gone := intent.Word{Kind: intent.Deletion, Name: "topic", Value: "{}", Deleted: true, Counter: 2, Epoch: 9, At: at}
	put := func(t *testing.T, s intent.WordStore, words ...intent.Word) {
		t.Helper()
		require.NoError(t, s.PutWords(t.Context(), "c", words))
	}
	load := func(t *testing.T, s intent.WordStore, cluster string) []intent.Word {
		t.Helper()
		got, err := s.LoadWords(t.Context(), cluster, intent.WordKey{}, 1000)
		require.NoError(t, err)
		return got
	}
	t.Run("every field comes back", func(t *testing.T) {
		s := newStore(t)
		require.Empty(t, load(t, s, "c"))
		put(t, s, wipe, odd, gone, kv)
		require.Equal(t, []intent.Word{gone, kv, odd, wipe}, load(t, s, "c"), "in the order of keys, byte by byte")
		put(t, s, kv, wipe)
		require.Len(t, load(t, s, "c"), 4, "again")
		put(t, s)
	})
	t.Run("only the newer replaces", func(t *testing.T) {
		s := newStore(t)
		put(t, s, kv)
		for _, older := range []struct {
			counter uint64
			epoch   int64
		}{{2, 100}, {3, 6}} {
			w := kv
			w.Counter, w.Epoch, w.Value, w.Deleted = older.counter, older.epoch, "older", true
			put(t, s, w, wipe)
			require.Equal(t, []intent.Word{kv, wipe}, load(t, s, "c"))
		}
		tie := kv
		tie.Value, tie.By = "a lesser value", "another"
		put(t, s, tie)
		require.Equal(t, []intent.Word{kv, wipe}, load(t, s, "c"))
		tie.Deleted = true
		put(t, s, tie)
		require.Equal(t, []intent.Word{tie, wipe}, load(t, s, "c"))
		put(t, s, kv)
		require.Equal(t, []intent.Word{tie, wipe}, load(t, s, "c"))
		byEpoch := kv
		byEpoch.Epoch, byEpoch.Value, byEpoch.By, byEpoch.At = 8, "", "", at.Add(-time.Hour)
		put(t, s, byEpoch)
		require.Equal(t, []intent.Word{byEpoch, wipe}, load(t, s, "c"), "whatever its time")
		byCounter := kv
		byCounter.Counter, byCounter.Epoch, byCounter.Deleted = 4, 1, true
		put(t, s, byCounter)
		require.Equal(t, []intent.Word{byCounter, wipe}, load(t, s, "c"), "taken back, and still there")
	})
	t.Run("in pieces", func(t *testing.T) {
		s := newStore(t)
		var words []intent.Word
		for i := range 25 {
			words = append(words, intent.Word{Kind: intent.KV, Scope: fmt.Sprint(i % 5), Name: fmt.Sprint(i), Counter: 1, Epoch: 1, At: at})
		}
		words = append(words, wipe)
		put(t, s, words...)
		slices.SortFunc(words, func(a, b intent.Word) int { return a.Key().Compare(b.Key()) })
		var got []intent.Word
		var after intent.WordKey
		for {
			page, err := s.LoadWords(t.Context(), "c", after, 4)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			require.LessOrEqual(t, len(page), 4)
			got, after = append(got, page...), page[len(page)-1].Key()
		}
		require.Equal(t, words, got)
	})
	t.Run("clusters are apart", func(t *testing.T) {
		s := newStore(t)
		put(t, s, kv)
		require.Empty(t, load(t, s, "d"))
		newer := kv
		newer.Counter = 9
		require.NoError(t, s.PutWords(t.Context(), "d", []intent.Word{newer}))
		require.Equal(t, []intent.Word{kv}, load(t, s, "c"))
	})
	t.Run("ended context", func(t *testing.T) {
		s := newStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, s.PutWords(ctx, "c", []intent.Word{kv}), context.Canceled)
		_, err := s.LoadWords(ctx, "c", intent.WordKey{}, 10)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, load(t, s, "c"))
	})
	t.Run("many writers", func(t *testing.T) {
		s := newStore(t)
		const keys, rounds = 40, 15
		var writing sync.WaitGroup
		errs := make([]error, 4)
		for server := range errs {
			writing.Go(func() {
				for round := range rounds {
					var words []intent.Word
					for k := range keys {
						words = append(words, intent.Word{
							Kind: intent.KV, Scope: "s", Name: fmt.Sprint((k + round + 11*server) % keys), Value: fmt.Sprint(round, server),
							Counter: uint64(1 + round), Epoch: int64(server), At: at,
						})
					}
					if errs[server] = s.PutWords(t.Context(), "c", words); errs[server] != nil {
						return
					}
				}
			})
		}
		writing.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		got := load(t, s, "c")
		require.Len(t, got, keys)
		for _, w := range got {
			require.Equal(t, fmt.Sprint(rounds-1, len(errs)-1), w.Value, "the greatest version, in whatever order they wrote")
		}
	})
}

// An AuditBackend is an empty intent.AuditStore, and how a test reads it.
type AuditBackend struct {
	intent.AuditStore
	// Read returns a cluster's records in the order in which they were appended.
	Read func(ctx context.Context, cluster string) ([]intent.AuditRecord, error)
}

// ExerciseAudit runs the suite that every intent.AuditStore must pass. newBackend makes an empty one.
func ExerciseAudit(t *testing.T, newBackend func(t *testing.T) AuditBackend) {
	t.Helper()
	one := intent.AuditRecord{
		ID: "start-1", At: time.Date(2026, 8, 1, 12, 0, 0, 123456000, time.UTC), Server: "http://10.0.0.1:8761/eureka/", Code: 205,
		Action: "WIPE_WRITE_PERM_OF_BROKER", Who: "rocketmq2", From: "10.0.0.9:51234", What: "broker-a", Result: "granted: 3 topics",
	}
	two := intent.AuditRecord{ID: "start-2", At: one.At.Add(-time.Hour), Code: 318, What: "'; DROP TABLE admin_audit --", Result: "refused"}
	read := func(t *testing.T, b AuditBackend, cluster string) []intent.AuditRecord {
		t.Helper()
		got, err := b.Read(t.Context(), cluster)
		require.NoError(t, err)
		return got
	}
	t.Run("append", func(t *testing.T) {
		b := newBackend(t)
		require.NoError(t, b.AppendAudit(t.Context(), "c", nil))
		require.NoError(t, b.AppendAudit(t.Context(), "c", []intent.AuditRecord{one, two}))
		require.Equal(t, []intent.AuditRecord{one, two}, read(t, b, "c"))
		require.Empty(t, read(t, b, "d"))
	})
	t.Run("once each", func(t *testing.T) {
		b := newBackend(t)
		require.NoError(t, b.AppendAudit(t.Context(), "c", []intent.AuditRecord{one}))
		require.NoError(t, b.AppendAudit(t.Context(), "c", []intent.AuditRecord{one, two}), "as after an answer that was lost")
		require.Equal(t, []intent.AuditRecord{one, two}, read(t, b, "c"))
	})
	t.Run("ended context", func(t *testing.T) {
		b := newBackend(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, b.AppendAudit(ctx, "c", []intent.AuditRecord{one}), context.Canceled)
		require.Empty(t, read(t, b, "c"))
	})
}
