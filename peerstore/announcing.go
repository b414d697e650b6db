package peerstore

import (
	"context"
	"slices"
	"sync"
	"time"
)

// announce introduces us to the peers we know for as long as we have no row: once per heartbeat, and at once to new ones.
func (l *List) announce(ctx context.Context) {
	ticker := time.NewTicker(l.cfg.Settings.Heartbeat)
	defer ticker.Stop()
	known := make(map[string]bool) // peers that we announced ourselves to
	next := 0
	for {
		changed := l.Changed()
		self := l.cfg.Self()
		for self.Epoch <= 0 && self.Phase.Living() && ctx.Err() == nil && l.hasNew(known) {
			next = l.announceRound(ctx, self, known, next)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			clear(known)
		case <-changed:
		}
	}
}

// hasNew tells whether a reachable peer is not known yet, so that announcing makes sense.
func (l *List) hasNew(known map[string]bool) bool {
	return l.ClusterUUID() != "" &&
		slices.ContainsFunc(l.Peers(), func(p Peer) bool { return p.Reachable && !known[p.ID] })
}

// announceRound announces us to at most maxProbes reachable peers that are not known yet, beginning with the one at index from, and
// returns where the next round begins.
func (l *List) announceRound(ctx context.Context, self Peer, known map[string]bool, from int) int {
	uuid, peers := l.ClusterUUID(), l.Peers()
	if uuid == "" || len(peers) == 0 {
		return 0
	}
	var calls sync.WaitGroup
	defer calls.Wait()
	for i, made := 0, 0; i < len(peers) && made < maxProbes; i++ {
		p := peers[from%len(peers)]
		from++
		if p.Reachable && !known[p.ID] {
			known[p.ID] = true
			made++
			calls.Go(func() { l.announceTo(ctx, p, Announcement{ClusterUUID: uuid, Peer: self}) })
		}
	}
	return from % len(peers)
}

func (l *List) announceTo(ctx context.Context, p Peer, a Announcement) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Settings.Deadline())
	defer cancel()
	answer, err := l.cfg.Announcer.Announce(ctx, p.BaseURL(), p.ID, a)
	if err != nil {
		l.cfg.Log.Debug("announce ourselves", "peer", p.ID, "err", err)
		return
	}
	l.update(func(r *roster, _ time.Time) { r.introduced(answer, p.ID, a.Peer) })
}

// introduced takes in the answer of the server with peer id from: addresses to ask, and more about itself, of which we had the
// identity only.
func (r *roster) introduced(answer AnnounceAnswer, from string, self Peer) {
	if answer.ClusterUUID != r.uuid {
		return
	}
	for _, p := range answer.Peers {
		if p.check() != nil || p.Cluster != r.cluster || p.ID == self.ID {
			continue
		}
		m, known := r.members[p.ID]
		switch {
		case !known && r.worthAsking(self, p.BaseURL()):
			r.suggest(p.BaseURL(), p)
		case known && !m.fromDB && p.ID == from:
			m.row.Peer = p
		}
	}
}
