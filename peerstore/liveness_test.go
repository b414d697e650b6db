package peerstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const s = time.Second

// good is a peer about which nothing is wrong.
func good(change func(*evidence)) evidence {
	start := time.Unix(1000, 0)
	e := evidence{
		Phase: PhaseServing, Live: true, Silent: 2 * s, TTL: 10 * s, Moved: start, WritesSeen: start.Add(8 * s),
		Answer: answerYes, Listed: true,
	}
	change(&e)
	return e
}

// silent is one whose lease is over by all accounts, and who does not answer.
func silent(change func(*evidence)) evidence {
	return good(func(e *evidence) {
		e.Live, e.Silent, e.Answer = false, 11*s, answerNo
		change(e)
	})
}

func TestJudge(t *testing.T) {
	nothing := func(*evidence) {}
	tests := []struct {
		name    string
		e       evidence
		listed  bool
		suspect bool
	}{
		{"all is well", good(nothing), true, false},
		{"unreachable, lease live: still a peer", good(func(e *evidence) { e.Answer = answerNo }), true, false},
		{"seen for the first time", good(func(e *evidence) { e.Listed, e.Answer = false, answerUnknown }), true, false},
		{"first seen silent", good(func(e *evidence) { e.Listed, e.Live, e.Answer, e.Silent = false, false, answerUnknown, 11*s }), false, false},
		{"first seen silent, but answers", good(func(e *evidence) { e.Listed, e.Live, e.Silent = false, false, 11*s }), true, true},

		{"R1 left", good(func(e *evidence) { e.Phase = PhaseLeft }), false, false},
		{"R1 superseded", good(func(e *evidence) { e.Phase = PhaseSuperseded }), false, false},
		{"R1 evicted", good(func(e *evidence) { e.Phase = PhaseEvicted }), false, false},
		{"R1 draining stays a peer", good(func(e *evidence) { e.Phase = PhaseDraining }), true, false},
		{"R1 unknown phase stays a peer", good(func(e *evidence) { e.Phase = "hibernating" }), true, false},
		{"R1 even while held", good(func(e *evidence) { e.Phase, e.Held = PhaseLeft, true }), false, false},
		{"expired is no explicit word", good(func(e *evidence) { e.Phase, e.Live, e.Silent = PhaseExpired, false, 70*s }), true, true},

		{"R2 both clocks agree", silent(nothing), false, false},
		{"R2 not yet by our observation", silent(func(e *evidence) { e.Silent = 9 * s }), true, false},
		{"R2 the database says live", silent(func(e *evidence) { e.Live = true }), true, false},
		{"R2 but it answers", silent(func(e *evidence) { e.Answer = answerYes }), true, true},
		{"R2 but was never probed", silent(func(e *evidence) { e.Answer = answerUnknown }), true, true},
		{"R2 but held", silent(func(e *evidence) { e.Held = true }), true, true},
		{"R2 nobody's row moved", silent(func(e *evidence) { e.WritesSeen = e.Moved.Add(4 * s) }), true, false},

		{"R3 twice the TTL, database's clock jumped back", silent(func(e *evidence) { e.Live, e.Silent = true, 20*s }), false, false},
		{"R3 not without others' writes", silent(func(e *evidence) { e.Live, e.Silent, e.WritesSeen = true, time.Hour, e.Moved }), true, false},

		{"replaced", good(func(e *evidence) { e.Replaced = true }), false, false},
		{"removed stays removed", silent(func(e *evidence) { e.Listed = false }), false, false},
		{"removed, answers again", silent(func(e *evidence) { e.Listed, e.Answer = false, answerYes }), true, true},
		{"removed, lease live again", good(func(e *evidence) { e.Listed, e.Answer = false, answerNo }), true, false},

		{"unverified and answering", good(func(e *evidence) { e.Unverified, e.Live, e.Listed = true, false, false }), true, false},
		{"unverified, not confirmed", good(func(e *evidence) { e.Unverified, e.Live, e.Listed, e.Answer = true, false, false, answerUnknown }), false, false},
		{"unverified, silent", silent(func(e *evidence) { e.Unverified, e.WritesSeen = true, time.Time{} }), false, false},
		{"unverified, silent for a moment", silent(func(e *evidence) { e.Unverified, e.Silent = true, 3*s }), true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := judge(tt.e)
			require.Equal(t, tt.listed, v.Listed, v.Reason)
			require.Equal(t, tt.suspect, v.Suspect, v.Reason)
			require.NotEmpty(t, v.Reason)
			require.Equal(t, tt.e.Listed && !v.Listed && !over(tt.e.Phase) && !tt.e.Replaced, v.Expired)
		})
	}
}

// Whatever else is true, these must hold.
func TestJudgeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1000, 0)
		e := evidence{
			Phase:      rapid.SampledFrom([]Phase{PhaseJoining, PhaseServing, PhaseDraining, PhaseExpired, PhaseLeft, "new"}).Draw(t, "phase"),
			Live:       rapid.Bool().Draw(t, "live"),
			Silent:     time.Duration(rapid.IntRange(0, 60).Draw(t, "silent")) * s,
			TTL:        10 * s,
			Moved:      start,
			WritesSeen: start.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "writes")) * s),
			Unverified: rapid.Bool().Draw(t, "unverified"),
			Answer:     rapid.SampledFrom([]answer{answerUnknown, answerYes, answerNo}).Draw(t, "answer"),
			Listed:     rapid.Bool().Draw(t, "listed"),
			Held:       rapid.Bool().Draw(t, "held"),
		}
		v := judge(e)
		explicit := over(e.Phase)
		if e.Listed && !v.Listed && !explicit {
			require.Equal(t, answerNo, e.Answer, "nobody who answers, or was not asked, is removed")
			require.False(t, e.Held, "nobody is removed while removals are held")
			require.GreaterOrEqual(t, e.Silent, e.TTL, "nobody is removed before a TTL of silence")
		}
		require.False(t, explicit && v.Listed)
		again := e
		again.Listed = v.Listed
		require.Equal(t, v.Listed, judge(again).Listed, "the same evidence twice says the same")
	})
}

func TestSilence(t *testing.T) {
	require.Equal(t, 5*s, silence(3*s, false, time.Hour, 2*s), "the age of a row that did not move is not asked")
	require.Equal(t, 1*s, silence(30*s, true, 1*s, 2*s), "its age says when it moved")
	require.Equal(t, 2*s, silence(30*s, true, time.Minute, 2*s), "the database's clock jumped ahead")
	require.Zero(t, silence(30*s, true, -time.Minute, 2*s), "and back")
}

func TestObserved(t *testing.T) {
	require.Equal(t, 2*s, observed(2*s, 2*s))
	require.Equal(t, 3*s, observed(time.Hour, 2*s), "time in which nothing was read does not count")
	require.Zero(t, observed(-s, 2*s))
}

func TestFirstSilence(t *testing.T) {
	row := Row{Live: true, Age: 4 * s, TTL: 10 * s}
	require.Equal(t, 4*s, firstSilence(row, true, 0), "a newcomer has the database's word only")
	require.Equal(t, 2*s, firstSilence(row, false, 2*s), "a running reader knows when it was not there")
	row.Grace, row.Age = true, time.Hour
	require.Zero(t, firstSilence(row, true, 0), "in grace everybody gets a full TTL")
	row.Live, row.Grace = false, false
	require.Equal(t, time.Hour, firstSilence(row, false, 2*s))
}

func TestNetworkSuspect(t *testing.T) {
	for _, tt := range []struct {
		unanswered, peers int
		want              bool
	}{{0, 0, false}, {1, 1, false}, {1, 2, false}, {2, 2, true}, {2, 4, true}, {2, 7, false}, {3, 7, true}, {16, 50, false}, {17, 50, true}} {
		require.Equal(t, tt.want, networkSuspect(tt.unanswered, tt.peers), "%d of %d", tt.unanswered, tt.peers)
	}
}

func TestOverslept(t *testing.T) {
	planned := time.Unix(1000, 0)
	_, paused := overslept(planned, planned.Add(3*s), 2*s)
	require.False(t, paused)
	gap, paused := overslept(planned, planned.Add(time.Minute), 2*s)
	require.True(t, paused)
	require.Equal(t, time.Minute, gap)
}

func TestFlaps(t *testing.T) {
	now := time.Unix(1000, 0)
	f := make(flaps)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	f.note("a", at(0))
	f.note("a", at(time.Minute))
	require.Equal(t, at(time.Minute), f.servedAfter("a", 10*s, at(time.Minute)), "twice may happen")
	f.note("a", at(2*time.Minute))
	require.Equal(t, at(2*time.Minute+20*s), f.servedAfter("a", 10*s, at(2*time.Minute)), "three times is flapping")
	require.Equal(t, at(11*time.Minute), f.servedAfter("a", 10*s, at(11*time.Minute)), "long ago is forgiven")
	for i := range 2 * maxFlaps {
		f.note(string(rune(i))+"x", at(3*time.Minute))
	}
	require.LessOrEqual(t, len(f), maxFlaps)
	f.note("b", at(time.Hour))
	require.Len(t, f, 1, "the old are forgotten")
}

func TestSettings(t *testing.T) {
	d := Settings{}.WithDefaults()
	require.Equal(t, Settings{Heartbeat: 3 * s, TTL: 10 * s, Poll: 2 * s}, d)
	require.Equal(t, 2*s, d.Deadline())
	require.Equal(t, 16*s, d.Grace())
	require.Equal(t, d, d.Scaled(300))
	require.Equal(t, Settings{Heartbeat: 12 * s, TTL: 40 * s, Poll: 8 * s}, d.Scaled(1200))
	require.NoError(t, d.Validate())
	require.ErrorContains(t, Settings{Heartbeat: 4 * s, TTL: 10 * s}.Validate(), "three heartbeats")
	require.ErrorContains(t, Settings{Heartbeat: time.Microsecond}.Validate(), "10ms")
}

func TestPace(t *testing.T) {
	require.Equal(t, s, backoff(s, 5*s, 0))
	require.Equal(t, 4*s, backoff(s, 5*s, 2))
	require.Equal(t, 5*s, backoff(s, 5*s, 1000))
	require.Equal(t, s/10, fullJitter(s, 5*s, 0, 0))
	require.Equal(t, s/2, halfJitter(s, 5*s, 0, 0))
	require.Equal(t, 900*time.Millisecond, spread(s, 0))
	require.Equal(t, s, spread(s, 0.5))
}
