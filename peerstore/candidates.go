package peerstore

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxCandidates and maxUnverified bound what disk, seeds and announcements can make us remember.
const (
	maxCandidates = 1024
	maxUnverified = 256
)

// A candidate is an address at which a peer may be, learnt from the disk, a seed, or another server's word. It becomes a member
// when it answers as a server of our cluster.
type candidate struct {
	base     string
	peer     Peer // as remembered; without an id when only the address is known
	tried    time.Time
	inFlight bool
}

// suggest adds an address to ask. p may be known in full or by its address only.
func (r *roster) suggest(base string, p Peer) {
	if base == "" || len(r.candidates) >= maxCandidates && r.candidates[base] == nil {
		return
	}
	r.remembered = true
	if _, known := r.candidates[base]; !known {
		r.candidates[base] = &candidate{base: base, peer: p}
	}
}

// confirm makes a member of the peer that answered at a candidate's address. It returns false when the answer is not from our
// cluster, or room is short.
func (r *roster) confirm(c *candidate, id Identity, now time.Time) bool {
	if !r.ours(id) || BaseURL(id.EurekaURL) == "" {
		return false
	}
	if r.uuid == "" {
		r.uuid = id.ClusterUUID // a seed's word, until the database says otherwise
	}
	m, known := r.members[id.PeerID]
	if !known {
		if r.unverified() >= maxUnverified {
			return false
		}
		p := c.peer // region, zone and version of the last time are still the best guess
		p.ID, p.Cluster, p.Epoch, p.Addresses.Eureka = id.PeerID, id.Cluster, id.Epoch, id.EurekaURL
		p.Phase, p.NamesrvPhase, p.Addresses.Namesrv = id.Phase, id.NamesrvPhase, id.Namesrv
		m = &member{row: Row{Peer: p}}
		r.members[id.PeerID] = m
	}
	m.identity, m.told, m.tried = id, now, now
	m.right(now)
	return true
}

// ours tells whether an identity is of our cluster, as far as we know its uuid.
func (r *roster) ours(id Identity) bool {
	return id.Cluster == r.cluster && id.ClusterUUID != "" && (r.uuid == "" || id.ClusterUUID == r.uuid)
}

func (r *roster) unverified() int {
	n := 0
	for _, m := range r.members {
		if !m.fromDB {
			n++
		}
	}
	return n
}

// settled tells whether the list rests on something: a read of the database, or every candidate asked at least once.
func (r *roster) settled(self Peer) bool {
	if !r.lastRead.IsZero() {
		return true
	}
	for c := range maps.Values(r.candidates) {
		if (c.tried.IsZero() || c.inFlight) && r.worthAsking(self, c.base) {
			return false
		}
	}
	return r.remembered
}

// candidatesToTry picks addresses whose last try is longest ago.
func (r *roster) candidatesToTry(self Peer, limit int, every time.Duration, now time.Time) []*candidate {
	var due []*candidate
	for c := range maps.Values(r.candidates) {
		if !c.inFlight && (c.tried.IsZero() || now.Sub(c.tried) >= every) && r.worthAsking(self, c.base) {
			due = append(due, c)
		}
	}
	slices.SortFunc(due, func(a, b *candidate) int {
		return cmp.Or(a.tried.Compare(b.tried), strings.Compare(a.base, b.base))
	})
	return due[:min(max(limit, 0), len(due))]
}

// worthAsking tells whether it is not known already who answers at this address.
func (r *roster) worthAsking(self Peer, base string) bool {
	if base == self.BaseURL() {
		return false
	}
	for _, m := range r.members {
		if m.reachable() && m.row.BaseURL() == base {
			return false
		}
	}
	return true
}
