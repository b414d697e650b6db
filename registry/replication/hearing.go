package replication

import (
	"slices"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// hearing knows which listed servers this one hears, and up to when: what an eviction may rest on. It implements registry.Hearing.
// Its lock is never held while the registry is called, because the registry asks under locks of its own.
type hearing struct {
	now       func() time.Time
	keepalive time.Duration
	silence   time.Duration
	lease     time.Duration
	vouch     *vouching

	mu        sync.Mutex
	known     bool              // the list has been read at least once
	listed    []string          // peer ids
	heard     map[string]*heard // by peer id
	absent    map[string]time.Time
	everBegan bool // somebody was listed at some time
	copies    int  // peers copied since the start
}

// heard is what came in on the newest stream of one peer.
type heard struct {
	stream  uint64
	applied bool      // all that it had when the stream opened is here
	last    time.Time // last call that was accepted
	through time.Time // every renewal that it heard up to then is here; zero: nothing is known
}

var _ registry.Hearing = (*hearing)(nil)

func newHearing(c Config) *hearing {
	return &hearing{
		now: c.Now, keepalive: c.Keepalive, silence: c.Silence, lease: c.Lease,
		heard: make(map[string]*heard), absent: make(map[string]time.Time),
	}
}

// opened notes a new stream of a peer. What was heard of it before no longer counts: its renewals since may be lost.
func (h *hearing) opened(id string, stream uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[id] = &heard{stream: stream, last: h.now()}
}

// accepted notes one call of a stream. Through is zero if the call did not move it.
func (h *hearing) accepted(id string, stream uint64, applied bool, through time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.heard[id]
	if x == nil || x.stream != stream {
		return // dropped meanwhile
	}
	if applied && !x.applied {
		x.applied = true
		h.copies++
	}
	x.last = h.now()
	if through.After(x.through) {
		x.through = through
	}
}

// dropped forgets every stream, as after a pause of this process. What a pause adds to leases it adds to absences too.
func (h *hearing) dropped(gap time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.heard)
	for id, until := range h.absent {
		h.absent[id] = until.Add(gap)
	}
}

// list takes the listed peers. One that leaves the list unheard may have heard renewals that nobody copied here, so it counts as
// unheard for one more lease: by then its clients have renewed elsewhere. Frames are due every keepalive, so the silence is
// counted from the first one that is missing.
func (h *hearing) list(peers []peerstore.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	ids := make([]string, 0, len(peers))
	for _, p := range peers {
		ids = append(ids, p.ID)
		delete(h.absent, p.ID)
	}
	for _, id := range h.listed {
		if slices.Contains(ids, id) {
			continue
		}
		if x := h.heard[id]; x == nil || !x.applied || now.Sub(x.last) > h.silence+h.keepalive {
			h.absent[id] = now.Add(h.lease)
		}
	}
	for id, x := range h.heard {
		if !slices.Contains(ids, id) && now.Sub(x.last) > 10*h.silence {
			delete(h.heard, id)
		}
	}
	h.listed, h.known = ids, true
	h.everBegan = h.everBegan || len(ids) > 0
}

// hears reports whether a peer's stream is open, its snapshot here, and its last frame young enough.
func (h *hearing) hearsLocked(id string, now time.Time) bool {
	x := h.heard[id]
	return x != nil && x.applied && now.Sub(x.last) <= h.silence
}

func (h *hearing) coversLocked(id string, now, t time.Time) bool {
	return h.hearsLocked(id, now) && !h.heard[id].through.Before(t)
}

func (h *hearing) deafLocked(now time.Time) bool {
	for id, until := range h.absent {
		if now.Before(until) {
			return true
		}
		delete(h.absent, id)
	}
	return !h.known
}

// Covered implements registry.Hearing.
func (h *hearing) Covered(t time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if h.deafLocked(now) {
		return false
	}
	for _, id := range h.listed {
		if !h.coversLocked(id, now, t) {
			return false
		}
	}
	return true
}

// Vouched implements registry.Hearing.
func (h *hearing) Vouched(k registry.Key, v registry.Version, end time.Time) bool {
	missing, ok := h.missing(end)
	return ok && h.vouch.vouched(k, v, end, missing)
}

// missing lists the servers whose renewals up to t have not all come. It is not ok if a departed one is among them: for that one
// nobody can vouch.
func (h *hearing) missing(t time.Time) (ids []string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if h.deafLocked(now) {
		return nil, false
	}
	for _, id := range h.listed {
		if !h.coversLocked(id, now, t) {
			ids = append(ids, id)
		}
	}
	return ids, true
}

// Unreachable implements registry.Hearing.
func (h *hearing) Unreachable() (missing, listed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	for _, id := range h.listed {
		if !h.hearsLocked(id, now) {
			missing++
		}
	}
	return missing, len(h.listed)
}

// synced: every listed server is heard, and if ever one was listed, one was copied. Else the one that was being copied has left
// in the middle of it.
func (h *hearing) synced() bool {
	missing, _ := h.Unreachable()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known && missing == 0 && (!h.everBegan || h.copies > 0)
}

// witness says how long ago everything that a peer had heard had reached this server; negative if it is not heard. A peer that is
// heard but whose stream has proved nothing yet counts as not heard.
func (h *hearing) witness(id string) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if !h.hearsLocked(id, now) || h.heard[id].through.IsZero() {
		return -1
	}
	return now.Sub(h.heard[id].through)
}

// hearsNow lists the listed peers that are heard.
func (h *hearing) hearsNow() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	var ids []string
	for _, id := range h.listed {
		if h.hearsLocked(id, now) {
			ids = append(ids, id)
		}
	}
	return ids
}
