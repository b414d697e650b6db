package intent

import (
	"context"
	"fmt"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Override is the status that stands over what an instance says of itself.
type Override struct {
	Cluster string
	App     string // upper case, as the registry keys it
	ID      string
	Status  eureka.Status
	By      string // who said so, for people; may be empty
	Reason  string // why, for people; may be empty
}

// Write is one change to the stored overrides.
type Write struct {
	Override
	// Deleted takes the override away; only App and ID count then.
	Deleted bool
}

// Store is where overrides survive a restart of everything. Methods may be called concurrently and return when ctx ends. Texts are
// UTF-8 without U+0000.
type Store interface {
	// Load returns the overrides of a cluster, ordered by application and id.
	Load(ctx context.Context, cluster string) ([]Override, error)
	// Apply does all the writes or none. An instance appears at most once among them. Writing what is already so changes nothing,
	// so a write whose answer was lost may be repeated.
	Apply(ctx context.Context, cluster string, writes []Write) error
}

// Config is a Queue's.
type Config = QueueConfig[Store]

// Queue writes overrides behind requests. Put and Delete never block; the newest word about an instance replaces an older one that
// waits. All methods may be called concurrently.
type Queue struct {
	*queue[Store, instance, Write]
}

type instance struct{ app, id string }

// New returns a Queue that writes nothing before Run or Flush.
func New(cfg Config) (*Queue, error) {
	q, err := newQueue(cfg, "overrides",
		func(w Write) instance { return instance{w.App, w.ID} },
		func(w Write) int { return len(w.App) + len(w.ID) + len(w.By) + len(w.Reason) },
		func(ctx context.Context, writes []Write) error { return cfg.Store.Apply(ctx, cfg.Cluster, writes) })
	if err != nil {
		return nil, err
	}
	return &Queue{q}, nil
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

// Put records an override. Its Cluster is the queue's, whatever it says; By and Reason are cut to 1,000 bytes. A name of more than
// 2,000 bytes is refused and counted as dropped.
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
	w.App, w.ID = storable(w.App), storable(w.ID)
	if len(w.App)+len(w.ID) > maxName {
		q.refuse("the name of an instance is too long")
		return
	}
	q.put(w, nil)
}
