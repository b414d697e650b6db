package intent

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"
)

// An AuditRecord is one use of an administration request, granted or refused.
type AuditRecord struct {
	// ID is unique and given by the Audit, so that a record whose answer was lost is not stored twice.
	ID     string
	At     time.Time // by the clock of the server that was asked
	Server string    // which server was asked: its URL or peer id
	Code   int32     // RocketMQ request code
	Action string    // its name
	Who    string    // empty for somebody known by address only
	From   string    // address that it came from
	What   string    // what it was about
	Result string
}

// AuditStore is where audit records are kept. Methods may be called concurrently and return when ctx ends. Texts are UTF-8 without
// U+0000; times are kept to the microsecond.
type AuditStore interface {
	// AppendAudit stores all of the records or none. A record whose ID is stored already is left out.
	AppendAudit(ctx context.Context, cluster string, records []AuditRecord) error
}

// AuditConfig is an Audit's.
type AuditConfig = QueueConfig[AuditStore]

// Audit writes audit records behind requests. Put never blocks; when too many wait the oldest is given up. All methods may be called
// concurrently.
type Audit struct {
	*queue[AuditStore, string, AuditRecord]
	start string // unique for this Audit; begins the IDs of its records
	last  atomic.Uint64
}

// NewAudit returns a queue that writes nothing before Run or Flush.
func NewAudit(cfg AuditConfig) (*Audit, error) {
	cfg.Limit = cmp.Or(cfg.Limit, 10_000)
	q, err := newQueue(cfg, "audit records",
		func(r AuditRecord) string { return r.ID },
		func(r AuditRecord) int {
			return len(r.Server) + len(r.Action) + len(r.Who) + len(r.From) + len(r.What) + len(r.Result)
		},
		func(ctx context.Context, records []AuditRecord) error {
			return cfg.Store.AppendAudit(ctx, cfg.Cluster, records)
		})
	if err != nil {
		return nil, err
	}
	return &Audit{queue: q, start: rand.Text()}, nil
}

// Put records one use. Its ID is the queue's to give; each text is cut to 1,000 bytes.
func (a *Audit) Put(r AuditRecord) {
	r.ID = fmt.Sprintf("%s-%d", a.start, a.last.Add(1))
	for _, text := range []*string{&r.Server, &r.Action, &r.Who, &r.From, &r.What, &r.Result} {
		*text = cut(*text)
	}
	a.put(r, nil)
}
