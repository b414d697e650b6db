package peerstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxProbes is how many probes run at a time, and how many idle peers are probed in one interval: the cost of probing does not
// grow with the cluster.
const maxProbes = 10

// A target is one probe to make.
type target struct {
	base      string
	id        string // of a member; empty for a candidate
	early     bool   // the member's first probe
	candidate *candidate
}

// probe asks peers who they are: every idle peer in turn, the doubtful at once.
func (l *List) probe(ctx context.Context) {
	every := l.cfg.Settings.Poll
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var probes sync.WaitGroup
	defer probes.Wait()
	slots := make(chan struct{}, maxProbes)
	for round := true; ; {
		if round {
			l.update(nil) // what follows from mere time, and from changes of ourselves
		}
		self := l.cfg.Self()
		l.mu.Lock()
		targets := l.roster.targets(self, round, every, maxProbes-len(slots), l.cfg.Now())
		var again <-chan time.Time
		if l.roster.doubts() {
			again = time.After(probeGap)
		}
		l.mu.Unlock()
		for _, t := range targets {
			slots <- struct{}{}
			probes.Go(func() {
				l.probeTarget(ctx, t)
				<-slots
				poke(l.probeNow) // somebody may wait for the slot
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			round = true
		case <-l.probeNow:
			round = false
		case <-again:
			round = false
		}
	}
}

// probeTarget probes once, and at once again when nobody answered. A first probe that finds the incarnation before is repeated
// a little later: the row of a new one is visible before the server has heard that it was written.
func (l *List) probeTarget(ctx context.Context, t target) {
	var id Identity
	var err error
	for range softFailures {
		id, err = probeOnce(ctx, l.cfg.Prober, t.base)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !IsRefused(err):
			l.update(func(r *roster, _ time.Time) { r.unanswered(t.id, err) })
			continue
		case err == nil && t.early && id.PeerID != t.id:
			select {
			case <-ctx.Done():
				return
			case <-time.After(probeGap):
			}
			continue
		}
		break
	}
	l.mu.Lock()
	changed, news := l.roster.probed(t, id, err, l.cfg.Now())
	l.mu.Unlock()
	if changed { // usually it is not: a peer that answered answers again
		l.update(nil)
	}
	if news {
		poke(l.readNow)
	}
}

// unanswered takes in one probe without an answer.
func (r *roster) unanswered(id string, err error) {
	if m, known := r.members[id]; known {
		m.wrong(false, err.Error())
	}
}

// probed takes in the end of a probe; silence was taken in already. It reports whether verdicts may change, and whether the
// answer shows that the database knows more than we do: another incarnation of our cluster answered.
func (r *roster) probed(t target, answered Identity, err error, now time.Time) (changed, news bool) {
	if t.candidate != nil {
		t.candidate.inFlight = false
		if err != nil || !r.confirm(t.candidate, answered, now) {
			return false, false
		}
		delete(r.candidates, t.base)
		return true, false
	}
	m, known := r.members[t.id]
	if !known {
		return false, false
	}
	before, told := m.answer(), m.identity
	m.inFlight = false
	sameCluster := answered.Cluster == r.cluster && (answered.ClusterUUID == "" || r.uuid == "" || answered.ClusterUUID == r.uuid)
	switch {
	case IsRefused(err):
		m.wrong(true, err.Error())
	case err != nil:
	case sameCluster && answered.PeerID == t.id:
		m.identity, m.told = answered, now
		if !m.fromDB {
			m.row.Phase, m.row.NamesrvPhase, m.row.Epoch = answered.Phase, answered.NamesrvPhase, answered.Epoch
			m.row.Addresses.Namesrv = answered.Namesrv
		}
		m.right(now)
	default:
		// A newer incarnation of the same server may have registered a moment ago: the rows, which are read at once, will say so
		// without a gap in the list. If they do not, the next probe is the last.
		m.wrong(!sameCluster, "peer "+answered.PeerID+" of cluster "+answered.Cluster+" answers at its address")
		news = sameCluster
	}
	return m.answer() != before || m.identity != told || !m.listed, news
}

// targets picks what to probe now, at most limit, and marks it. Members whose probe decides something come first; in a regular
// round follow those that were not heard for longest, listed ones before the others.
func (r *roster) targets(self Peer, round bool, every time.Duration, limit int, now time.Time) []target {
	type ranked struct {
		id   string
		rank int
		at   time.Time
	}
	var due []ranked
	heartbeat := r.scaled().Heartbeat
	for id, m := range r.members {
		switch {
		case m.inFlight || over(m.row.Phase) || r.isSelf(self, m):
		case m.decisive(heartbeat, every, now):
			due = append(due, ranked{id, 0, m.tried})
		// Whoever was heard just before a round may leave just after it: with the next round he must be gone within 3 s.
		case !round || now.Sub(m.heard()) < every/4:
		case m.listed:
			due = append(due, ranked{id, 1, m.heard()})
		default:
			due = append(due, ranked{id, 2, m.heard()})
		}
	}
	slices.SortFunc(due, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.at.Compare(b.at), strings.Compare(a.id, b.id))
	})
	due = due[:min(max(limit, 0), len(due))]
	targets := make([]target, 0, limit)
	for _, d := range due {
		m := r.members[d.id]
		targets = append(targets, target{base: m.row.BaseURL(), id: d.id, early: m.tried.IsZero()})
		m.inFlight, m.tried, m.doubted = true, now, false
	}
	for _, c := range r.candidatesToTry(self, limit-len(targets), every, now) {
		c.inFlight, c.tried = true, now
		targets = append(targets, target{base: c.base, candidate: c})
	}
	return targets
}

// wantsProbe tells whether targets would find something even outside a regular round.
func (r *roster) wantsProbe(self Peer, every time.Duration, now time.Time) bool {
	heartbeat := r.scaled().Heartbeat
	for _, m := range r.members {
		if !r.isSelf(self, m) && m.decisive(heartbeat, every, now) {
			return true
		}
	}
	return len(r.candidatesToTry(self, 1, every, now)) > 0
}

// doubts tells whether somebody is doubted who was probed only just before.
func (r *roster) doubts() bool {
	for _, m := range r.members {
		if m.doubted && !m.inFlight && !over(m.row.Phase) {
			return true
		}
	}
	return false
}

// isSelf tells whether m is ourselves, under this id or an earlier one.
func (r *roster) isSelf(self Peer, m *member) bool {
	return m.row.ID == self.ID || m.row.Addresses.Eureka == self.Addresses.Eureka
}
