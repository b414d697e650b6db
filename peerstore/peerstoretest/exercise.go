package peerstoretest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// A Backend is an empty, migrated store, and what operators can do to its rows behind its back.
type Backend struct {
	Store peerstore.Store
	// Age makes the last renewal of a row, its joining and its last change of phase d older. So no test waits.
	Age func(ctx context.Context, id string, d time.Duration) error
	// Delete removes a row by hand.
	Delete func(ctx context.Context, id string) error
	// Watches tells whether Watch works here; otherwise it must return peerstore.ErrNoWatch.
	Watches bool
}

const (
	exerciseCluster = "exercise"
	exerciseTTL     = 10 * time.Second
)

// Exercise runs the suite that every Store must pass. newBackend makes a fresh one for each part.
func Exercise(t *testing.T, newBackend func(t *testing.T) Backend) {
	t.Helper()
	for name, part := range map[string]func(*exercise){
		"register":           testRegister,
		"register again":     testRegisterIsIdempotent,
		"register at once":   testRegisterConcurrently,
		"supersede":          testSupersede,
		"prior counts":       testPriorCounts,
		"heartbeat":          testHeartbeat,
		"lost rows":          testLostRows,
		"phases":             testPhases,
		"name server phases": testNamesrvPhases,
		"prior brokers":      testPriorBrokers,
		"liveness":           testLiveness,
		"outage":             testOutage,
		"no outage":          testNoOutage,
		"outage and joiner":  testOutageWithJoiner,
		"the long dead":      testGraceSparesNoDead,
		"prune":              testPrune,
		"clusters are apart": testClustersAreApart,
		"unknown cluster":    testUnknownCluster,
		"ended context":      testEndedContext,
		"watch":              testWatch,
	} {
		t.Run(name, func(t *testing.T) {
			part(&exercise{T: t, Backend: newBackend(t), ctx: t.Context()})
		})
	}
}

// exercise is one part's state and its shorthands.
type exercise struct {
	*testing.T
	Backend
	ctx context.Context
	n   int
}

// newID makes a peer id as a real server does.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// peer describes the next server, at an address of its own.
func (e *exercise) peer() peerstore.Peer {
	e.n++
	return peerstore.Peer{
		ID: newID(), Cluster: exerciseCluster, Region: "eu", Zone: "eu-1", Host: fmt.Sprintf("h%d", e.n), Version: "1.2.3",
		Addresses: peerstore.Addresses{Eureka: fmt.Sprintf("http://10.0.0.%d:8761/eureka/", e.n), Namesrv: "10.0.0.1:9876"},
		ProtoMin:  1, ProtoMax: 2,
	}
}

func (e *exercise) register(p peerstore.Peer) peerstore.Registration {
	e.Helper()
	r, err := e.Store.Register(e.ctx, p, exerciseTTL)
	require.NoError(e, err)
	return r
}

// serving registers the next server and brings it into service.
func (e *exercise) serving() peerstore.Peer {
	e.Helper()
	p := e.peer()
	e.register(p)
	require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseServing, ""))
	return p
}

func (e *exercise) beat(p peerstore.Peer) {
	e.Helper()
	require.NoError(e, e.Store.Heartbeat(e.ctx, p.ID, exerciseTTL, peerstore.Stats{}))
}

func (e *exercise) age(p peerstore.Peer, d time.Duration) {
	e.Helper()
	require.NoError(e, e.Age(e.ctx, p.ID, d))
}

func (e *exercise) view() peerstore.View {
	e.Helper()
	v, err := e.Store.Rows(e.ctx, exerciseCluster)
	require.NoError(e, err)
	return v
}

func (e *exercise) row(p peerstore.Peer) peerstore.Row {
	e.Helper()
	for _, r := range e.view().Rows {
		if r.ID == p.ID {
			return r
		}
	}
	require.Fail(e, "no row for "+p.ID)
	return peerstore.Row{}
}

func (e *exercise) declare(p peerstore.Peer) bool {
	e.Helper()
	declared, err := e.Store.DeclareOutage(e.ctx, p.ID, 16*time.Second)
	require.NoError(e, err)
	return declared
}

// lost asserts that err says that the row ended in this phase, empty for gone.
func (e *exercise) lost(err error, phase peerstore.Phase) {
	e.Helper()
	require.ErrorIs(e, err, peerstore.ErrSuperseded)
	var lost *peerstore.LostError
	require.ErrorAs(e, err, &lost)
	require.Equal(e, phase, lost.Phase)
}

func testEndedContext(e *exercise) {
	p := e.serving()
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err := e.Store.Register(ended, e.peer(), exerciseTTL)
	require.ErrorIs(e, err, context.Canceled)
	require.ErrorIs(e, e.Store.Heartbeat(ended, p.ID, exerciseTTL, peerstore.Stats{}), context.Canceled)
	_, err = e.Store.Rows(ended, exerciseCluster)
	require.ErrorIs(e, err, context.Canceled)
	require.Len(e, e.view().Rows, 1, "the store works on")
}

// testWatch needs real time where the store is real, so it waits for signals and never for a while.
func testWatch(e *exercise) {
	if !e.Watches {
		require.ErrorIs(e, e.Store.Watch(e.ctx, exerciseCluster, func() {}), peerstore.ErrNoWatch)
		return
	}
	ctx, cancel := context.WithCancel(e.ctx)
	woken := make(chan struct{}, 64)
	var watching sync.WaitGroup
	watching.Go(func() {
		err := e.Store.Watch(ctx, exerciseCluster, func() { woken <- struct{}{} })
		if ctx.Err() == nil {
			e.Errorf("watch ended by itself: %v", err)
		}
	})
	defer watching.Wait()
	defer cancel()
	woke := func(what string) {
		e.Helper()
		select {
		case <-woken:
		case <-time.After(10 * time.Second):
			require.Fail(e, "not woken by "+what)
		}
	}
	woke("the beginning")
	p := e.peer()
	e.register(p)
	woke("a join")
	require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseServing, ""))
	woke("a change of phase")
	require.NoError(e, e.Store.SetNamesrvPhase(e.ctx, p.ID, peerstore.PhaseServing))
	woke("a change of the name server's phase")
	require.NoError(e, e.Store.SetPhase(e.ctx, p.ID, peerstore.PhaseLeft, "test"))
	woke("a leave")
	other := e.peer()
	other.Cluster = "another"
	e.register(other)
	q := e.serving() // two changes, one or two wakes
	woke("a second join")
	e.beat(q)
	e.beat(q)
	// Heartbeats must not wake: at most the wake of the last change is still under way.
	require.LessOrEqual(e, len(woken), 1)
}
