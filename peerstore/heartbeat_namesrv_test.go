package peerstore_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

// The RocketMQ side's phase is written like the Eureka side's: tried again through an outage, and carried by every new incarnation.
func TestNamesrvPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		var told []peerstore.Peer
		h, path, stop := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.Peer.Addresses.Namesrv = "10.0.0.1:9876"
			c.OnRegistered = func(p peerstore.Peer, _ peerstore.Registration) { told = append(told, p) }
		})
		require.Equal(t, peerstore.PhaseJoining, h.Self().NamesrvPhase, "from the beginning")
		<-h.Registered()
		written := func() peerstore.Phase { return rowOf(t, db, h.Self().ID).NamesrvPhase }
		require.Equal(t, peerstore.PhaseJoining, written())
		require.Equal(t, "10.0.0.1:9876", rowOf(t, db, h.Self().ID).Addresses.Namesrv)

		h.SetNamesrvPhase(peerstore.PhaseServing)
		require.Equal(t, peerstore.PhaseServing, h.Self().NamesrvPhase, "at once for who asks us")
		require.Equal(t, peerstore.PhaseJoining, h.Self().Phase)
		synctest.Wait()
		require.Equal(t, peerstore.PhaseServing, written())
		require.Equal(t, peerstore.PhaseJoining, rowOf(t, db, h.Self().ID).Phase)

		path.SetCut(true)
		h.SetNamesrvPhase(peerstore.PhaseDraining)
		time.Sleep(10 * time.Minute)
		require.Equal(t, peerstore.PhaseServing, written())
		path.SetCut(false)
		time.Sleep(8 * time.Second)
		require.Equal(t, peerstore.PhaseDraining, written())

		h.SetNamesrvPhase(peerstore.PhaseServing)
		synctest.Wait()
		require.NoError(t, db.SetPhase(t.Context(), h.Self().ID, peerstore.PhaseExpired, "test"))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		require.Len(t, told, 2)
		require.Equal(t, peerstore.PhaseServing, told[1].NamesrvPhase, "a new incarnation begins as what it was")
		require.Equal(t, peerstore.PhaseServing, written())

		h.SetNamesrvPhase("")
		synctest.Wait()
		require.Empty(t, written())
		stop()
		require.Empty(t, h.Self().NamesrvPhase)
	})
}

// When the answer to a registration is lost and the phase changes before the next attempt, the row says in the end what was asked for.
func TestNamesrvPhaseBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		h, path, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.Peer.Addresses.Namesrv, c.Peer.NamesrvPhase = "10.0.0.1:9876", peerstore.PhaseServing
		})
		<-h.Registered()
		for _, phase := range []peerstore.Phase{peerstore.PhaseDraining, peerstore.PhaseLeft} {
			path.LoseReplies(2) // of the heartbeat that finds the row closed, and of the registration
			require.NoError(t, db.SetPhase(t.Context(), h.Self().ID, peerstore.PhaseExpired, "test"))
			time.Sleep(5 * time.Second)
			h.SetNamesrvPhase(phase)
			time.Sleep(time.Minute)
			require.True(t, h.Status().Registered)
			require.Equal(t, phase, rowOf(t, db, h.Self().ID).NamesrvPhase)
			require.Equal(t, phase, h.Self().NamesrvPhase)
		}
	})
}

// One side whose phase the database does not take holds up neither heartbeats nor the other side.
func TestPhasesAreWrittenApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		var locked atomic.Bool
		locked.Store(true)
		h, _, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.Store, c.Peer.Addresses.Namesrv = phaseLock{c.Store, &locked}, "10.0.0.1:9876"
		})
		<-h.Registered()
		h.SetPhase(peerstore.PhaseServing, "")
		h.SetNamesrvPhase(peerstore.PhaseServing)
		time.Sleep(5 * time.Second)
		row := rowOf(t, db, h.Self().ID)
		require.Equal(t, peerstore.PhaseJoining, row.Phase)
		require.Equal(t, peerstore.PhaseServing, row.NamesrvPhase)
		for range 60 {
			time.Sleep(time.Second)
			require.True(t, rowOf(t, db, h.Self().ID).Live)
		}
		locked.Store(false)
		time.Sleep(6 * time.Second)
		require.Equal(t, peerstore.PhaseServing, rowOf(t, db, h.Self().ID).Phase)
	})
}
