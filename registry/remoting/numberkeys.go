package remoting

import (
	"cmp"
	"slices"
	"strconv"
)

// Dialect is how maps with numbers for keys are written: the one place where what a name server sends may be no JSON.
type Dialect uint8

const (
	// Bare writes {0:"a"}, in the order of a Java HashMap. Go clients up to v2.1.1 split such a map at commas and colons and take
	// a quoted key for 0, so that all addresses of a broker fall together (rocketmq-client-go, internal/route.go).
	Bare Dialect = iota
	// Quoted writes {"0":"a"}, sorted by number.
	Quoted
)

func (d Dialect) appendKey(dst []byte, key int64) []byte {
	if d == Bare {
		return append(strconv.AppendInt(dst, key, 10), ':')
	}
	return append(strconv.AppendInt(append(dst, '"'), key, 10), '"', ':')
}

// order returns the entries in the dialect's order, in a slice of their own unless they are in it already.
func order[E any](d Dialect, entries []E, key func(E) int64) []E {
	rank := func(E) uint32 { return 0 }
	if d == Bare {
		rank = javaBuckets(len(entries), key)
	}
	compare := func(a, b E) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(key(a), key(b)))
	}
	if slices.IsSortedFunc(entries, compare) {
		return entries
	}
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, compare)
	return entries
}

// javaBuckets is the place of a Long key in a java.util.HashMap that grew to n entries. Those of one place follow each other as
// they came in; we sort them.
func javaBuckets[E any](n int, key func(E) int64) func(E) uint32 {
	size := uint32(16)
	for n > int(size)/4*3 {
		size *= 2
	}
	return func(e E) uint32 {
		k := uint64(key(e))
		h := uint32(k) ^ uint32(k>>32)
		return (h ^ h>>16) & (size - 1)
	}
}

// lastOfEach sorts entries by key and keeps the last of those that share one, as putting them into a map would.
func lastOfEach[E any](entries []E, key func(E) int64) []E {
	slices.SortStableFunc(entries, func(a, b E) int { return cmp.Compare(key(a), key(b)) })
	kept := entries[:0]
	for i, e := range entries {
		if i+1 == len(entries) || key(entries[i+1]) != key(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// numberKey reads a member's name as a number.
func (s *scanner) numberKey(name []byte) int64 {
	n, err := strconv.ParseInt(string(name), 10, 64)
	if err != nil {
		s.fail(name, "is not a whole number, as the keys of this map must be")
	}
	return n
}
