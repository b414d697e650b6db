package peerstoretest

import (
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func testRegister(e *exercise) {
	p := e.peer()
	r := e.register(p)
	require.Positive(e, r.Epoch)
	require.NotEmpty(e, r.ClusterUUID)
	require.GreaterOrEqual(e, len(r.Secret), 16)
	require.Zero(e, r.PriorServing)
	require.Zero(e, r.PriorInstances)
	require.Zero(e, r.PriorBrokers)

	v := e.view()
	require.Equal(e, r.ClusterUUID, v.ClusterUUID)
	require.Equal(e, r.ViewVersion, v.Version)
	require.Len(e, v.Rows, 1)
	row := v.Rows[0]
	require.Equal(e, p.ID, row.ID)
	require.Equal(e, r.Epoch, row.Epoch)
	require.Equal(e, peerstore.PhaseJoining, row.Phase)
	require.Equal(e, p.Addresses, row.Addresses)
	require.Equal(e, []any{p.Cluster, p.Region, p.Zone, p.Host, p.Version, p.ProtoMin, p.ProtoMax},
		[]any{row.Cluster, row.Region, row.Zone, row.Host, row.Version, row.ProtoMin, row.ProtoMax})
	require.True(e, row.Live)
	require.False(e, row.Grace)
	require.Equal(e, exerciseTTL, row.TTL)
	require.Less(e, row.Age, exerciseTTL)

	second := e.register(e.peer())
	require.Greater(e, second.Epoch, r.Epoch, "a later start has a greater epoch")
	require.Greater(e, second.ViewVersion, r.ViewVersion)
	require.Equal(e, r.Secret, second.Secret, "one secret per cluster")
	require.Equal(e, r.ClusterUUID, second.ClusterUUID)

	for _, bad := range []peerstore.Peer{{}, {ID: newID(), Cluster: exerciseCluster}, {Cluster: exerciseCluster, Addresses: p.Addresses}} {
		_, err := e.Store.Register(e.ctx, bad, exerciseTTL)
		require.Error(e, err)
	}
}

func testRegisterIsIdempotent(e *exercise) {
	p := e.peer()
	first := e.register(p)
	seq := e.row(p).Seq
	e.age(p, 5*time.Second)
	again := e.register(p)
	require.Equal(e, first, again, "the second try finds what the first one committed")
	require.Len(e, e.view().Rows, 1)
	require.Greater(e, e.row(p).Seq, seq)
	require.Less(e, e.row(p).Age, 5*time.Second, "and counts as a heartbeat")

	require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseLeft, "test"))
	_, err := e.Store.Register(e.ctx, p, exerciseTTL)
	e.lost(err, peerstore.PhaseLeft)
}

func testRegisterConcurrently(e *exercise) {
	const servers = 16
	var registering sync.WaitGroup
	epochs, errs := make([]int64, servers), make([]error, servers)
	for i := range servers {
		p := e.peer()
		registering.Go(func() {
			r, err := e.Store.Register(e.ctx, p, exerciseTTL)
			epochs[i], errs[i] = r.Epoch, err
		})
	}
	registering.Wait()
	seen := make(map[int64]bool)
	for i := range servers {
		require.NoError(e, errs[i])
		require.False(e, seen[epochs[i]], "epochs are unique")
		seen[epochs[i]] = true
	}
	require.Len(e, e.view().Rows, servers)
}

func testSupersede(e *exercise) {
	first := e.serving()
	second := e.peer()
	second.Addresses.Eureka = first.Addresses.Eureka
	e.register(second)
	require.Equal(e, peerstore.PhaseSuperseded, e.row(first).Phase)
	require.False(e, e.row(first).Live)
	require.Equal(e, peerstore.PhaseJoining, e.row(second).Phase)
	e.lost(e.Store.Heartbeat(e.ctx, first.ID, exerciseTTL, peerstore.Stats{}), peerstore.PhaseSuperseded)
	e.lost(e.Store.SetPhase(e.ctx, first.ID, peerstore.PhaseServing, ""), peerstore.PhaseSuperseded)
	_, err := e.Store.Register(e.ctx, first, exerciseTTL)
	e.lost(err, peerstore.PhaseSuperseded)
}

func testPriorCounts(e *exercise) {
	count := func(p peerstore.Peer, instances int) {
		require.NoError(e, e.Store.Heartbeat(e.ctx, p.ID, exerciseTTL, peerstore.Stats{Instances: instances}))
	}
	a, b, c, joining := e.serving(), e.serving(), e.serving(), e.peer()
	e.register(joining)
	count(a, 500)
	count(b, 480)
	count(c, 900)
	e.age(c, 10*time.Minute) // of another time

	r := e.register(e.peer())
	require.Equal(e, 2, r.PriorServing, "live and serving")
	require.Equal(e, 500, r.PriorInstances, "the most that anyone counted lately")

	for _, p := range []peerstore.Peer{a, b, joining} {
		require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseLeft, "test"))
	}
	next := e.peer()
	next.Addresses = a.Addresses
	r = e.register(next)
	require.Zero(e, r.PriorServing)
	require.Equal(e, 500, r.PriorInstances, "rows that have left count what may come back")
	require.Equal(e, r, e.register(next), "the same at a second try")
}

func testHeartbeat(e *exercise) {
	p := e.serving()
	before := e.row(p)
	version := e.view().Version
	e.age(p, 8*time.Second)
	require.GreaterOrEqual(e, e.row(p).Age, 8*time.Second)
	sent := peerstore.Stats{
		Applications: 3, Instances: 7, RegistryVersion: 1 << 60, Digest: 1<<63 + 5, SelfPreservation: true, RenewsPerMinute: 14,
		PeersOK: 1, PeersTotal: 2, LagMS: 12, Brokers: 4, Topics: 60_000, RoutesDigest: 1<<63 + 7,
	}
	for range 12 {
		sent.Unreachable = append(sent.Unreachable, newID())
	}
	require.NoError(e, e.Store.Heartbeat(e.ctx, p.ID, 30*time.Second, sent))
	after := e.row(p)
	require.Equal(e, before.Seq+1, after.Seq)
	require.Less(e, after.Age, 8*time.Second)
	require.Equal(e, 30*time.Second, after.TTL)
	sent.Unreachable = sent.Unreachable[:8]
	require.Equal(e, sent, after.Stats, "every bit, and eight of the unreachable")
	require.Equal(e, version, e.view().Version, "membership did not change")
}

func testLostRows(e *exercise) {
	p := e.serving()
	require.NoError(e, e.Delete(e.ctx, p.ID))
	e.lost(e.Store.Heartbeat(e.ctx, p.ID, exerciseTTL, peerstore.Stats{}), "")
	e.lost(e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseDraining, ""), "")
	require.False(e, e.declare(p))
	evicted := e.serving()
	require.NoError(e, e.Store.SetPhase(e.ctx, evicted.ID, peerstore.PhaseEvicted, "an operator"))
	e.lost(e.Store.Heartbeat(e.ctx, evicted.ID, exerciseTTL, peerstore.Stats{}), peerstore.PhaseEvicted)
	require.Equal(e, peerstore.PhaseEvicted, e.row(evicted).Phase)
	e.register(p) // the same id again, as after a failover that lost the row
	require.Equal(e, peerstore.PhaseJoining, e.row(p).Phase)
}

func testPhases(e *exercise) {
	p := e.peer()
	e.register(p)
	version := e.view().Version
	for _, phase := range []peerstore.Phase{peerstore.PhaseServing, peerstore.PhaseDraining, peerstore.PhaseServing, peerstore.PhaseLeft} {
		require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, phase, "test"))
		v := e.view()
		require.Greater(e, v.Version, version)
		require.Equal(e, phase, e.row(p).Phase)
		require.Equal(e, phase.Living(), e.row(p).Live)
		version = v.Version
		if phase.Living() {
			require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, phase, "again"))
			require.Equal(e, version, e.view().Version, "no change is no change")
		}
	}
	e.lost(e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseServing, ""), peerstore.PhaseLeft)
}

func testClustersAreApart(e *exercise) {
	mine, theirs := e.serving(), e.peer()
	theirs.Cluster, theirs.Addresses = "another", mine.Addresses
	r, err := e.Store.Register(e.ctx, theirs, exerciseTTL)
	require.NoError(e, err)
	v := e.view()
	require.Len(e, v.Rows, 1, "the same address in another cluster supersedes nobody")
	require.Equal(e, peerstore.PhaseServing, v.Rows[0].Phase)
	require.NotEqual(e, v.ClusterUUID, r.ClusterUUID)
	require.NotEqual(e, e.register(e.peer()).Secret, r.Secret)
	require.Zero(e, r.PriorServing)
}

func testUnknownCluster(e *exercise) {
	v, err := e.Store.Rows(e.ctx, "nobody")
	require.NoError(e, err)
	require.Empty(e, v.Rows)
	closed, err := e.Store.Prune(e.ctx, "nobody")
	require.NoError(e, err)
	require.Zero(e, closed)
}
