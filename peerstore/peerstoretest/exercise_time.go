package peerstoretest

import (
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func testLiveness(e *exercise) {
	p := e.serving()
	e.age(p, 9*time.Second)
	require.True(e, e.row(p).Live)
	e.age(p, 2*time.Second)
	require.False(e, e.row(p).Live, "silent beyond its TTL")
	require.Equal(e, peerstore.PhaseServing, e.row(p).Phase, "which is no change of phase")
	e.beat(p)
	require.True(e, e.row(p).Live)
}

func testOutage(e *exercise) {
	const servers = 5
	peers := make([]peerstore.Peer, servers)
	for i := range peers {
		peers[i] = e.serving()
		e.age(peers[i], time.Minute+time.Duration(i)*time.Second)
	}
	outages := e.view().Outages
	var declaring sync.WaitGroup
	results, errs := make([]bool, servers), make([]error, servers)
	for i, p := range peers {
		declaring.Go(func() { results[i], errs[i] = e.Store.DeclareOutage(e.ctx, p.ID, 16*time.Second) })
	}
	declaring.Wait()
	declared := 0
	for i := range peers {
		require.NoError(e, errs[i])
		if results[i] {
			declared++
		}
	}
	require.Equal(e, 1, declared, "all come back at once, one declares")
	v := e.view()
	require.Equal(e, outages+1, v.Outages)
	for _, r := range v.Rows {
		require.True(e, r.Live && r.Grace, "live when it began, so live until the grace ends")
	}
	e.beat(peers[0])
	require.False(e, e.row(peers[0]).Grace, "live by itself")
	require.True(e, e.row(peers[0]).Live)
	require.False(e, e.declare(peers[1]), "no grace upon a grace")
}

func testNoOutage(e *exercise) {
	cutOff, fine := e.serving(), e.serving()
	e.age(cutOff, time.Minute)
	e.age(fine, time.Minute)
	e.beat(fine)
	require.False(e, e.declare(cutOff), "somebody else wrote: it was not the database")
	require.False(e, e.row(cutOff).Live)
	require.Zero(e, e.view().Outages)

	require.NoError(e, e.Store.SetPhase(e.ctx, cutOff.ID, peerstore.PhaseEvicted, "test"))
	e.age(fine, time.Minute)
	require.False(e, e.declare(cutOff), "not by the dead")
	require.False(e, e.declare(peerstore.Peer{ID: newID()}), "not by strangers")
	require.True(e, e.declare(fine), "the last of them may")
}

func testOutageWithJoiner(e *exercise) {
	a, b := e.serving(), e.serving()
	e.age(a, time.Minute)
	e.age(b, time.Minute)
	joiner := e.peer()
	e.register(joiner) // first to be back
	require.True(e, e.declare(a), "a newcomer is no evidence against an outage")
	require.True(e, e.row(b).Live, "and does not move its beginning")
	require.True(e, e.row(a).Live)
}

func testGraceSparesNoDead(e *exercise) {
	dead, alive := e.serving(), e.serving()
	e.age(dead, 5*time.Minute)
	e.age(alive, 40*time.Second)
	require.True(e, e.declare(alive))
	require.True(e, e.row(alive).Grace)
	require.False(e, e.row(dead).Live, "dead when the outage began")
}

func testPrune(e *exercise) {
	prune := func() int {
		closed, err := e.Store.Prune(e.ctx, exerciseCluster)
		require.NoError(e, err)
		return closed
	}
	fine, silent, gone, slow := e.serving(), e.serving(), e.serving(), e.peer()
	e.age(silent, 50*time.Second)
	e.age(gone, 70*time.Second)
	_, err := e.Store.Register(e.ctx, slow, 40*time.Second)
	require.NoError(e, err)
	e.age(slow, 90*time.Second)
	version := e.view().Version
	require.Equal(e, 1, prune())
	require.Greater(e, e.view().Version, version)
	require.Equal(e, peerstore.PhaseExpired, e.row(gone).Phase)
	require.Equal(e, peerstore.PhaseServing, e.row(silent).Phase, "not a minute yet")
	require.Equal(e, peerstore.PhaseServing, e.row(fine).Phase)
	require.Equal(e, peerstore.PhaseJoining, e.row(slow).Phase, "not three TTLs yet")
	e.lost(e.Store.Heartbeat(e.ctx, gone.ID, exerciseTTL, peerstore.Stats{}), peerstore.PhaseExpired)
	require.Zero(e, prune())

	e.age(gone, 25*time.Hour)
	prune()
	for _, r := range e.view().Rows {
		require.NotEqual(e, gone.ID, r.ID, "forgotten after a day")
	}
}
