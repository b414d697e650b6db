package peerstore

import "time"

// This file is the heart: who counts as a peer. It has no clock, no lock and no loop; the table test beside it is the rule book.

// An answer is what the last probes of a peer found.
type answer uint8

const (
	answerUnknown answer = iota // not probed yet
	answerYes                   // the right identity answered, or replication heard it
	answerNo                    // refused, answered as somebody else, or silent twice
)

// evidence is everything that the verdict on one peer rests on.
type evidence struct {
	Phase Phase
	// Live is the database's word, by its own clock, grace included. It is false for a row that is missing or expired: a lost
	// row is not a goodbye (R4), and expiry is tidiness.
	Live bool
	// Silent is how long we have observed that the row did not move; time in which we did not read does not count.
	Silent time.Duration
	TTL    time.Duration
	// Moved is when it moved last, WritesSeen when any row did: a database that takes nobody's writes is no witness.
	Moved, WritesSeen time.Time
	// Unverified peers have no row; their silence counts from their last word to us.
	Unverified bool
	// Replaced says that another incarnation answers at its address.
	Replaced bool
	Answer   answer
	// Listed is the verdict so far, Held whether a guard forbids removals now.
	Listed, Held bool
}

// verdict is what follows.
type verdict struct {
	Listed  bool
	Suspect bool // listed, but its lease is silent
	Expired bool // removed just now for its silence
	Reason  string
}

// judge decides whether a peer is in the list.
func judge(e evidence) verdict {
	switch {
	case over(e.Phase): // R1: an explicit word is a fact
		return verdict{Reason: string(e.Phase)}
	case e.Replaced:
		return verdict{Reason: "another incarnation answers at its address"}
	case !e.suspect():
		if e.Listed || (e.Live && e.Silent < e.TTL) {
			return verdict{Listed: true, Reason: "live"}
		}
		if e.Answer == answerYes {
			return verdict{Listed: true, Suspect: !e.Unverified, Reason: "answers, but its lease is silent"}
		}
		return verdict{Reason: "silent"}
	case e.Answer == answerYes:
		return verdict{Listed: true, Suspect: true, Reason: "answers, but its lease is silent"}
	case !e.Listed:
		return verdict{Reason: "silent"}
	case e.Held:
		return verdict{Listed: true, Suspect: true, Reason: "silent, no removals now"}
	case e.Answer == answerUnknown:
		return verdict{Listed: true, Suspect: true, Reason: "silent, not probed yet"}
	}
	return verdict{Expired: true, Reason: "silent and does not answer"}
}

// suspect holds when two independent clocks, or a clock and other rows' progress, agree that the peer is silent.
func (e evidence) suspect() bool {
	if e.Silent < e.TTL {
		return false
	}
	if e.Unverified {
		return true
	}
	if e.WritesSeen.Sub(e.Moved) < e.TTL/2 {
		return false
	}
	return !e.Live || // R2: our observation and the database's clock
		e.Silent >= 2*e.TTL // R3: the database takes writes, whatever its clock says
}

// over reports whether the row says explicitly that the incarnation has ended. Expired is not of them: somebody tidied up.
func over(p Phase) bool {
	return p == PhaseLeft || p == PhaseSuperseded || p == PhaseEvicted
}

// observed is how much of the time between two successful reads may count as silence: a reader that was away saw nothing.
func observed(sinceLastRead, poll time.Duration) time.Duration {
	return max(0, min(sinceLastRead, poll*3/2))
}

// silence continues a row's observed silence over a read that came dt after the last one. When the row moved, its age tells where
// in dt it did; age is a difference of two readings of the database's clock, so its setting does not matter, and a jump between
// them is cut off.
func silence(before time.Duration, moved bool, age, dt time.Duration) time.Duration {
	if moved {
		return min(max(age, 0), dt)
	}
	return before + dt
}

// firstSilence is the silence of a row that is seen for the first time. Whoever sees the whole table for the first time has
// nothing but the database's word; a row in grace gets a full TTL to prove itself.
func firstSilence(r Row, cold bool, dt time.Duration) time.Duration {
	switch {
	case r.Live && (r.Grace || r.Age >= r.TTL):
		return 0
	case r.Live && !cold:
		return min(max(r.Age, 0), dt)
	}
	return max(r.Age, 0)
}

// networkSuspect is the guard against our own network: when more than a third of the peers whose leases are live do not answer
// us, and at least two, it is we who are cut off. Refusals do not count, they are answers of a kind.
func networkSuspect(unanswered, peers int) bool {
	return unanswered > max(1, peers/3)
}

// overslept is how late a wait ended, if that is so late that our process must have been stopped.
func overslept(planned, now time.Time, poll time.Duration) (time.Duration, bool) {
	late := now.Sub(planned)
	return late, late > 2*poll
}
