package intent

import "container/list"

// backlog is what waits to be written: the newest word per key, in the order in which keys first had to wait.
type backlog[K comparable, W any] struct {
	key   func(W) K
	order *list.List // of entry[W]
	byKey map[K]*list.Element
	next  uint64
}

// entry is a word and which one it is: while it is being written a newer one may take its place.
type entry[W any] struct {
	word   W
	serial uint64
}

func newBacklog[K comparable, W any](key func(W) K) *backlog[K, W] {
	return &backlog[K, W]{key: key, order: list.New(), byKey: make(map[K]*list.Element)}
}

func (b *backlog[K, W]) len() int { return b.order.Len() }

// waiting is the word that waits under the same key as w, if one does.
func (b *backlog[K, W]) waiting(w W) (W, bool) {
	if at, ok := b.byKey[b.key(w)]; ok {
		return at.Value.(entry[W]).word, true
	}
	var none W
	return none, false
}

// put adds a word, or replaces the one that waits under the same key and keeps its place.
func (b *backlog[K, W]) put(w W) {
	k, e := b.key(w), entry[W]{word: w, serial: b.next}
	b.next++
	if at, ok := b.byKey[k]; ok {
		at.Value = e
		return
	}
	b.byKey[k] = b.order.PushBack(e)
}

// peek returns up to n from the front, and no more than one beyond what weighs limit together, and leaves them there.
func (b *backlog[K, W]) peek(n, limit int, weight func(W) int) []entry[W] {
	var out []entry[W]
	for at := b.order.Front(); at != nil && len(out) < n && limit > 0; at = at.Next() {
		e := at.Value.(entry[W])
		out = append(out, e)
		limit -= weight(e.word)
	}
	return out
}

// drop removes the oldest.
func (b *backlog[K, W]) drop() {
	if at := b.order.Front(); at != nil {
		b.remove(at)
	}
}

// written removes what was written, except where a newer word has come meanwhile.
func (b *backlog[K, W]) written(batch []entry[W]) {
	for _, e := range batch {
		at, ok := b.byKey[b.key(e.word)]
		if ok && at.Value.(entry[W]).serial == e.serial {
			b.remove(at)
		}
	}
}

func (b *backlog[K, W]) remove(at *list.Element) {
	e := b.order.Remove(at).(entry[W])
	delete(b.byKey, b.key(e.word))
}
