package routeinfo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Limits of words, in bytes and in number. What is beyond them is refused.
const (
	MaxWordKey  = 2_000    // scope and name together
	MaxKVValue  = 64 << 10 // of a KV word
	MaxDeletion = 24 << 10 // value of a Deletion word
	maxBy       = 256      // what is longer is cut

	wordsForgotten = 1_000 // at once, when there is no room
)

// WordKind is what an operator's word is about.
type WordKind uint8

// The kinds of words.
const (
	KV       WordKind = iota + 1 // Scope is the namespace, Name the key
	Wipe                         // Name is the broker name, in whatever cluster; its topics lose the write permission
	Deletion                     // Scope is the cluster, Name the topic; Value tells of which groups at which data versions
)

// Word is an operator's word: durable, and the same on all servers. For each kind, scope and name the one with the greatest
// counter holds, then the one with the greatest epoch. Deletions add up.
type Word struct {
	Kind    WordKind
	Scope   string
	Name    string
	Value   string
	Deleted bool   // taken back
	Counter uint64 // of a hybrid clock (Table.tick)
	Epoch   int64  // of the server that accepted it
	By      string // whoever said it, for people
	At      time.Time
}

func (w Word) key() wordKey { return wordKey{w.Kind, w.Scope, w.Name} }

// size is what counts towards MaxWordBytes.
func (w Word) size() int { return len(w.Scope) + len(w.Name) + len(w.Value) }

// newer is a total order, so that all servers keep the same of two words.
func (w Word) newer(o Word) bool {
	return cmp.Or(
		cmp.Compare(w.Counter, o.Counter),
		cmp.Compare(w.Epoch, o.Epoch),
		cmp.Compare(count(w.Deleted), count(o.Deleted)),
		cmp.Compare(w.Value, o.Value),
	) > 0
}

func (w Word) check() error {
	limit := MaxKVValue
	if w.Kind == Deletion {
		limit = MaxDeletion
	}
	switch {
	case w.Kind < KV || w.Kind > Deletion:
		return &RefusedError{Remark: fmt.Sprintf("unknown kind of word: %d", w.Kind)}
	case len(w.Scope)+len(w.Name) > MaxWordKey:
		return &RefusedError{Remark: fmt.Sprintf("the key has %d bytes; %d is the most", len(w.Scope)+len(w.Name), MaxWordKey)}
	case len(w.Value) > limit && w.Kind == Deletion:
		return &RefusedError{Remark: fmt.Sprintf("too many brokers have the topic for a deletion that holds: what is to be kept of them has %d bytes, %d is the most", len(w.Value), limit)}
	case len(w.Value) > limit:
		return &RefusedError{Remark: fmt.Sprintf("the value has %d bytes; %d is the most", len(w.Value), limit)}
	}
	return nil
}

type wordKey struct {
	kind        WordKind
	scope, name string
}

func (k wordKey) compare(o wordKey) int {
	return cmp.Or(cmp.Compare(k.kind, o.kind), cmp.Compare(k.scope, o.scope), cmp.Compare(k.name, o.name))
}

type wordEntry struct {
	Word
	node *node // in the feed
}

// words keeps all words and, apart, what holds of them.
type words struct {
	all       map[wordKey]*wordEntry
	kv        map[string]*namespace
	wipes     map[string]*wordEntry           // by broker name, those in force
	deletions map[string]map[string]*deletion // by topic and cluster, those in force
	bytes     int                             // of all
	read      bool                            // those that were stored are here
}

func newWords() words {
	return words{
		all: make(map[wordKey]*wordEntry), kv: make(map[string]*namespace),
		wipes: make(map[string]*wordEntry), deletions: make(map[string]map[string]*deletion),
	}
}

func (w *words) wiped(broker string) bool { return w.wipes[broker] != nil }

// WordsRead says that what was stored of earlier words has been merged, or that nothing is stored anywhere. Until then the
// table does not know what it might be told to take back, and says so of keys and wipes that it has not heard of.
func (t *Table) WordsRead() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.words.read = true
}

// tick is the counter of a new word. It goes by the clock, so that a word said before the stored ones were read, or after
// its predecessor was forgotten, is newer than them all the same; and it is greater than what is known, so that a clock that
// is behind never makes a word lose that was said with knowledge of the other.
func (t *Table) tick(k wordKey, now time.Time) uint64 {
	next := uint64(max(now.UnixMicro(), 1))
	if known := t.words.all[k]; known != nil {
		next = max(next, known.Counter+1)
	}
	return next
}

// say accepts new words over what was there: all of them or, with a *RefusedError, none.
func (t *Table) say(by string, now time.Time, said ...Word) error {
	for i := range said {
		w := &said[i]
		w.By, w.At = by[:min(len(by), maxBy)], now
		w.Counter, w.Epoch = t.tick(w.key(), now), t.epoch
		if err := w.check(); err != nil {
			return err
		}
	}
	if err := t.makeRoom(said...); err != nil {
		return err
	}
	for _, w := range said {
		t.keep(w)
	}
	return nil
}

// MergeWord takes a word from elsewhere: another server or the database. It says whether it was newer than what was here.
func (t *Table) MergeWord(w Word) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mergeWord(w)
}

func (t *Table) mergeWord(w Word) bool {
	if w.Kind == KV {
		t.words.kv[w.Scope].confirm()
	}
	var known Word
	if e := t.words.all[w.key()]; e != nil {
		known = e.Word
		if !w.newer(known) {
			t.reconcile(w, known)
			return false
		}
	}
	err := w.check()
	if err == nil {
		err = t.makeRoom(w)
	}
	if err != nil {
		t.cfg.Log.Warn("word not kept", "kind", w.Kind, "scope", w.Scope, "name", w.Name, "err", err)
		return false
	}
	t.keep(w)
	t.reconcile(known, w)
	return true
}

// Words are all words, those taken back too, by kind, scope and name.
func (t *Table) Words() []Word {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]Word, 0, len(t.words.all))
	for _, k := range slices.SortedFunc(maps.Keys(t.words.all), wordKey.compare) {
		all = append(all, t.words.all[k].Word)
	}
	return all
}

// keep puts a word in force.
func (t *Table) keep(w Word) {
	e := t.words.all[w.key()]
	if e == nil {
		e = &wordEntry{}
		t.words.all[w.key()] = e
	}
	t.digest.words += w.digest() - e.digest()
	t.words.bytes += w.size() - e.size()
	e.Word = w
	switch w.Kind {
	case KV:
		t.keepKV(e)
	case Wipe:
		t.keepWipe(e)
	case Deletion:
		t.keepDeletion(w)
	}
	t.version++
	e.node = t.feed.word(e)
	t.cfg.OnWord(w)
}

// makeRoom makes room for words. When all of it is taken, the oldest words that were taken back go, then the oldest
// deletions: their brokers have long registered something newer. Keys and wipes in force are never forgotten. The error is a
// *RefusedError; then nothing was forgotten.
func (t *Table) makeRoom(more ...Word) error {
	number, bytes := len(t.words.all)-t.limits.words, t.words.bytes-t.limits.wordBytes // too many
	keys := make(map[wordKey]bool, len(more))
	for _, w := range more {
		keys[w.key()] = true
		bytes += w.size()
		if known := t.words.all[w.key()]; known != nil {
			bytes -= known.size()
		} else {
			number++
		}
	}
	if number <= 0 && bytes <= 0 {
		return nil
	}
	var spent []*wordEntry
	spentBytes := 0
	for k, e := range t.words.all {
		if (e.Deleted || e.Kind == Deletion) && !keys[k] {
			spent = append(spent, e)
			spentBytes += e.size()
		}
	}
	switch {
	case number > len(spent):
		return &RefusedError{Remark: fmt.Sprintf("%d keys, wipes and deletions are kept; that is the most", t.limits.words)}
	case bytes > spentBytes:
		return &RefusedError{Remark: fmt.Sprintf("keys, wipes and deletions of %d bytes together are kept; that is the most", t.limits.wordBytes)}
	}
	slices.SortFunc(spent, (*wordEntry).compareNeed)
	for i, e := range spent {
		if i >= max(number, wordsForgotten) && bytes <= 0 {
			break
		}
		bytes -= e.size()
		t.forget(e)
	}
	return nil
}

// compareNeed orders words that may be forgotten, the same on all servers.
func (e *wordEntry) compareNeed(o *wordEntry) int {
	return cmp.Or(-cmp.Compare(count(e.Deleted), count(o.Deleted)), e.At.Compare(o.At), e.key().compare(o.key()))
}

func (t *Table) forget(e *wordEntry) {
	t.feed.remove(e.node)
	delete(t.words.all, e.key())
	t.words.bytes -= e.size()
	t.digest.words -= e.digest()
	switch e.Kind {
	case KV:
		t.forgetKV(e)
	case Deletion:
		t.reread(e.Scope)
		t.liftDeletion(e.Scope, e.Name)
	}
	t.version++
}
