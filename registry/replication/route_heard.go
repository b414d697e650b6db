package replication

import (
	"errors"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// answered notes that a call went well, whether a full copy ended with it, and whether it brought news without a digest.
func (p *puller) answered(copied, news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = nil
	p.agreement.news = p.agreement.news || news
	if copied && !p.copied {
		p.copied = true
		p.log.Info("routes of peer copied")
	}
}

// compared notes how the digests compare once the peer has told all its news.
func (p *puller) compared(theirs, mine uint64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.agreement.compare(mine, theirs, now) && !p.r.cfg.Faults.Trusting {
		p.recopy()
		p.log.Warn("routes of peer differ from ours, copying all of them", "for", p.agreement.differsFor(now))
	}
}

// unknown notes that the peer speaks of brokers that this server has lost meanwhile, as when the exchange was broken.
func (p *puller) unknown(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.agreement.again(now) {
		p.recopy()
		p.log.Info("routes of peer are not all known any more, copying all of them")
	}
}

// failed notes that a call was not answered as it should be. What the peer knows alone is not relied on from now on. If it was never
// copied, another one may know what it said.
func (p *puller) failed(err error) {
	p.setHeard(false)
	p.r.totals.Failures.Add(1)
	if p.broken(err) {
		p.log.Warn("not hearing routes of peer", "err", err)
		if !p.has() {
			p.r.relay()
		}
	}
}

// broken keeps the error and reports whether it is the first one.
func (p *puller) broken(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.agreement.shake()
	if p.copying || errors.Is(err, errWire) {
		p.anew = true // what the table has of half a copy does not count; and what cannot be read may be gone from another
	}
	first := p.err == nil
	p.err = err
	return first
}

// setHeard tells the table whether this peer's word is up to date.
func (p *puller) setHeard(heard bool) {
	p.mu.Lock()
	same := p.heard == heard
	now := p.r.cfg.Now()
	if !same {
		p.heard, p.since = heard, now
	}
	p.mu.Unlock()
	if same {
		return
	}
	p.r.cfg.Table.SetHeard(p.id, heard, now)
	if heard {
		p.log.Info("hearing routes of peer")
	}
}

// listed takes the peer as it is listed now.
func (p *puller) listed(peer peerstore.Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peer = peer
}

// fine reports whether the peer is asked and, as far as is known, answers.
func (p *puller) fine() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err == nil
}

// has reports whether all that the peer had at some time has arrived.
func (p *puller) has() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.copied
}

// deaf reports whether the peer has not been heard for so long that it is no passing trouble.
func (p *puller) deaf() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.heard && p.r.cfg.Now().Sub(p.since) >= p.r.cfg.Silence
}

// owes reports whether a full copy of this peer is still to be waited for: its name server is complete, and nothing says that it
// cannot be reached.
func (p *puller) owes() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	complete := p.peer.NamesrvPhase == peerstore.PhaseServing || p.peer.NamesrvPhase == peerstore.PhaseDraining
	return complete && !p.copied && (p.peer.Reachable || p.err == nil)
}

// copyAgain has the next question ask for everything.
func (p *puller) copyAgain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recopy()
}

// recopy is copyAgain under the lock.
func (p *puller) recopy() {
	if !p.anew {
		p.anew = true
		p.r.totals.Recopies.Add(1)
	}
}

// poke ends the wait after a failure: the peer has called us, so it is there.
func (p *puller) poke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return
	}
	select {
	case p.awake <- struct{}{}:
	default:
	}
}
