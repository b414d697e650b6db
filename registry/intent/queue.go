package intent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// QueueConfig holds what a queue needs. Store and Cluster are required.
type QueueConfig[S any] struct {
	Store   S
	Cluster string
	// Limit bounds what waits to be written: instances, keys, or records. Beyond it the oldest is dropped and counted: what is lost then
	// is only its survival of a restart of every server. Defaults to 100,000; 10,000 for an Audit.
	Limit int
	// Batch bounds the writes of one call to the store. Defaults to 500.
	Batch int
	// MinRetry and MaxRetry bound the wait after a failed call. Default to 250 milliseconds and 5 seconds.
	MinRetry, MaxRetry time.Duration
	// Timeout bounds one call to the store. Defaults to 2 seconds.
	Timeout time.Duration
	// Log is told once when writing begins to fail, once when something is given up, and once when all is well again. Nil discards.
	Log *slog.Logger
}

// batchBytes bounds the texts of one call to the store: a value may have 64 KiB.
const batchBytes = 1 << 20

func (c QueueConfig[S]) withDefaults() QueueConfig[S] {
	c.Limit = cmp.Or(c.Limit, 100_000)
	c.Batch = cmp.Or(c.Batch, 500)
	c.MinRetry = cmp.Or(c.MinRetry, 250*time.Millisecond)
	c.MaxRetry = cmp.Or(c.MaxRetry, 5*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// queue writes words of one kind behind requests, each under a key. All methods may be called concurrently.
type queue[S any, K comparable, W any] struct {
	cfg    QueueConfig[S]
	what   string // what it writes, for people
	weight func(W) int
	store  func(context.Context, []W) error
	wake   chan struct{} // holds a token when there may be something to write or to say

	flushing sync.Mutex // one call at a time, so that words under a key arrive in order

	mu      sync.Mutex
	backlog *backlog[K, W]
	dropped int
	lastWhy string // of the last that was dropped
}

// newQueue returns a queue that writes nothing before Run or Flush.
func newQueue[S any, K comparable, W any](
	cfg QueueConfig[S], what string, key func(W) K, weight func(W) int, store func(context.Context, []W) error,
) (*queue[S, K, W], error) {
	cfg = cfg.withDefaults()
	switch {
	case any(cfg.Store) == nil:
		return nil, fmt.Errorf("queue of %s: no store", what)
	case cfg.Cluster == "":
		return nil, fmt.Errorf("queue of %s: no cluster", what)
	case cfg.Limit < 0 || cfg.Batch < 0:
		return nil, fmt.Errorf("queue of %s: limit %d and batch %d must not be negative", what, cfg.Limit, cfg.Batch)
	}
	return &queue[S, K, W]{cfg: cfg, what: what, weight: weight, store: store, wake: make(chan struct{}, 1), backlog: newBacklog(key)}, nil
}

// put takes a word that waits from now on, unless replace says no to the one it would replace. It never blocks.
func (q *queue[S, K, W]) put(w W, replace func(waiting W) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if waiting, ok := q.backlog.waiting(w); ok && replace != nil && !replace(waiting) {
		return
	}
	q.backlog.put(w)
	if q.backlog.len() > q.cfg.Limit {
		q.backlog.drop()
		q.dropped++
		q.lastWhy = "too many wait"
	}
	q.poke()
}

// refuse counts a word that no store could take.
func (q *queue[S, K, W]) refuse(why string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped++
	q.lastWhy = why
	q.poke()
}

func (q *queue[S, K, W]) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Pending counts what waits to be written.
func (q *queue[S, K, W]) Pending() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.backlog.len()
}

// Dropped counts what was given up and so could not be made durable: because too much waited, or because no database could hold it.
func (q *queue[S, K, W]) Dropped() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Flush writes what waits now, and returns the first error. What was not written keeps waiting. A server calls it when it leaves.
func (q *queue[S, K, W]) Flush(ctx context.Context) error {
	for {
		n, err := q.writeSome(ctx)
		if n == 0 || err != nil {
			return err
		}
	}
}

// Run writes until ctx ends, which is no error. It tries again for as long as the store fails.
func (q *queue[S, K, W]) Run(ctx context.Context) error {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = q.cfg.MinRetry, q.cfg.MaxRetry
	var said said
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		}
		q.sayDropped(&said)
		for err := q.Flush(ctx); err != nil; err = q.Flush(ctx) {
			if ctx.Err() != nil {
				return nil
			}
			if !said.failing {
				said.failing = true
				q.cfg.Log.Warn("intent waits to be stored", "what", q.what, "pending", q.Pending(), "err", err)
			}
			if !sleep(ctx, min(retry.NextBackOff(), q.cfg.MaxRetry)) { // the jitter goes above its bound
				return nil
			}
			q.sayDropped(&said)
		}
		if said.failing {
			q.cfg.Log.Info("intent is stored again", "what", q.what, "dropped", q.Dropped())
		}
		said.failing, said.dropping = false, false
		retry.Reset()
	}
}

// said is what the log knows.
type said struct {
	failing  bool
	dropping bool
	dropped  int
}

// sayDropped tells the log that something could not be made durable: the first of a row of losses, not each.
func (q *queue[S, K, W]) sayDropped(s *said) {
	q.mu.Lock()
	dropped, why := q.dropped, q.lastWhy
	q.mu.Unlock()
	if dropped > s.dropped && !s.dropping {
		s.dropping = true
		q.cfg.Log.Error("intent could not be made durable: the database will not have it", "what", q.what, "dropped", dropped, "why", why)
	}
	s.dropped = dropped
}

// writeSome writes one batch and reports how many it took from the backlog.
func (q *queue[S, K, W]) writeSome(ctx context.Context) (int, error) {
	q.flushing.Lock()
	defer q.flushing.Unlock()
	q.mu.Lock()
	batch := q.backlog.peek(q.cfg.Batch, batchBytes, q.weight)
	q.mu.Unlock()
	if len(batch) == 0 {
		return 0, nil
	}
	words := make([]W, len(batch))
	for i, e := range batch {
		words[i] = e.word
	}
	bounded, cancel := context.WithTimeout(ctx, q.cfg.Timeout)
	defer cancel()
	if err := q.store(bounded, words); err != nil {
		return 0, fmt.Errorf("store %d %s: %w", len(words), q.what, err)
	}
	q.mu.Lock()
	q.backlog.written(batch)
	q.mu.Unlock()
	return len(batch), nil
}

// Bounds of texts. They come from clients; one that is longer than a database can index must not keep the others from being stored.
const (
	maxName  = 2000     // bytes of all parts of a key together
	maxText  = 1000     // bytes of who, why and the like
	maxValue = 64 << 10 // bytes of a value
)

// storable makes a text that PostgreSQL can hold: U+0000 and what is no UTF-8 become U+FFFD. It happens before a word waits, so that
// two keys that are one in the database are one here.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cut is a storable text of at most maxText bytes.
func cut(s string) string {
	s = storable(s)
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "") // without half a character
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
