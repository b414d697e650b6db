package peerstoretest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// state is what the database holds. It does what the SQL functions do, with the same words.
type state struct {
	clusters map[string]*cluster
	rows     map[string]*row // by peer id
	made     int             // clusters ever made, for their uuids
}

type cluster struct {
	uuid       string
	secret     []byte
	version    int64
	lastEpoch  int64
	outageFrom time.Time
	graceUntil time.Time
	outages    int
}

type row struct {
	peer      peerstore.Peer
	seq       int64
	ttl       time.Duration
	joinedAt  time.Time
	renewedAt time.Time
	stats     peerstore.Stats
	routed    bool // its RocketMQ side has served
}

func newState() state {
	return state{clusters: make(map[string]*cluster), rows: make(map[string]*row)}
}

func (s state) clone() state {
	c := state{clusters: make(map[string]*cluster, len(s.clusters)), rows: make(map[string]*row, len(s.rows)), made: s.made}
	for k, v := range s.clusters {
		d := *v
		c.clusters[k] = &d
	}
	for k, v := range s.rows {
		d := *v
		c.rows[k] = &d
	}
	return c
}

// Rows lets a test do by hand what operators do with SQL.
type Rows struct {
	state *state
	now   time.Time
}

// IDs are the peer ids of all rows, oldest first.
func (r *Rows) IDs() []string {
	return slices.SortedFunc(maps.Keys(r.state.rows), func(a, b string) int {
		return cmp.Compare(r.state.rows[a].peer.Epoch, r.state.rows[b].peer.Epoch)
	})
}

// Delete removes a row.
func (r *Rows) Delete(id string) { delete(r.state.rows, id) }

// Age makes a row's last renewal, its joining and its last change of phase d older.
func (r *Rows) Age(id string, d time.Duration) {
	if row, ok := r.state.rows[id]; ok {
		row.renewedAt, row.joinedAt = row.renewedAt.Add(-d), row.joinedAt.Add(-d)
		row.peer.PhaseSince = row.peer.PhaseSince.Add(-d)
	}
}

// NewUUID gives a cluster another identity, as a backup restored elsewhere would have.
func (r *Rows) NewUUID(name string) {
	if c, ok := r.state.clusters[name]; ok {
		r.state.made++
		c.uuid = clusterUUID(r.state.made)
	}
}

func clusterUUID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func (s *state) cluster(name string) *cluster {
	c, ok := s.clusters[name]
	if !ok {
		s.made++
		c = &cluster{uuid: clusterUUID(s.made), secret: secret()}
		s.clusters[name] = c
	}
	return c
}

func (s *state) register(p peerstore.Peer, ttl time.Duration, now time.Time) (peerstore.Registration, error) {
	if r, ok := s.rows[p.ID]; ok {
		if !r.peer.Phase.Living() {
			return peerstore.Registration{}, &peerstore.LostError{Phase: r.peer.Phase}
		}
		r.seq++
		r.renewedAt = now
		return s.registration(r, now), nil
	}
	c := s.cluster(p.Cluster)
	c.version++
	c.lastEpoch++
	for _, r := range s.rows {
		if r.peer.Cluster == p.Cluster && r.peer.Addresses.Eureka == p.Addresses.Eureka && r.peer.Phase.Living() {
			r.peer.Phase, r.peer.PhaseSince = peerstore.PhaseSuperseded, now
		}
	}
	p.Epoch, p.Phase, p.PhaseSince = c.lastEpoch, peerstore.PhaseJoining, now
	p.Unverified, p.Reachable, p.Suspect = false, false, false
	r := &row{peer: p, ttl: ttl, joinedAt: now, renewedAt: now, routed: p.NamesrvPhase == peerstore.PhaseServing}
	s.rows[p.ID] = r
	return s.registration(r, now), nil
}

func (s *state) registration(mine *row, now time.Time) peerstore.Registration {
	c := s.cluster(mine.peer.Cluster)
	answer := peerstore.Registration{
		Epoch: mine.peer.Epoch, ViewVersion: c.version, ClusterUUID: c.uuid, Secret: slices.Clone(c.secret),
	}
	var newest, newestRouted time.Time
	for _, r := range s.others(mine) {
		if r.renewedAt.After(newest) {
			newest = r.renewedAt
		}
		if r.routed && r.renewedAt.After(newestRouted) {
			newestRouted = r.renewedAt
		}
	}
	for _, r := range s.others(mine) {
		if live, _ := c.live(r, now); live && r.peer.Phase == peerstore.PhaseServing {
			answer.PriorServing++
		}
		if newest.Sub(r.renewedAt) <= time.Minute {
			answer.PriorInstances = max(answer.PriorInstances, r.stats.Instances)
		}
		if r.routed && newestRouted.Sub(r.renewedAt) <= time.Minute {
			answer.PriorBrokers = max(answer.PriorBrokers, r.stats.Brokers)
		}
	}
	return answer
}

func (s *state) others(mine *row) []*row {
	var others []*row
	for _, r := range s.rows {
		if r != mine && r.peer.Cluster == mine.peer.Cluster {
			others = append(others, r)
		}
	}
	return others
}

// living finds a row that its owner may still write.
func (s *state) living(id string) (*row, error) {
	r, ok := s.rows[id]
	if !ok {
		return nil, &peerstore.LostError{}
	}
	if !r.peer.Phase.Living() {
		return nil, &peerstore.LostError{Phase: r.peer.Phase}
	}
	return r, nil
}

func (s *state) heartbeat(id string, ttl time.Duration, stats peerstore.Stats, now time.Time) error {
	r, err := s.living(id)
	if err != nil {
		return err
	}
	stats.Unreachable = slices.Clone(stats.Unreachable[:min(len(stats.Unreachable), 8)])
	r.seq++
	r.ttl, r.stats, r.renewedAt = ttl, stats, now
	return nil
}

func (s *state) setPhase(id string, phase peerstore.Phase, now time.Time) error {
	r, err := s.living(id)
	if err != nil || r.peer.Phase == phase {
		return err
	}
	r.peer.Phase, r.peer.PhaseSince = phase, now
	s.cluster(r.peer.Cluster).version++
	return nil
}

func (s *state) setNamesrvPhase(id string, phase peerstore.Phase) error {
	r, err := s.living(id)
	if err != nil || r.peer.NamesrvPhase == phase {
		return err
	}
	r.peer.NamesrvPhase = phase
	r.routed = r.routed || phase == peerstore.PhaseServing
	s.cluster(r.peer.Cluster).version++
	return nil
}

// live is the database's own judgement, and whether a grace alone makes it so.
func (c *cluster) live(r *row, now time.Time) (live, grace bool) {
	end := r.renewedAt.Add(r.ttl)
	switch {
	case !r.peer.Phase.Living():
		return false, false
	case !now.After(end):
		return true, false
	case !now.After(c.graceUntil) && !end.Before(c.outageFrom):
		return true, true
	}
	return false, false
}

func (s *state) view(name string, timeline int, now time.Time) peerstore.View {
	view := peerstore.View{Timeline: fmt.Sprintf("%08X", timeline)}
	c, ok := s.clusters[name]
	if !ok {
		return view
	}
	view.ClusterUUID, view.Version, view.Outages = c.uuid, c.version, c.outages
	for _, r := range s.rows {
		if r.peer.Cluster != name {
			continue
		}
		live, grace := c.live(r, now)
		view.Rows = append(view.Rows, peerstore.Row{
			Peer: r.peer, Seq: r.seq, Age: now.Sub(r.renewedAt), TTL: r.ttl, Live: live, Grace: grace, Stats: r.stats,
		})
	}
	slices.SortFunc(view.Rows, func(a, b peerstore.Row) int { return peerstore.ComparePeers(a.Peer, b.Peer) })
	return view
}

func (s *state) declareOutage(id string, grace time.Duration, now time.Time) bool {
	mine, err := s.living(id)
	if err != nil {
		return false
	}
	c := s.cluster(mine.peer.Cluster)
	if !c.graceUntil.Before(now) {
		return false
	}
	var from time.Time
	for _, r := range append(s.others(mine), mine) {
		recent := now.Add(-r.ttl * 6 / 10)
		if r.joinedAt.After(recent) {
			continue
		}
		if r != mine && r.peer.Phase.Living() && r.renewedAt.After(recent) {
			return false
		}
		if r.renewedAt.After(from) {
			from = r.renewedAt
		}
	}
	c.outageFrom, c.graceUntil = from, now.Add(grace)
	c.outages++
	return true
}

func (s *state) prune(name string, now time.Time) int {
	c, ok := s.clusters[name]
	if !ok {
		return 0
	}
	closed := 0
	for id, r := range s.rows {
		if r.peer.Cluster != name {
			continue
		}
		live, _ := c.live(r, now)
		age := now.Sub(r.renewedAt)
		switch {
		case r.peer.Phase.Living() && !live && age > time.Minute && age > 3*r.ttl:
			r.peer.Phase, r.peer.PhaseSince = peerstore.PhaseExpired, now
			closed++
		case !r.peer.Phase.Living() && now.Sub(r.peer.PhaseSince) > 24*time.Hour:
			delete(s.rows, id)
		}
	}
	if closed > 0 {
		c.version++
	}
	return closed
}
