package intent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Config holds what a Queue needs. Store and Cluster are required.
type Config struct {
	Store   Store
	Cluster string
	// Limit bounds the instances that wait to be written. Beyond it the oldest word is dropped and counted: what is lost then is only
	// its survival of a restart of every server. Defaults to 100,000.
	Limit int
	// Batch bounds the writes of one Apply. Defaults to 500.
	Batch int
	// MinRetry and MaxRetry bound the wait after a failed Apply. Default to 250 milliseconds and 5 seconds.
	MinRetry, MaxRetry time.Duration
	// Timeout bounds one call to the store. Defaults to 2 seconds.
	Timeout time.Duration
	// Log is told once when writing begins to fail and once when it works again. Nil discards.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Limit = cmp.Or(c.Limit, 100_000)
	c.Batch = cmp.Or(c.Batch, 500)
	c.MinRetry = cmp.Or(c.MinRetry, 250*time.Millisecond)
	c.MaxRetry = cmp.Or(c.MaxRetry, 5*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// Queue writes overrides behind requests. Put and Delete never block; the newest word about an instance replaces an older one that
// waits. All methods may be called concurrently.
type Queue struct {
	cfg  Config
	wake chan struct{} // holds a token when there may be something to write

	flushing sync.Mutex // one Apply at a time, so that words about an instance arrive in order

	mu      sync.Mutex
	waiting *backlog
	dropped int
}

// New returns a Queue that writes nothing before Run or Flush.
func New(cfg Config) (*Queue, error) {
	cfg = cfg.withDefaults()
	switch {
	case cfg.Store == nil:
		return nil, errors.New("intent queue: no store")
	case cfg.Cluster == "":
		return nil, errors.New("intent queue: no cluster")
	case cfg.Limit < 0 || cfg.Batch < 0:
		return nil, fmt.Errorf("intent queue: limit %d and batch %d must not be negative", cfg.Limit, cfg.Batch)
	}
	return &Queue{cfg: cfg, wake: make(chan struct{}, 1), waiting: newBacklog()}, nil
}

// Load reads what was written earlier, by any server. Call it before serving.
func (q *Queue) Load(ctx context.Context) ([]Override, error) {
	ctx, cancel := context.WithTimeout(ctx, q.cfg.Timeout)
	defer cancel()
	overrides, err := q.cfg.Store.Load(ctx, q.cfg.Cluster)
	if err != nil {
		return nil, fmt.Errorf("load overrides: %w", err)
	}
	return overrides, nil
}

// Bounds of one word. Names come from clients; a name longer than a database can index must not keep the others from being stored.
const (
	maxName = 2000 // bytes of application and id together
	maxText = 1000 // bytes of who and of why
)

// Put records an override. Its Cluster is the queue's, whatever it says; By and Reason are cut to 1,000 bytes.
func (q *Queue) Put(o Override) {
	o.Cluster = q.cfg.Cluster
	o.By, o.Reason = cut(o.By), cut(o.Reason)
	q.add(Write{Override: o})
}

// Delete records that an instance's override is taken away.
func (q *Queue) Delete(app, id string) {
	q.add(Write{Override: Override{Cluster: q.cfg.Cluster, App: app, ID: id}, Deleted: true})
}

func (q *Queue) add(w Write) {
	q.mu.Lock()
	if len(w.App)+len(w.ID) > maxName {
		q.dropped++
		q.mu.Unlock()
		return
	}
	q.waiting.put(w)
	if q.waiting.len() > q.cfg.Limit {
		q.waiting.take(1)
		q.dropped++
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Pending counts the instances whose newest word is not written yet.
func (q *Queue) Pending() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.len()
}

// Dropped counts the words that were given up, because too many waited or because a name was longer than 2,000 bytes.
func (q *Queue) Dropped() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Flush writes what waits now, and returns the first error. What was not written keeps waiting. A server calls it when it leaves.
func (q *Queue) Flush(ctx context.Context) error {
	for {
		n, err := q.writeSome(ctx)
		if n == 0 || err != nil {
			return err
		}
	}
}

// Run writes until ctx ends, which is no error. It tries again for as long as the store fails.
func (q *Queue) Run(ctx context.Context) error {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = q.cfg.MinRetry, q.cfg.MaxRetry
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		}
		for err := q.Flush(ctx); err != nil; err = q.Flush(ctx) {
			if ctx.Err() != nil {
				return nil
			}
			if !failing {
				q.cfg.Log.Warn("overrides wait to be stored", "pending", q.Pending(), "err", err)
			}
			failing = true
			if !sleep(ctx, min(retry.NextBackOff(), q.cfg.MaxRetry)) { // the jitter goes above its bound
				return nil
			}
		}
		if failing {
			q.cfg.Log.Info("overrides are stored again", "dropped", q.Dropped())
		}
		failing = false
		retry.Reset()
	}
}

// writeSome writes one batch and reports how many it took from the backlog.
func (q *Queue) writeSome(ctx context.Context) (int, error) {
	q.flushing.Lock()
	defer q.flushing.Unlock()
	q.mu.Lock()
	batch := q.waiting.peek(q.cfg.Batch)
	q.mu.Unlock()
	if len(batch) == 0 {
		return 0, nil
	}
	writes := make([]Write, len(batch))
	for i, e := range batch {
		writes[i] = e.Write
	}
	bounded, cancel := context.WithTimeout(ctx, q.cfg.Timeout)
	defer cancel()
	if err := q.cfg.Store.Apply(bounded, q.cfg.Cluster, writes); err != nil {
		return 0, fmt.Errorf("store %d overrides: %w", len(writes), err)
	}
	q.mu.Lock()
	q.waiting.written(batch)
	q.mu.Unlock()
	return len(batch), nil
}

func cut(s string) string { return s[:min(len(s), maxText)] }

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
