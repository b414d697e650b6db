package peerstore

import "time"

// softFailures is how many probes in a row must go unanswered before a peer is unreachable. One refusal suffices.
const softFailures = 2

// A member is what one observer knows of one incarnation.
type member struct {
	row    Row  // as last read; a peer without a row has only its Peer
	hasRow bool // in the last accepted view
	fromDB bool // had a row once

	expired bool // its row was closed as silent; row.Phase is the one before

	listed  bool
	suspect bool
	reason  string

	silent time.Duration
	beat   time.Time // of the last heartbeat seen in its row; zero: none was
	moved  time.Time // when its row was last seen to move; for the unverified, when we last had word of it
	served time.Time // flapping: not served before

	// What probes and replication found.
	tried    time.Time // last probe begun
	answered time.Time // last right answer, or heard by replication
	identity Identity  // of the last right answer to a probe
	told     time.Time // when that identity came
	soft     int       // probes without an answer since
	hard     bool      // the last probe was refused or answered by somebody else
	problem  string    // of the last failed probe
	inFlight bool
	doubted  bool // replication asks for a probe at once
}

func (m *member) answer() answer {
	switch {
	case m.hard || m.soft >= softFailures:
		return answerNo
	case !m.answered.IsZero():
		return answerYes
	}
	return answerUnknown
}

func (m *member) reachable() bool { return m.answer() == answerYes }

// holds tells whether m keeps its address against another incarnation's living row: by a row that is not closed for silence; by
// answering there while it has no row; or by answering there as a newer one than a row that came back when a failover lost m's.
func (m *member) holds(heir Row) bool {
	switch {
	case !m.fromDB:
		return m.reachable()
	case m.hasRow:
		return !m.expired
	}
	return m.reachable() && heir.Epoch < m.row.Epoch
}

// registeredAgain tells whether heir is a row of the same process as r, which r was superseded by: its lease was lost, and it is there
// as before.
func (r Row) registeredAgain(heir Row) bool {
	return r.Phase == PhaseSuperseded && !r.StartedAt.IsZero() && r.StartedAt.Equal(heir.StartedAt) && r.Host == heir.Host
}

// inherit takes over that the incarnation before answered, until the first probe of m has spoken: a server that only registers
// again, since its row was lost, must not leave the lists of clients for a moment.
func (m *member) inherit(before *member) {
	if m.tried.IsZero() && m.answered.IsZero() && before.listed && before.reachable() {
		m.answered, m.identity.Phase, m.told = before.answered, before.identity.Phase, before.told
	}
}

// right notes a right answer of any kind.
func (m *member) right(now time.Time) {
	m.answered, m.soft, m.hard, m.problem, m.doubted = now, 0, false, "", false
	if !m.fromDB {
		m.moved = now
	}
}

// wrong notes a failed probe.
func (m *member) wrong(hard bool, problem string) {
	m.soft++
	m.hard = m.hard || hard
	m.problem, m.doubted = problem, false
}

// verdict is the judgement in words, for people. A peer that stays listed though it does not answer, for its lease or because the
// database is away, is called by what they want to know.
func (m *member) verdict() string {
	if m.listed && m.answer() == answerNo {
		return "unreachable"
	}
	return m.reason
}

// age is the time since its last heartbeat, 0 when none was seen.
func (m *member) age(now time.Time) time.Duration {
	if m.beat.IsZero() {
		return 0
	}
	return max(0, now.Sub(m.beat))
}

// phase is the word of the fresher witness: what its row says, or the identity that the peer itself told when its row had not moved for
// long. So a peer that drains while the database is away is known to drain. Nobody goes back to joining: a row that says so is
// only a little behind.
func (m *member) phase(written, told Phase, heartbeat time.Duration) Phase {
	switch {
	case told == "" || over(m.row.Phase):
		return written
	case m.told.After(m.moved.Add(2 * heartbeat)), written == PhaseJoining && told.Living():
		return told
	}
	return written
}

// probeGap is the least time between two probes of one peer, however often replication doubts it.
const probeGap = 250 * time.Millisecond

// decisive tells whether a probe of m now would decide something: it was never probed, replication lost it, or it is silent.
func (m *member) decisive(heartbeat, every time.Duration, now time.Time) bool {
	since := now.Sub(m.tried)
	switch {
	case m.inFlight || over(m.row.Phase):
		return false
	case m.tried.IsZero(), m.doubted && since >= probeGap:
		return true
	}
	return m.listed && m.silent >= 2*heartbeat && since >= every*9/10
}

// heard is when m was last tried or heard.
func (m *member) heard() time.Time {
	if m.answered.After(m.tried) {
		return m.answered
	}
	return m.tried
}

// rememberExpired is how long a peer whose row somebody closed as silent is still probed, in case it lives.
const rememberExpired = 10 * time.Minute

// forgettable tells whether an unlisted member need not be remembered.
func (m *member) forgettable(ttl time.Duration, now time.Time) bool {
	switch {
	case m.inFlight:
		return false
	case over(m.row.Phase):
		return true
	case !m.fromDB && !m.answered.IsZero(): // it may have a row that we cannot read: then it does not introduce itself again
		return now.Sub(m.moved) > rememberExpired
	case !m.hasRow:
		return now.Sub(m.moved) > ttl
	}
	return m.expired && now.Sub(m.moved) > rememberExpired
}

// peer is the member as others of our packages see it.
func (m *member) peer(heartbeat time.Duration) Peer {
	p := m.row.Peer
	p.Phase = m.phase(p.Phase, m.identity.Phase, heartbeat)
	p.NamesrvPhase = m.phase(p.NamesrvPhase, m.identity.NamesrvPhase, heartbeat)
	p.Unverified, p.Reachable, p.Suspect = !m.fromDB, m.reachable(), m.suspect
	return p
}
