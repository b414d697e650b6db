package routeinfo

// hash is FNV-1a by words, with a last step that spreads the bits: sums of hashes must not cancel out. It must be the same
// on every server.
type hash uint64

const (
	offset hash = 14695981039346656037
	prime  hash = 1099511628211
)

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = (h ^ hash(s[i])) * prime
	}
	return h.number(uint64(len(s)))
}

func (h hash) number(n uint64) hash {
	h = (h ^ hash(n)) * prime
	return h ^ h>>32
}

func (h hash) flag(b bool) hash { return h.number(uint64(count(b))) }

func (h hash) finish() uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return uint64(h ^ h>>33)
}
