package eureka

import "slices"

// Metadata is what a client says about itself: names and values, in the order in which they came. A key stands
// at most once. Upstream keeps a hash table, so the order means nothing to clients; keeping it makes our own
// texts stable.
type Metadata []MetadataEntry

// MetadataEntry is one name and its value.
type MetadataEntry struct{ Key, Value string }

// Get returns the value of key.
func (m Metadata) Get(key string) (string, bool) {
	for i := range m {
		if m[i].Key == key {
			return m[i].Value, true
		}
	}
	return "", false
}

// Set returns the metadata with key set to value: in its old place if the key was there, else at the end. Like
// append it may change m's entries in place; call Clone first where m is shared.
func (m Metadata) Set(key, value string) Metadata {
	for i := range m {
		if m[i].Key == key {
			m[i].Value = value
			return m
		}
	}
	return append(m, MetadataEntry{key, value})
}

// Clone returns a copy that shares nothing with m.
func (m Metadata) Clone() Metadata { return slices.Clone(m) }

// unique drops earlier entries of keys that come again: the last value wins, in the place of the first, as in the
// hash table upstream. Small lists are compared pairwise; long ones, which only a hostile body has, with a map.
func (m Metadata) unique() Metadata {
	if len(m) <= 16 {
		for i := 1; i < len(m); i++ {
			for j := range i {
				if m[j].Key == m[i].Key {
					return m.dedup()
				}
			}
		}
		return m
	}
	return m.dedup()
}

func (m Metadata) dedup() Metadata {
	place := make(map[string]int, len(m))
	kept := m[:0]
	for _, e := range m {
		if i, ok := place[e.Key]; ok {
			kept[i].Value = e.Value
			continue
		}
		place[e.Key] = len(kept)
		kept = append(kept, e)
	}
	return kept
}
