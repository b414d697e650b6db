package intent

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"
)

// A WordKind says what a Word is about. A later release may know more of them.
type WordKind string

// The kinds of words.
const (
	KV       WordKind = "kv"       // scope: namespace; name: key; value: its value
	Wipe     WordKind = "wipe"     // name: broker whose write permission is taken away
	Deletion WordKind = "deletion" // scope: brokers' cluster; name: topic; value: data versions of the brokers that no longer have it
)

// Known reports whether this release knows what to do with words of the kind.
func (k WordKind) Known() bool { return k == KV || k == Wipe || k == Deletion }

// A Word is what an operator said to the name servers, as a register in which the last writer wins: of two words under one key the
// one with the greater (Counter, Epoch) holds, on every server and in the database, in whatever order they arrive. Should both be
// equal, what was taken back holds, then the greater value: any rule will do that is the same everywhere.
type Word struct {
	Kind        WordKind
	Scope, Name string
	Value       string
	// Deleted takes back what was said. The word stays, so that an older one cannot come back.
	Deleted bool
	Counter uint64 // one more than the greatest that the server had seen under the key
	Epoch   int64  // of the server's incarnation
	By      string // who said so, for people; may be empty
	At      time.Time
}

// A WordKey is what a Word is about. Keys are ordered by kind, scope and name, byte by byte.
type WordKey struct {
	Kind        WordKind
	Scope, Name string
}

// Key is what the word is about.
func (w Word) Key() WordKey { return WordKey{w.Kind, w.Scope, w.Name} }

// Newer reports whether w replaces o.
func (w Word) Newer(o Word) bool {
	if c := cmp.Or(cmp.Compare(w.Counter, o.Counter), cmp.Compare(w.Epoch, o.Epoch)); c != 0 {
		return c > 0
	}
	if w.Deleted != o.Deleted {
		return w.Deleted
	}
	return w.Value > o.Value
}

// Compare orders keys.
func (k WordKey) Compare(o WordKey) int {
	return cmp.Or(cmp.Compare(k.Kind, o.Kind), cmp.Compare(k.Scope, o.Scope), cmp.Compare(k.Name, o.Name))
}

// WordStore is where words survive a restart of everything. Methods may be called concurrently and return when ctx ends. Texts are
// UTF-8 without U+0000; times are kept to the microsecond.
type WordStore interface {
	// LoadWords returns the first words of a cluster, at most limit, whose keys are greater than after, in the order of their keys.
	// The zero key is less than all.
	LoadWords(ctx context.Context, cluster string, after WordKey, limit int) ([]Word, error)
	// PutWords stores all of the words or none; one that is not newer than the stored word under its key is left out. A key appears
	// at most once among them. A call whose answer was lost may be repeated.
	PutWords(ctx context.Context, cluster string, words []Word) error
}

// WordsConfig is a Words queue's.
type WordsConfig = QueueConfig[WordStore]

// Words writes words behind requests. Put never blocks; the newest word under a key replaces an older one that waits. All methods may
// be called concurrently.
type Words struct {
	*queue[WordStore, WordKey, Word]
}

// NewWords returns a queue that writes nothing before Run or Flush.
func NewWords(cfg WordsConfig) (*Words, error) {
	q, err := newQueue(cfg, "words to name servers", Word.Key,
		func(w Word) int { return len(w.Scope) + len(w.Name) + len(w.Value) + len(w.By) },
		func(ctx context.Context, words []Word) error { return cfg.Store.PutWords(ctx, cfg.Cluster, words) })
	if err != nil {
		return nil, err
	}
	return &Words{q}, nil
}

// Load reads what was written earlier, by any server, in the order of keys; words of kinds that this release does not know are left
// out. Call it before serving. It reads in pieces, each within the Timeout.
func (q *Words) Load(ctx context.Context) ([]Word, error) {
	var all []Word
	var after WordKey
	for {
		page, err := q.loadPage(ctx, after)
		if err != nil {
			return nil, fmt.Errorf("load words after %d: %w", len(all), err)
		}
		for _, w := range page {
			if w.Kind.Known() {
				all = append(all, w)
			}
		}
		if len(page) < q.cfg.Batch {
			return all, nil
		}
		after = page[len(page)-1].Key()
	}
}

func (q *Words) loadPage(ctx context.Context, after WordKey) ([]Word, error) {
	ctx, cancel := context.WithTimeout(ctx, q.cfg.Timeout)
	defer cancel()
	return q.cfg.Store.LoadWords(ctx, q.cfg.Cluster, after, q.cfg.Batch)
}

// Put records a word, unless a newer one waits under its key. By is cut to 1,000 bytes. What no database could hold is refused and counted
// as dropped: an unknown kind, scope and name of more than 2,000 bytes together, a value of more than 64 KiB, a counter beyond 63 bits.
func (q *Words) Put(w Word) {
	w.Scope, w.Name, w.Value, w.By = storable(w.Scope), storable(w.Name), storable(w.Value), cut(w.By)
	switch {
	case !w.Kind.Known():
		q.refuse("a word of an unknown kind")
	case len(w.Scope)+len(w.Name) > maxName:
		q.refuse("the key of a word is too long")
	case len(w.Value) > maxValue:
		q.refuse("the value of a word is too long")
	case w.Counter > math.MaxInt64:
		q.refuse("the version of a word is too great")
	default:
		q.put(w, w.Newer)
	}
}
