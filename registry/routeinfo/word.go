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
	MaxDeletion = 16 << 10 // value of a Deletion word
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
// counter holds, then the one with the greatest epoch.
type Word struct {
	Kind    WordKind
	Scope   string
	Name    string
	Value   string
	Deleted bool // taken back
	Counter uint64
	Epoch   int64  // of the server that accepted it
	By      string // whoever said it, for people
	At      time.Time
}

func (w Word) key() wordKey { return wordKey{w.Kind, w.Scope, w.Name} }

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
		return &RefusedError{fmt.Sprintf("unknown kind of word: %d", w.Kind)}
	case len(w.Scope)+len(w.Name) > MaxWordKey:
		return &RefusedError{fmt.Sprintf("the key has %d bytes; %d is the most", len(w.Scope)+len(w.Name), MaxWordKey)}
	case len(w.Value) > limit && w.Kind == Deletion:
		return &RefusedError{fmt.Sprintf("too many brokers have the topic for a deletion that holds: what is to be kept of them has %d bytes, %d is the most", len(w.Value), limit)}
	case len(w.Value) > limit:
		return &RefusedError{fmt.Sprintf("the value has %d bytes; %d is the most", len(w.Value), limit)}
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
}

func newWords() words {
	return words{
		all: make(map[wordKey]*wordEntry), kv: make(map[string]*namespace),
		wipes: make(map[string]*wordEntry), deletions: make(map[string]map[string]*deletion),
	}
}

func (w *words) wiped(broker string) bool { return w.wipes[broker] != nil }

// say accepts a new word over what was there.
func (t *Table) say(w Word, by string, now time.Time) error {
	w.By, w.At = by[:min(len(by), maxBy)], now
	w.Counter, w.Epoch = 1, t.epoch
	if known := t.words.all[w.key()]; known != nil {
		w.Counter = known.Counter + 1
	}
	if err := w.check(); err != nil {
		return err
	}
	if !t.makeRoom(w) {
		return &RefusedError{fmt.Sprintf("%d keys, wipes and deletions are kept; that is the most", t.limits.words)}
	}
	t.keep(w)
	return nil
}

// MergeWord takes a word from elsewhere: another server or the database. It says whether it was newer than what was here.
func (t *Table) MergeWord(w Word) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mergeWord(w)
}

func (t *Table) mergeWord(w Word) bool {
	known := t.words.all[w.key()]
	if known != nil && !w.newer(known.Word) {
		return false
	}
	if err := w.check(); err != nil || !t.makeRoom(w) {
		t.cfg.Log.Warn("word not kept", "kind", w.Kind, "scope", w.Scope, "name", w.Name, "err", err)
		return false
	}
	var lost Word
	if known != nil {
		lost = known.Word
	}
	t.keep(w)
	t.reconcile(lost, w)
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

// makeRoom says whether there is room for a word. When all places are taken, the oldest words that were taken back go, then
// the oldest deletions: their brokers have long registered something newer. Keys and wipes in force are never forgotten.
func (t *Table) makeRoom(w Word) bool {
	if t.words.all[w.key()] != nil || len(t.words.all) < t.limits.words {
		return true
	}
	var spent []*wordEntry
	for _, e := range t.words.all {
		if e.Deleted || e.Kind == Deletion {
			spent = append(spent, e)
		}
	}
	slices.SortFunc(spent, (*wordEntry).compareNeed)
	for _, e := range spent[:min(len(spent), wordsForgotten)] {
		t.forget(e)
	}
	return len(spent) > 0
}

// compareNeed orders words that may be forgotten, the same on all servers.
func (e *wordEntry) compareNeed(o *wordEntry) int {
	return cmp.Or(-cmp.Compare(count(e.Deleted), count(o.Deleted)), e.At.Compare(o.At), e.key().compare(o.key()))
}

func (t *Table) forget(e *wordEntry) {
	t.feed.remove(e.node)
	delete(t.words.all, e.key())
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
