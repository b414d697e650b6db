package peerstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Errors for views that are refused. The list stays as it was.
var (
	errOtherCluster = errors.New("the database now holds another cluster of this name; restart this server if that is meant")
	errOldTimeline  = errors.New("the database is behind one that was read before: a former primary is still open")
)

// A roster is the state of a List without its loops and lock: what was read, what was probed, whom it lists. Time comes in as an
// argument and must be monotonic.
type roster struct {
	cluster  string
	settings Settings // not scaled
	faults   Faults

	members    map[string]*member    // by peer id
	candidates map[string]*candidate // by base URL
	remembered bool                  // a list from disk or seeds gave something to begin with
	flaps      flaps

	uuid       string
	uuidFromDB bool
	timeline   string
	view       View
	lastRead   time.Time // zero: nothing was ever read
	writesSeen time.Time // when any row was last seen to move

	heldUntil  time.Time
	heldWhy    string
	netSuspect bool // the network guard's condition at the last look

	served         []Peer // last good
	namesrvClients []Peer // likewise
	namesrvBrokers []Peer
}

func newRoster(cluster string, s Settings, f Faults) *roster {
	return &roster{
		cluster: cluster, settings: s.WithDefaults(), faults: f,
		members: make(map[string]*member), candidates: make(map[string]*candidate), flaps: make(flaps),
	}
}

// scaled are the intervals for as many servers as we know.
func (r *roster) scaled() Settings {
	living := 1
	for _, m := range r.members {
		if m.listed {
			living++
		}
	}
	return r.settings.Scaled(living)
}

// observe takes in one read of the database.
func (r *roster) observe(v View, now time.Time) error {
	switch {
	case v.Timeline != "" && r.timeline != "" && v.Timeline < r.timeline:
		return fmt.Errorf("%w (timeline %s after %s)", errOldTimeline, v.Timeline, r.timeline)
	case v.ClusterUUID != "" && r.uuidFromDB && v.ClusterUUID != r.uuid:
		return fmt.Errorf("%w (%s instead of %s)", errOtherCluster, v.ClusterUUID, r.uuid)
	}
	r.timeline = max(r.timeline, v.Timeline)
	if v.ClusterUUID != "" && !r.uuidFromDB {
		r.adopt(v.ClusterUUID)
	}

	s := r.scaled()
	cold := r.lastRead.IsZero()
	var dt time.Duration
	if !cold {
		gap := now.Sub(r.lastRead)
		dt = observed(gap, s.Poll)
		if gap > 2*s.Poll {
			r.hold(now.Add(s.TTL), fmt.Sprintf("no rows were read for %v", gap.Round(time.Millisecond)))
		}
		if r.faults.NoPauseRule {
			dt = gap
		}
	}
	if r.faults.NoLastGood && len(v.Rows) == 0 {
		clear(r.members)
		r.forgetLists()
	}
	r.view, r.lastRead = v, now
	r.readRows(v.Rows, cold, dt, now)
	clear(r.candidates) // the database knows better
	return nil
}

// readRows continues every member's silence.
func (r *roster) readRows(rows []Row, cold bool, dt time.Duration, now time.Time) {
	for _, m := range r.members {
		m.hasRow = false
	}
	claimed := make(map[string]string, len(rows)) // living rows: address to id
	for _, row := range rows {
		if r.faults.NoGrace && row.Grace {
			row.Live, row.Grace = false, false
		}
		if row.Phase.Living() {
			claimed[row.Addresses.Eureka] = row.ID
		}
		m, known := r.members[row.ID]
		switch {
		case !known && !row.Phase.Living():
			continue
		case !known || !m.fromDB:
			if !known {
				m = &member{}
				r.members[row.ID] = m
			}
			m.silent, m.moved, m.beat = firstSilence(row, cold, dt), now, now.Add(-max(row.Age, 0))
			if !cold {
				r.writesSeen = now
			}
		default:
			moved := row.Seq != m.row.Seq
			m.silent = silence(m.silent, moved, row.Age, dt)
			if moved {
				m.moved, m.beat, r.writesSeen = now, now.Add(-m.silent), now
			}
		}
		if m.expired = row.Phase == PhaseExpired; m.expired {
			row.Phase = m.row.Phase // somebody tidied up; that says nothing about the peer
		}
		m.row, m.hasRow, m.fromDB = row, true, true
	}
	for id, m := range r.members {
		if !m.hasRow { // R4: a row that vanished is not a goodbye
			m.row.Live, m.row.Grace = false, false
			if m.fromDB {
				m.silent = silence(m.silent, false, 0, dt)
			}
		}
		heir := r.members[claimed[m.row.Addresses.Eureka]]
		if heir != nil && heir != m && (!m.holds(heir.row) || m.row.registeredAgain(heir.row)) {
			heir.inherit(m)
			delete(r.members, id)
		}
	}
}

// adopt takes the cluster's identity from the database. What was learnt under another one is forgotten.
func (r *roster) adopt(uuid string) {
	if r.uuid != "" && r.uuid != uuid {
		clear(r.members)
		clear(r.candidates)
		r.forgetLists()
	}
	r.uuid, r.uuidFromDB = uuid, true
}

// forgetLists drops the last good lists.
func (r *roster) forgetLists() { r.served, r.namesrvClients, r.namesrvBrokers = nil, nil, nil }

// hold forbids removals until then, if no longer ban is in force.
func (r *roster) hold(until time.Time, why string) {
	if until.After(r.heldUntil) && !r.faults.NoPauseRule {
		r.heldUntil, r.heldWhy = until, why
	}
}

// held says why removals are forbidden now, or nothing.
func (r *roster) held(now time.Time) string {
	if now.Before(r.heldUntil) {
		return r.heldWhy
	}
	return ""
}

// judgeAll renews every verdict. What is over and out is forgotten.
func (r *roster) judgeAll(now time.Time) {
	s := r.scaled()
	r.guardNetwork(s, now)
	held := r.held(now) != ""
	for id, m := range r.members {
		ttl := m.row.TTL
		if ttl <= 0 {
			ttl = s.TTL
		}
		e := evidence{
			Phase: m.row.Phase, Live: m.row.Live, Silent: m.silent, TTL: ttl, Moved: m.moved, WritesSeen: r.writesSeen,
			Unverified: !m.fromDB, Replaced: r.replaced(id, m), Answer: m.answer(), Listed: m.listed, Held: held,
		}
		if e.Unverified {
			e.Silent = now.Sub(m.moved)
		}
		if r.faults.NoProbe {
			e.Answer = answerNo
		}
		v := judge(e)
		if v.Expired {
			r.flaps.note(m.row.Addresses.Eureka, now)
		}
		if v.Listed && !m.listed {
			m.served = r.flaps.servedAfter(m.row.Addresses.Eureka, ttl, now)
		}
		m.listed, m.suspect, m.reason = v.Listed, v.Suspect, v.Reason
		// One that has a successor at its address cannot answer again.
		succeeded := e.Replaced && e.Unverified && !m.inFlight && e.Silent > ttl
		if !m.listed && (succeeded || m.forgettable(ttl, now)) {
			delete(r.members, id)
		}
	}
}

// replaced reports whether another incarnation has answered at m's address, later than m did.
func (r *roster) replaced(id string, m *member) bool {
	if m.reachable() {
		return false
	}
	for other, x := range r.members {
		if other != id && x.row.Addresses.Eureka == m.row.Addresses.Eureka && !over(x.row.Phase) &&
			x.reachable() && x.answered.After(m.answered) {
			return true
		}
	}
	return false
}

// guardNetwork holds removals for three TTLs from the moment on which too many peers with live leases stop answering us.
func (r *roster) guardNetwork(s Settings, now time.Time) {
	unanswered, peers := 0, 0
	for _, m := range r.members {
		if !m.listed || !m.hasRow {
			continue
		}
		peers++
		if m.row.Live && m.silent < s.TTL && m.answer() == answerNo && !m.hard {
			unanswered++
		}
	}
	before := r.netSuspect
	r.netSuspect = networkSuspect(unanswered, peers)
	if r.netSuspect && !before {
		r.hold(now.Add(3*s.TTL), fmt.Sprintf("%d of %d peers with live leases do not answer: this server's network may be at fault", unanswered, peers))
	}
}

// claims reports whether m is the one to list for its address: of several incarnations the one that answered last is there now.
func (r *roster) claims(id string, m *member) bool {
	for other, x := range r.members {
		if other == id || !x.listed || x.row.Addresses.Eureka != m.row.Addresses.Eureka {
			continue
		}
		switch {
		case x.reachable() != m.reachable():
			if x.reachable() {
				return false
			}
		case !x.answered.Equal(m.answered):
			if x.answered.After(m.answered) {
				return false
			}
		case ComparePeers(x.row.Peer, m.row.Peer) > 0:
			return false
		}
	}
	return true
}

// peers are the replication targets: whoever is listed, in any phase, but not ourselves under this or an earlier id, and one
// incarnation for each address.
func (r *roster) peers(self Peer) []Peer {
	peers := make([]Peer, 0, len(r.members))
	heartbeat := r.scaled().Heartbeat
	for id, m := range r.members {
		if m.listed && !r.isSelf(self, m) && r.claims(id, m) {
			peers = append(peers, m.peer(heartbeat))
		}
	}
	SortPeers(peers)
	return peers
}

// serving is what clients are told, of these peers: who is serving and reachable, and we ourselves while we serve. When that is
// nobody, a draining server that is alone keeps itself, and else the last good list stays.
func (r *roster) serving(self Peer, peers []Peer, now time.Time) []Peer {
	self.Reachable = true
	serving := make([]Peer, 0, len(peers)+1)
	if self.Phase == PhaseServing && !r.closed(self.ID) {
		serving = append(serving, self)
	}
	taken := make(map[string]bool, len(peers))
	for _, p := range peers {
		if p.Phase == PhaseServing && p.Reachable && !now.Before(r.members[p.ID].served) && !taken[p.Addresses.Eureka] {
			serving, taken[p.Addresses.Eureka] = append(serving, p), true
		}
	}
	switch {
	case len(serving) > 0 || r.faults.NoLastGood:
	case self.Phase == PhaseDraining:
		serving = append(serving, self)
	default:
		return slices.Clone(r.served)
	}
	SortPeers(serving)
	r.served = slices.Clone(serving)
	return serving
}

// closed tells whether the last view says that the incarnation with this id is over, which its own Heartbeater may not know yet.
func (r *roster) closed(id string) bool {
	return slices.ContainsFunc(r.view.Rows, func(row Row) bool { return row.ID == id && over(row.Phase) })
}

// departure says why a peer that was listed is not any more, now that others are.
func (r *roster) departure(p Peer, others []Peer) string {
	m, known := r.members[p.ID]
	if known && !m.listed {
		return m.reason
	}
	for _, row := range r.view.Rows {
		if row.ID == p.ID && over(row.Phase) {
			return string(row.Phase)
		}
	}
	if slices.ContainsFunc(others, func(o Peer) bool { return o.Addresses.Eureka == p.Addresses.Eureka }) {
		return "another incarnation is at its address"
	}
	return "forgotten"
}

// all is everybody with the verdict on each, oldest first.
func (r *roster) all(self Peer, now time.Time) []Member {
	heartbeat := r.scaled().Heartbeat
	all := []Member{{Peer: self, Verdict: "this server"}}
	for _, id := range slices.Collect(maps.Keys(r.members)) {
		m := r.members[id]
		if id == self.ID {
			all[0].Stats, all[0].Age = m.row.Stats, m.age(now)
			continue
		}
		all = append(all, Member{
			Peer: m.peer(heartbeat), Listed: m.listed, Verdict: m.verdict(), Silent: m.silent, Age: m.age(now), Stats: m.row.Stats,
			Problem: m.problem, Gone: m.hard,
		})
	}
	slices.SortFunc(all, func(a, b Member) int { return ComparePeers(a.Peer, b.Peer) })
	return all
}
