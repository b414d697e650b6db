package peerstore

import (
	"context"
	"time"
)

// arbitrate decides what to do after another incarnation claimed our address. Either that one is our own successor or a
// stranger who advertises our address by mistake, or we are that stranger: whoever answers at the address is right. The first claim
// back is made at once, later ones after a minute, two, four, so that two servers that both hear themselves do not play ping-pong.
func (h *Heartbeater) arbitrate(ctx context.Context, generation int) (time.Duration, bool) {
	if !h.promise(generation, probeTimeout) {
		return 0, false
	}
	self := h.Self()
	mine, theirs := false, Identity{}
	if h.cfg.Prober != nil {
		if id, err := probeOnce(ctx, h.cfg.Prober, self.BaseURL()); err == nil {
			mine, theirs = id.PeerID == self.ID, id
		}
	}
	duplicate := !mine && theirs.PeerID != ""
	var wait time.Duration
	ok := h.apply(generation, func() {
		now, l := h.cfg.Now(), &h.life
		pause := backoff(claimRetryMin, claimRetryMax, max(0, l.claims-1))
		allowed := l.claims == 0 || now.Sub(l.claimed) >= pause
		first := h.status.DuplicateURL != duplicate
		h.status.DuplicateURL = duplicate
		switch {
		case duplicate:
			l.claims++
			l.claimed = now // looking again is paced like claiming again
			wait = backoff(claimRetryMin, claimRetryMax, l.claims-1)
			l.outUntil = now.Add(wait)
			if first {
				h.cfg.Log.Error("another live server answers at our address; staying out", "peer", theirs.PeerID, "url", self.Addresses.Eureka)
			}
		case mine && allowed, !mine && l.claims > 0 && allowed:
			l.claims++
			l.claimed = now
			l.pending, l.tried, l.out = h.cfg.NewID(), false, ""
		case !mine && l.claims == 0: // nobody can tell: wait first
			l.claims, l.claimed = 1, now
			wait = claimRetryMin
			l.outUntil = now.Add(wait)
		default:
			wait = pause - now.Sub(l.claimed)
			l.outUntil = now.Add(wait)
		}
	})
	return wait, ok
}
