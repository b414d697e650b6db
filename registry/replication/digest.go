package replication

import (
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// comparing is how far a comparison with a peer has come.
type comparing uint8

const (
	notComparing comparing = iota
	waitingTurn            // for the full copy: another peer is being copied
	copyingAll             // asked for everything
	comparingApps
	comparingIndex
	copyingSome // asked for the instances that differ
)

const (
	// maxCompared bounds the applications and instances that one comparison may find to differ; beyond, everything is copied.
	maxCompared = 1 << 17
	// A comparison of which nothing came for that long is begun anew.
	comparisonTime = time.Minute
	// While digests differ and no comparison is under way, another digest is asked for: at once, then after waits between these,
	// each twice the one before.
	firstRecheck = 3 * time.Second
	lastRecheck  = 30 * time.Second
)

// A comparison finds out what differs from a peer whose digest differs, in steps that each narrow it down: the digests of the
// applications, then the versions of all instances in those that differ, then the instances. Each server fetches what is
// newer at the other, so two comparisons, one in each direction, make both equal. A server that lacks most asks for everything.
type comparison struct {
	state  comparing
	round  uint64
	moved  time.Time         // when it began, or the last piece came
	own    map[string]uint64 // digests here, less those of applications that were equal or are in differ
	differ []string
	keys   []registry.Key
	begun  bool // in this very call: one call begins one comparison at most

	equal   bool      // the last digest was
	differs time.Time // since when it was not; zero while it is
	recheck time.Time // when to ask for another one
	wait    time.Duration
}

// compare takes a digest.
func (v *receiver) compare(s *session, d digest) {
	c, now := &s.comparison, v.cfg.Now()
	if c.equal = v.reg.Digest() == d.Sum; c.equal {
		c.differs = time.Time{}
		v.finish(s)
		return
	}
	if c.differs.IsZero() {
		c.differs, c.recheck, c.wait = now, now, 0
	}
	if c.begun || c.state != notComparing && c.state != waitingTurn && now.Sub(c.moved) < comparisonTime {
		return // under way
	}
	c.begin(notComparing, now)
	c.begun = true
	if d.Instances > 2*uint64(v.reg.Stats().Instances) { // most of it is missing here
		v.wantAll(s)
		return
	}
	c.state, c.own = comparingApps, v.reg.DigestByApp()
	s.replies.asks = append(s.replies.asks, want{Kind: wantApps, Round: c.round, Last: true})
}

// begin starts the next round in a state.
func (c *comparison) begin(state comparing, now time.Time) {
	c.state, c.round, c.moved = state, c.round+1, now
	c.own, c.differ, c.keys = nil, nil, nil
}

// wantAll asks for everything when it is this session's turn: a joiner copies from one peer and then compares with the others,
// rather than copying the same from all.
func (v *receiver) wantAll(s *session) {
	c := &s.comparison
	if !v.takeTurn(s) {
		c.state = waitingTurn
		return
	}
	c.begin(copyingAll, v.cfg.Now())
	s.replies.asks = append(s.replies.asks, want{Kind: wantAll, Round: c.round, Last: true})
}

// applyApps takes a piece of the digests of applications.
func (v *receiver) applyApps(s *session, payload string) error {
	c := &s.comparison
	round, last, err := decodeApps(payload, func(app string, sum uint64) {
		if c.state != comparingApps || len(c.differ) > maxCompared {
			return
		}
		if own, ok := c.own[app]; !ok || own != sum {
			c.differ = append(c.differ, strings.Clone(app))
		}
		delete(c.own, app)
	})
	if err != nil || c.state != comparingApps || round != c.round {
		return err
	}
	if len(c.differ) > maxCompared {
		v.wantAll(s)
		return nil
	}
	if !last {
		return nil
	}
	for app := range c.own { // nothing of it is visible there: perhaps it was cancelled
		c.differ = append(c.differ, app)
	}
	if len(c.differ) == 0 {
		v.finish(s)
		return nil
	}
	c.own, c.state = nil, comparingIndex
	for apps := c.differ; len(apps) > 0; {
		n := 0
		for size := 0; n < len(apps) && size < softBody/4; n++ {
			size += len(apps[n]) + 2
		}
		s.replies.asks = append(s.replies.asks, want{Kind: wantIndex, Round: c.round, Last: n == len(apps), Apps: apps[:n]})
		apps = apps[n:]
	}
	c.differ = nil
	return nil
}

// applyIndex takes a piece of the index of the applications that differ.
func (v *receiver) applyIndex(s *session, payload string) error {
	c := &s.comparison
	round, last, err := decodeIndex(payload, func(x indexed) {
		if c.state != comparingIndex || len(c.keys) > maxCompared {
			return
		}
		own, _ := v.reg.Entry(x.Key)
		x.Override.Status = own.Override.Status // an index has none
		switch newer := x.Version.Compare(own.Version); {
		case newer > 0, x.Override.Compare(own.Override) > 0:
			c.keys = append(c.keys, ownKey(x.Key.App, x.Key.ID))
		case newer < 0:
			s.replies.newer.add(ownKey(x.Key.App, x.Key.ID))
		}
	})
	switch {
	case err != nil || c.state != comparingIndex || round != c.round || !last:
		return err
	case len(c.keys) > maxCompared:
		v.wantAll(s)
	case len(c.keys) == 0:
		v.finish(s)
	default:
		s.replies.copyRound, s.replies.copyKeys = c.round, c.keys
		c.state, c.keys = copyingSome, nil
	}
	return nil
}

// copied takes the end of a copy.
func (v *receiver) copied(s *session, round uint64) {
	c := &s.comparison
	if round != c.round || c.state != copyingAll && c.state != copyingSome {
		return
	}
	v.finish(s)
}

// finish ends a comparison: this server has all that the peer had when the stream opened.
func (v *receiver) finish(s *session) {
	s.applied = true
	s.comparison.begin(notComparing, time.Time{})
	v.leaveTurn(s)
}

// again reports whether it is time to ask for another digest.
func (c *comparison) again(now time.Time) bool {
	if c.equal || c.differs.IsZero() || c.state != notComparing || now.Before(c.recheck) {
		return false
	}
	c.wait = min(max(2*c.wait, firstRecheck), lastRecheck)
	c.recheck = now.Add(c.wait)
	return true
}

// checkSoon is told when a peer has copied us: if its digests differed, they will no longer.
func (v *receiver) checkSoon(peerID string) {
	v.mu.Lock()
	s := v.sessions[peerID]
	v.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.comparison.recheck, s.comparison.wait = time.Time{}, 0
}

// A turn belongs to the session that copies everything.
type turn struct {
	holder *session
	since  time.Time // of its last call
}

// takeTurn gives the turn to a session, unless another one holds it and is not silent.
func (v *receiver) takeTurn(s *session) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.cfg.Now()
	if v.turn.holder != nil && v.turn.holder != s && now.Sub(v.turn.since) <= v.cfg.Keepalive {
		return false
	}
	v.turn = turn{s, now}
	return true
}

func (v *receiver) leaveTurn(s *session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.turn.holder == s {
		v.turn = turn{}
	}
}

// keepTurn is called at each call of a session: the holder shows that it lives, and one that waits looks whether it may compare
// again, with a fresh digest.
func (v *receiver) keepTurn(s *session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.cfg.Now()
	switch {
	case v.turn.holder == s:
		v.turn.since = now
	case s.comparison.state == waitingTurn && (v.turn.holder == nil || now.Sub(v.turn.since) > v.cfg.Keepalive):
		s.comparison.state = notComparing
		s.replies.asks = append(s.replies.asks, want{Kind: wantDigest, Last: true})
	}
}
