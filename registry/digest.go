package registry

// Two servers compare what they hold by a number. It is the sum of one hash per leased instance, so it does not depend on
// the order of changes, and each change costs two hashes. In it: id, version, status and override, what clients can tell
// apart; not the lease, which differs from server to server by the travel of renewals, and not our own servers.

// Digest is the same number on two servers if they hold the same instances.
func (r *Registry) Digest() uint64 {
	_, total := r.apps.counts()
	return total.digest
}

// DigestByApp is Digest for each application, to find out where two servers differ.
func (r *Registry) DigestByApp() map[string]uint64 {
	r.apps.mu.RLock()
	defer r.apps.mu.RUnlock()
	byApp := make(map[string]uint64, len(r.apps.byName))
	for name, app := range r.apps.byName {
		byApp[name] = app.digest
	}
	return byApp
}

// hashOf must be the same on every server and in every release that speaks the same protocol.
func hashOf(rec *record) uint64 {
	h := hash(offset).text(rec.App).text(rec.ID)
	v := rec.version
	h = h.number(uint64(v.Stamp)).number(uint64(v.Counter)).flag(v.Registered).number(uint64(v.Epoch))
	o := rec.override
	h = h.number(o.Counter).flag(o.Ended).number(uint64(o.Epoch)).number(uint64(o.Status))
	// What the override makes of the status, also where its application is pending.
	h = h.number(uint64(decide(rec.said, o)))
	return h.finish()
}

// hash is FNV-1a by words, with a last step that spreads the bits: sums of hashes must not cancel out.
type hash uint64

const (
	offset = 14695981039346656037
	prime  = 1099511628211
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

func (h hash) flag(b bool) hash {
	if b {
		return h.number(1)
	}
	return h.number(0)
}

func (h hash) finish() uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return uint64(h ^ h>>33)
}
