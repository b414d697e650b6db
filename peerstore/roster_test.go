package peerstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func viewOf(rows ...Row) View { return View{ClusterUUID: "u", Timeline: "00000001", Rows: rows} }

func rowOf(id string, change func(*Row)) Row {
	r := Row{
		Peer: Peer{ID: id, Cluster: "test", Epoch: 1, Phase: PhaseServing, Addresses: Addresses{Eureka: "http://" + id + "/eureka/"}},
		Seq:  1, TTL: 10 * s, Age: s, Live: true,
	}
	if change != nil {
		change(&r)
	}
	return r
}

func listed(r *roster) []string {
	var ids []string
	for _, p := range r.peers(Peer{ID: "me", Addresses: Addresses{Eureka: "http://me/eureka/"}}) {
		ids = append(ids, p.ID)
	}
	return ids
}

// A server that comes up during a grace has nothing but the database's word; the grace is for it.
func TestNewcomerBelievesTheGrace(t *testing.T) {
	now := time.Unix(1000, 0)
	excused := rowOf("a", func(r *Row) { r.Grace, r.Age = true, time.Minute })
	for noGrace, want := range map[bool][]string{false: {"a"}, true: nil} {
		r := newRoster("test", Settings{}, Faults{NoGrace: noGrace})
		require.NoError(t, r.observe(viewOf(excused), now))
		r.judgeAll(now)
		require.Equal(t, want, listed(r))
	}
}

func TestNewcomerSeesNoDead(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRoster("test", Settings{}, Faults{})
	require.NoError(t, r.observe(viewOf(
		rowOf("live", nil),
		rowOf("silent", func(r *Row) { r.Live, r.Age = false, 40*s }),
		rowOf("expired", func(r *Row) { r.Live, r.Phase = false, PhaseExpired }),
		rowOf("left", func(r *Row) { r.Live, r.Phase = false, PhaseLeft }),
		rowOf("later", func(r *Row) { r.Phase = "hibernating" }),
	), now))
	r.judgeAll(now)
	require.Equal(t, []string{"later", "live"}, listed(r))
	require.Len(t, r.members, 3, "the closed ones need no attention, the silent one is probed")
}

func TestRefusedViews(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRoster("test", Settings{}, Faults{})
	view := viewOf(rowOf("a", nil))
	view.Timeline = "0000000A"
	require.NoError(t, r.observe(view, now))
	old := viewOf()
	require.ErrorIs(t, r.observe(old, now), errOldTimeline)
	foreign := view
	foreign.ClusterUUID = "another"
	require.ErrorIs(t, r.observe(foreign, now), errOtherCluster)
	silent := view
	silent.Timeline = ""
	require.NoError(t, r.observe(silent, now), "a database that tells no timeline")
	require.ErrorIs(t, r.observe(old, now), errOldTimeline, "does not make us forget it")
	r.judgeAll(now)
	require.Equal(t, []string{"a"}, listed(r))
}

func TestSeenRowsAreContinued(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRoster("test", Settings{}, Faults{})
	require.NoError(t, r.observe(viewOf(rowOf("a", nil)), now))
	for i := range 3 {
		now = now.Add(2 * s)
		require.NoError(t, r.observe(viewOf(rowOf("a", func(r *Row) { r.Age = time.Duration(3+2*i) * s })), now))
	}
	require.Equal(t, 7*s, r.members["a"].silent)
	now = now.Add(2 * s)
	require.NoError(t, r.observe(viewOf(), now))
	require.Equal(t, 9*s, r.members["a"].silent, "a row that vanished is silent")
	now = now.Add(time.Minute)
	require.NoError(t, r.observe(viewOf(rowOf("a", func(r *Row) { r.Seq, r.Age = 20, 2*s })), now))
	require.Equal(t, 2*s, r.members["a"].silent)
	require.NotEmpty(t, r.held(now), "and after a gap between reads nobody is removed")
}

func TestVanishedRowGivesWayToAnHeir(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRoster("test", Settings{}, Faults{})
	require.NoError(t, r.observe(viewOf(rowOf("a", nil)), now))
	r.judgeAll(now)
	heir := rowOf("b", func(r *Row) { r.Addresses.Eureka = "http://a/eureka/" })
	require.NoError(t, r.observe(viewOf(heir), now.Add(2*s)))
	r.judgeAll(now.Add(2 * s))
	require.Equal(t, []string{"b"}, listed(r), "one claimant per address")
}

// A server whose lease was lost supersedes itself. Clients are told it all the time, before its new row says that it serves and before
// anybody has probed it; another process at the same address has to show first what it is.
func TestServerThatRegistersAgain(t *testing.T) {
	began := time.Unix(500, 0)
	for name, heirBegan := range map[string]time.Time{"the same process": began, "another process": began.Add(time.Second)} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1000, 0)
			r := newRoster("test", Settings{}, Faults{})
			before := rowOf("a", func(r *Row) { r.StartedAt = began })
			require.NoError(t, r.observe(viewOf(before), now))
			r.members["a"].identity.Phase = PhaseServing
			r.members["a"].right(now)
			r.judgeAll(now)
			now = now.Add(2 * s)
			before.Phase = PhaseSuperseded
			heir := rowOf("b", func(r *Row) {
				r.Epoch, r.Phase, r.Addresses, r.StartedAt = 2, PhaseJoining, before.Addresses, heirBegan
			})
			require.NoError(t, r.observe(viewOf(before, heir), now))
			r.judgeAll(now)
			require.Equal(t, []string{"b"}, listed(r))
			served := r.peers(Peer{ID: "me"})[0]
			require.Equal(t, heirBegan.Equal(began), served.Reachable && served.Phase == PhaseServing)
		})
	}
}

// A probe may meet the next incarnation before its row was read. The server stays in clients' lists until the rows have told, for one
// more probe; whoever is of another cluster ends it at once.
func TestNewerIncarnationAnswersFirst(t *testing.T) {
	for uuid, probes := range map[string]int{"u": 2, "another": 1} {
		now := time.Unix(1000, 0)
		r := newRoster("test", Settings{}, Faults{})
		require.NoError(t, r.observe(viewOf(rowOf("a", nil)), now))
		r.members["a"].right(now)
		r.judgeAll(now)
		for i := range probes {
			require.True(t, r.members["a"].reachable(), "before probe %d", i+1)
			_, news := r.probed(target{id: "a"}, Identity{PeerID: "b", Cluster: "test", ClusterUUID: uuid, Phase: PhaseServing}, nil, now)
			require.Equal(t, uuid == "u", news, "the rows are read at once")
		}
		require.False(t, r.members["a"].reachable())
	}
}

// A failover may bring back the row of an earlier incarnation of a server whose present one lost its own.
func TestRowThatCameBackGivesWay(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRoster("test", Settings{}, Faults{})
	present := rowOf("b", func(r *Row) { r.Epoch, r.Addresses.Eureka = 7, "http://a/eureka/" })
	require.NoError(t, r.observe(viewOf(present), now))
	r.members["b"].right(now)
	r.judgeAll(now)
	require.NoError(t, r.observe(viewOf(rowOf("a", nil)), now.Add(2*s)))
	r.judgeAll(now.Add(2 * s))
	require.Equal(t, []string{"b"}, listed(r), "who answers there")
}

func TestClosedAsSilentIsNoGoodbye(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRoster("test", Settings{}, Faults{})
	require.NoError(t, r.observe(viewOf(rowOf("a", nil)), now))
	r.members["a"].right(now)
	expired := rowOf("a", func(r *Row) { r.Phase, r.Live, r.Age = PhaseExpired, false, time.Hour })
	require.NoError(t, r.observe(viewOf(expired), now.Add(2*s)), "the database's clock had jumped")
	r.judgeAll(now.Add(2 * s))
	require.Equal(t, []string{"a"}, listed(r))
	require.Equal(t, PhaseServing, r.members["a"].peer(3*s).Phase)

	again := rowOf("b", func(r *Row) { r.Phase, r.Addresses.Eureka = PhaseJoining, "http://a/eureka/" })
	require.NoError(t, r.observe(viewOf(expired, again), now.Add(4*s)))
	r.judgeAll(now.Add(4 * s))
	require.Equal(t, []string{"b"}, listed(r))
	require.True(t, r.members["b"].reachable(), "it is the same process, so it is not left out until its first probe")
}

func TestPhaseOfTheFresherWitness(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		row, told Phase
		after     time.Duration // told so long after the row moved
		want      Phase
	}{
		{PhaseServing, "", 0, PhaseServing},
		{PhaseServing, PhaseDraining, 3 * s, PhaseServing},
		{PhaseServing, PhaseDraining, 7 * s, PhaseDraining},
		{PhaseServing, PhaseSuperseded, 7 * s, PhaseSuperseded},
		{PhaseEvicted, PhaseServing, time.Minute, PhaseEvicted},
		{PhaseJoining, PhaseServing, 0, PhaseServing},
		{PhaseJoining, PhaseLeft, 0, PhaseJoining},
	} {
		m := member{row: Row{Peer: Peer{Phase: tt.row}}, moved: now, identity: Identity{Phase: tt.told}, told: now.Add(tt.after)}
		require.Equal(t, tt.want, m.peer(3*s).Phase, "%+v", tt)
		if !tt.row.Living() {
			continue
		}
		m.row.Phase, m.row.NamesrvPhase, m.identity.NamesrvPhase = PhaseServing, tt.row, tt.told
		require.Equal(t, tt.want, m.peer(3*s).NamesrvPhase, "the other protocol: %+v", tt)
	}
}

func TestProbesAreBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRoster("test", Settings{}, Faults{})
	var rows []Row
	for i := range 60 {
		rows = append(rows, rowOf(fmt.Sprintf("p%02d", i), nil))
	}
	require.NoError(t, r.observe(viewOf(rows...), now))
	r.judgeAll(now)
	probed := make(map[string]int)
	for range 12 { // two rounds of everybody
		targets := r.targets(Peer{ID: "me"}, true, 2*s, maxProbes, now)
		require.LessOrEqual(t, len(targets), maxProbes)
		for _, x := range targets {
			probed[x.id]++
			changed, news := r.probed(x, Identity{Cluster: "test", ClusterUUID: "u", PeerID: x.id}, nil, now)
			require.Equal(t, probed[x.id] == 1, changed)
			require.False(t, news)
		}
		now = now.Add(2 * s)
	}
	for id, n := range probed {
		require.Equal(t, 2, n, id)
	}
	require.Len(t, probed, 60)
}

func TestCandidatesAreBounded(t *testing.T) {
	r := newRoster("test", Settings{}, Faults{})
	for i := range 5000 {
		r.suggest(fmt.Sprintf("http://h%d", i), Peer{})
	}
	r.suggest("", Peer{})
	require.Len(t, r.candidates, maxCandidates)
}

// A server that registered just before the database went away is heard of by others only. When it paused, it does not introduce itself
// again, since it has a row; so whoever never read that row must not forget whom to ask.
func TestForgettable(t *testing.T) {
	now := time.Now()
	const ttl = 12 * time.Second
	answered := now.Add(-time.Hour)
	for name, row := range map[string]struct {
		m      member
		silent time.Duration
		want   bool
	}{
		"answered once, without a row":     {member{answered: answered}, time.Minute, false},
		"that was long ago":                {member{answered: answered}, rememberExpired + time.Second, true},
		"never answered, without a row":    {member{}, ttl + time.Second, true},
		"its first word is fresh":          {member{}, ttl - time.Second, false},
		"its row vanished":                 {member{fromDB: true, answered: answered}, ttl + time.Second, true},
		"it has a row":                     {member{fromDB: true, hasRow: true}, time.Hour, false},
		"somebody closed its row":          {member{fromDB: true, hasRow: true, expired: true}, time.Minute, false},
		"somebody closed its row long ago": {member{fromDB: true, hasRow: true, expired: true}, rememberExpired + time.Second, true},
		"it left":                          {member{row: Row{Peer: Peer{Phase: PhaseLeft}}, answered: answered}, 0, true},
		"it is being asked at this moment": {member{inFlight: true}, time.Hour, false},
	} {
		row.m.moved = now.Add(-row.silent)
		require.Equal(t, row.want, row.m.forgettable(ttl, now), name)
	}
}

// Servers that crash and start again, over and over, while the database is away: their earlier incarnations must not fill the places of
// others.
func TestSuccessorsFreeTheirPlaces(t *testing.T) {
	const hosts, rounds = 5, 60
	r := newRoster("c", Settings{}, Faults{})
	r.uuid = "u"
	now := time.Now()
	self := Peer{ID: "self", Cluster: "c", Phase: PhaseServing, Addresses: Addresses{Eureka: "http://10.0.0.99:8761/eureka/"}}
	for round := range rounds {
		there := map[string]Identity{} // who answers at an address
		for host := range hosts {
			base := fmt.Sprintf("http://10.0.0.%d:8761", host)
			i := Identity{PeerID: fmt.Sprint(host, "-", round), Cluster: "c", ClusterUUID: "u", Phase: PhaseJoining, EurekaURL: base + "/eureka/"}
			there[base] = i
			require.NoError(t, r.announced(Caller{PeerID: i.PeerID}, Announcement{
				ClusterUUID: "u", Peer: Peer{ID: i.PeerID, Cluster: "c", Phase: PhaseJoining, Addresses: Addresses{Eureka: i.EurekaURL}},
			}, self, now), "round %d", round)
		}
		for range 5 {
			now = now.Add(2 * time.Second)
			for _, x := range r.targets(self, true, 2*time.Second, maxProbes, now) {
				r.probed(x, there[x.base], nil, now)
			}
			r.judgeAll(now)
		}
	}
	require.LessOrEqual(t, r.unverified(), 3*hosts)
}
