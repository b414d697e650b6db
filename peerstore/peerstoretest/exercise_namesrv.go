package peerstoretest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func testNamesrvPhases(e *exercise) {
	p := e.serving()
	require.Empty(e, e.row(p).NamesrvPhase, "off")
	version := e.view().Version
	set := func(phase peerstore.Phase) {
		e.Helper()
		require.NoError(e, e.Store.SetNamesrvPhase(e.ctx, p.ID, phase))
		require.Equal(e, phase, e.row(p).NamesrvPhase)
		require.Equal(e, peerstore.PhaseServing, e.row(p).Phase, "the other side's affair")
	}
	for _, phase := range []peerstore.Phase{peerstore.PhaseJoining, peerstore.PhaseServing, peerstore.PhaseDraining, peerstore.PhaseLeft, ""} {
		set(phase)
		require.Greater(e, e.view().Version, version)
		version = e.view().Version
		set(phase)
		require.Equal(e, version, e.view().Version, "no change is no change")
	}
	require.True(e, e.row(p).Live, "none of them ends the row")

	q := e.peer()
	q.NamesrvPhase = peerstore.PhaseServing
	e.register(q)
	require.Equal(e, peerstore.PhaseServing, e.row(q).NamesrvPhase, "registered as it is")
	require.Equal(e, peerstore.PhaseJoining, e.row(q).Phase)
	require.Equal(e, q.Addresses.Namesrv, e.row(q).Addresses.Namesrv)

	require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseLeft, "test"))
	e.lost(e.Store.SetNamesrvPhase(e.ctx, p.ID, peerstore.PhaseServing), peerstore.PhaseLeft)
	require.NoError(e, e.Delete(e.ctx, q.ID))
	e.lost(e.Store.SetNamesrvPhase(e.ctx, q.ID, peerstore.PhaseLeft), "")
}

func testPriorBrokers(e *exercise) {
	count := func(p peerstore.Peer, brokers int) {
		e.Helper()
		require.NoError(e, e.Store.Heartbeat(e.ctx, p.ID, exerciseTTL, peerstore.Stats{Instances: 7, Brokers: brokers}))
	}
	served := func() peerstore.Peer {
		e.Helper()
		p := e.peer()
		p.NamesrvPhase = peerstore.PhaseJoining
		e.register(p)
		require.NoError(e, e.Store.SetNamesrvPhase(e.ctx, p.ID, peerstore.PhaseServing))
		return p
	}
	off := e.serving()
	count(off, 0)
	require.Zero(e, e.register(e.peer()).PriorBrokers, "no name server was ever there")

	a, b, old := served(), served(), served()
	count(a, 5)
	count(b, 4)
	count(old, 9)
	e.age(old, 10*time.Minute) // of another time
	require.Equal(e, 5, e.register(e.peer()).PriorBrokers, "the most that anyone counted lately")

	// All of them end, and five minutes later one comes that never gets to serve.
	for _, p := range []peerstore.Peer{a, b} {
		require.NoError(e, e.Store.SetNamesrvPhase(e.ctx, p.ID, peerstore.PhaseLeft))
		require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseLeft, "test"))
		e.age(p, 5*time.Minute)
	}
	crashing := e.peer()
	crashing.NamesrvPhase = peerstore.PhaseJoining
	e.register(crashing)
	count(crashing, 0)
	next := e.peer()
	next.Addresses = a.Addresses
	r := e.register(next)
	require.Equal(e, 5, r.PriorBrokers, "who did not serve counted nothing; rows that have left count what may come back")
	require.Equal(e, r, e.register(next), "the same at a second try")

	again := e.peer()
	again.NamesrvPhase = peerstore.PhaseServing // as a server that lost its row and registers again
	e.register(again)
	require.Zero(e, e.register(e.peer()).PriorBrokers, "it serves, and knows of none")
}
