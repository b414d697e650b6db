package intent

import "container/list"

// backlog is what waits to be written: the newest word per instance, in the order in which instances first had to wait.
type backlog struct {
	order *list.List // of *entry
	byKey map[key]*list.Element
	next  uint64
}

type key struct{ app, id string }

// entry is a write and which one it is: while it is being written a newer word may take its place.
type entry struct {
	Write
	serial uint64
}

func newBacklog() *backlog { return &backlog{order: list.New(), byKey: make(map[key]*list.Element)} }

func (b *backlog) len() int { return b.order.Len() }

// put adds a write, or replaces the one that waits for the same instance and keeps its place.
func (b *backlog) put(w Write) {
	k, e := key{w.App, w.ID}, entry{Write: w, serial: b.next}
	b.next++
	if at, ok := b.byKey[k]; ok {
		at.Value = e
		return
	}
	b.byKey[k] = b.order.PushBack(e)
}

// peek returns up to n from the front and leaves them there.
func (b *backlog) peek(n int) []entry {
	var out []entry
	for at := b.order.Front(); at != nil && len(out) < n; at = at.Next() {
		out = append(out, at.Value.(entry))
	}
	return out
}

// take removes n from the front.
func (b *backlog) take(n int) {
	for range n {
		if at := b.order.Front(); at != nil {
			b.remove(at)
		}
	}
}

// written removes what was written, except where a newer word has come meanwhile.
func (b *backlog) written(batch []entry) {
	for _, e := range batch {
		at, ok := b.byKey[key{e.App, e.ID}]
		if ok && at.Value.(entry).serial == e.serial {
			b.remove(at)
		}
	}
}

func (b *backlog) remove(at *list.Element) {
	e := b.order.Remove(at).(entry)
	delete(b.byKey, key{e.App, e.ID})
}
