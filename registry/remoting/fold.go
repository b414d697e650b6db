package remoting

import "hash/maphash"

// folded collects entries of which the last of each name counts, as putting them into Java's map would: what a body repeats is kept
// once. A map of Go's would cost as much as reading the entries; this costs a few bytes and no allocation for each. The zero value is
// ready.
type folded[E any] struct {
	list  []E
	slots []int32 // 1 + an index into list, at or behind the place of the entry's hash; 0 for none
}

// foldSeed is drawn when the process starts, so that nobody can choose names that meet in one place.
var foldSeed = maphash.MakeSeed()

// put adds an entry, or replaces the one with its name.
func (f *folded[E]) put(e E, name func(*E) string) {
	if 2*len(f.list) >= len(f.slots) {
		f.slots = make([]int32, max(16, 4*len(f.list), 2*cap(f.list)))
		for i := range f.list {
			*f.slot(name(&f.list[i]), name) = int32(i + 1)
		}
	}
	f.list = append(f.list, e)
	last := len(f.list) - 1 // its name is read there: e would go to the heap
	slot := f.slot(name(&f.list[last]), name)
	if *slot != 0 {
		f.list[*slot-1] = f.list[last]
		f.list = f.list[:last]
		return
	}
	*slot = int32(len(f.list))
}

// slot is where the entry of a name is noted, or would be. At least half of the slots are free.
func (f *folded[E]) slot(text string, name func(*E) string) *int32 {
	at := maphash.String(foldSeed, text) % uint64(len(f.slots))
	for f.slots[at] != 0 && name(&f.list[f.slots[at]-1]) != text {
		if at++; at == uint64(len(f.slots)) {
			at = 0
		}
	}
	return &f.slots[at]
}

// reset forgets everything but the memory.
func (f *folded[E]) reset() {
	f.list = f.list[:0]
	clear(f.slots)
}

func topicName(t *TopicConfig) string     { return t.Name }
func mappedTopic(m *QueueMapping) string  { return m.Topic }
func mappedBroker(m *QueueMapping) string { return m.Broker }
