package peerstoretest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

func TestExerciseFake(t *testing.T) {
	peerstoretest.Exercise(t, func(*testing.T) peerstoretest.Backend {
		db := peerstoretest.NewFake()
		return peerstoretest.Backend{
			Store: db.NewPath(),
			Age: func(_ context.Context, id string, d time.Duration) error {
				db.Do(func(r *peerstoretest.Rows) { r.Age(id, d) })
				return nil
			},
			Delete: func(_ context.Context, id string) error {
				db.Do(func(r *peerstoretest.Rows) { r.Delete(id) })
				return nil
			},
			Watches: true,
		}
	})
}

var someone = peerstore.Peer{ID: "a", Cluster: "c", Addresses: peerstore.Addresses{Eureka: "http://a/eureka/"}}

func TestFrozenFakeCommitsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		db.SetFrozen(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := db.Register(ctx, someone, time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		db.SetFrozen(false)
		view, err := db.Rows(t.Context(), "c")
		require.NoError(t, err)
		require.Len(t, view.Rows, 1, "the caller had given up, the database had not")
	})
}

func TestThawedFakeAnswersWhoStillWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		db.SetFrozen(true)
		time.AfterFunc(time.Second, func() { db.SetFrozen(false) })
		reg, err := db.Register(t.Context(), someone, time.Second)
		require.NoError(t, err)
		require.Equal(t, int64(1), reg.Epoch)
	})
}

func TestFailoverLosesWrites(t *testing.T) {
	db := peerstoretest.NewFake()
	_, err := db.Register(t.Context(), someone, time.Second)
	require.NoError(t, err)
	before, err := db.Rows(t.Context(), "c")
	require.NoError(t, err)
	db.StopReplication()
	other := someone
	other.ID, other.Addresses.Eureka = "b", "http://b/eureka/"
	_, err = db.Register(t.Context(), other, time.Second)
	require.NoError(t, err)
	db.Failover()
	after, err := db.Rows(t.Context(), "c")
	require.NoError(t, err)
	require.Len(t, after.Rows, 1)
	require.Equal(t, before.Version, after.Version, "versions repeat")
	require.Greater(t, after.Timeline, before.Timeline)
}

func TestPathsBreakApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		good, bad := db.NewPath(), db.NewPath()
		read := func(p *peerstoretest.Path) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := p.Rows(ctx, "c")
			return err
		}
		bad.SetCut(true)
		require.ErrorIs(t, read(bad), peerstoretest.ErrDown)
		require.NoError(t, read(good))
		bad.SetCut(false)
		bad.SetBlackHole(true)
		require.ErrorIs(t, read(bad), context.DeadlineExceeded)
		bad.SetBlackHole(false)
		bad.SetLatency(2 * time.Second)
		require.ErrorIs(t, read(bad), context.DeadlineExceeded)
		bad.SetLatency(0)
		bad.LoseReplies(1)
		require.ErrorIs(t, read(bad), context.DeadlineExceeded)
		require.NoError(t, read(bad))
		release := bad.Stick()
		time.AfterFunc(time.Minute, release)
		start := time.Now()
		require.Error(t, read(bad))
		require.Equal(t, time.Minute, time.Since(start), "a stuck call keeps no deadline")
		db.SetDown(true)
		require.ErrorIs(t, read(good), peerstoretest.ErrDown)
	})
}

func TestNaive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		_, err := db.Register(t.Context(), someone, time.Second)
		require.NoError(t, err)
		view, err := db.Rows(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, []string{"a"}, peerstoretest.Naive(view))
		db.JumpClock(time.Minute)
		view, err = db.Rows(t.Context(), "c")
		require.NoError(t, err)
		require.Empty(t, peerstoretest.Naive(view))
	})
}
