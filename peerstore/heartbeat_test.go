package peerstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

// beating runs a Heartbeater on a path of its own for the length of a test.
func beating(t *testing.T, db *peerstoretest.Fake, opts ...func(*peerstore.HeartbeaterConfig)) (h *peerstore.Heartbeater, path *peerstoretest.Path, stop func()) {
	path = db.NewPath()
	cfg := peerstore.HeartbeaterConfig{
		Store: path,
		Peer:  peerstore.Peer{Cluster: "test", Addresses: peerstore.Addresses{Eureka: "http://me:8761/eureka/"}},
	}
	for _, o := range opts {
		o(&cfg)
	}
	h = peerstore.NewHeartbeater(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return h, path, stop
}

func rowOf(t *testing.T, db *peerstoretest.Fake, id string) peerstore.Row {
	t.Helper()
	view, err := db.Rows(context.Background(), "test")
	require.NoError(t, err)
	for _, r := range view.Rows {
		if r.ID == id {
			return r
		}
	}
	require.Fail(t, "no row")
	return peerstore.Row{}
}

func TestRegisterBeatLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		db.SetDown(true)
		var told []peerstore.Peer
		h, _, stop := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.OnRegistered = func(p peerstore.Peer, r peerstore.Registration) {
				require.NotEmpty(t, r.Secret)
				told = append(told, p)
			}
			c.Stats = func() peerstore.Stats { return peerstore.Stats{Instances: 42} }
		})
		first := h.Self()
		require.Negative(t, first.Epoch, "no row yet")
		require.True(t, first.Unverified)
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, first.ID)
		db.SetDown(false)
		<-h.Registered()
		self := h.Self()
		require.Equal(t, first.ID, self.ID)
		require.Equal(t, int64(1), self.Epoch)
		require.False(t, self.Unverified)
		require.Equal(t, []peerstore.Peer{self}, told)
		require.Equal(t, peerstore.PhaseJoining, self.Phase)

		h.SetPhase(peerstore.PhaseServing, "synced")
		require.Equal(t, peerstore.PhaseServing, h.Self().Phase, "at once for who asks us")
		synctest.Wait()
		require.Equal(t, peerstore.PhaseServing, rowOf(t, db, self.ID).Phase)

		before := rowOf(t, db, self.ID).Seq
		time.Sleep(5 * time.Minute)
		beats := rowOf(t, db, self.ID).Seq - before
		require.InDelta(t, 100, beats, 8, "every 3 s ± 10 %")
		require.Equal(t, 42, rowOf(t, db, self.ID).Stats.Instances)
		require.Zero(t, h.Status().WatchdogReplaced)

		stop()
		require.Equal(t, peerstore.PhaseLeft, rowOf(t, db, self.ID).Phase)
		require.Equal(t, peerstore.PhaseLeft, h.Self().Phase)
	})
}

func TestLeaveWithoutDatabaseIsQuick(t *testing.T) {
	for name, fault := range map[string]func(*peerstoretest.Path){
		"refused":    func(p *peerstoretest.Path) { p.SetCut(true) },
		"no answer":  func(p *peerstoretest.Path) { p.SetBlackHole(true) },
		"reply lost": func(p *peerstoretest.Path) { p.LoseReplies(1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, path, stop := beating(t, peerstoretest.NewFake())
				<-h.Registered()
				synctest.Wait()
				fault(path)
				start := time.Now()
				stop()
				require.LessOrEqual(t, time.Since(start), 3*time.Second)
			})
		})
	}
}

// The goodbye overtakes a phase that is on its way into the row, and says the same or more: nothing went wrong.
func TestLeaveInTheMiddleOfAPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		var log bytes.Buffer
		h, path, stop := beating(t, db, func(c *peerstore.HeartbeaterConfig) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		<-h.Registered()
		synctest.Wait()
		path.SetLatency(100 * time.Millisecond)
		h.SetPhase(peerstore.PhaseServing, "synced")
		synctest.Wait()
		stop()
		require.Equal(t, peerstore.PhaseLeft, rowOf(t, db, h.Self().ID).Phase)
		require.NotContains(t, log.String(), "level=WARN")
	})
}

func TestLeaveInTheMiddleOfRegistering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		path := db.NewPath()
		path.LoseReplies(1)
		h := peerstore.NewHeartbeater(peerstore.HeartbeaterConfig{Store: path, Peer: peerstore.Peer{
			Cluster: "test", Addresses: peerstore.Addresses{Eureka: "http://me/eureka/"},
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, h.Run(ctx))
		require.Equal(t, peerstore.PhaseLeft, rowOf(t, db, h.Self().ID).Phase, "the attempt had been committed")
	})
}

func TestRegisterNeverGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		db.SetDown(true)
		h, _, _ := beating(t, db)
		id := h.Self().ID
		time.Sleep(time.Hour)
		require.NotEmpty(t, h.Status().LastError)
		require.Zero(t, h.Status().WatchdogReplaced, "waiting is not being stuck")
		db.SetDown(false)
		time.Sleep(6 * time.Second)
		require.True(t, h.Status().Registered)
		require.Equal(t, id, h.Self().ID)
	})
}

func TestAttemptsDuringOutageArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		var attempts atomic.Int64
		h, path, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) { c.Store = counting{c.Store, &attempts} })
		<-h.Registered()
		path.SetCut(true)
		time.Sleep(10 * time.Minute)
		require.LessOrEqual(t, attempts.Load(), int64(10*60/2))
		path.SetCut(false)
		time.Sleep(4 * time.Second)
		require.Zero(t, h.Status().Failures)
	})
}

// With short intervals a server comes back from an outage in time too: a retry is never longer than a heartbeat.
func TestRetriesFitTheIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		h, path, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.Settings = peerstore.Settings{Heartbeat: 400 * time.Millisecond, TTL: 1500 * time.Millisecond, Poll: 300 * time.Millisecond}
		})
		<-h.Registered()
		path.SetCut(true)
		time.Sleep(time.Minute)
		path.SetCut(false)
		time.Sleep(500 * time.Millisecond)
		require.Zero(t, h.Status().Failures)
		require.Equal(t, 1, h.Status().OutagesDeclared)
	})
}

type counting struct {
	peerstore.Store
	n *atomic.Int64
}

func (c counting) Heartbeat(ctx context.Context, id string, ttl time.Duration, s peerstore.Stats) error {
	c.n.Add(1)
	return c.Store.Heartbeat(ctx, id, ttl, s)
}

func (c counting) DeclareOutage(ctx context.Context, id string, grace time.Duration) (bool, error) {
	c.n.Add(1)
	return c.Store.DeclareOutage(ctx, id, grace)
}

// A locked cluster row holds up joins and changes of phase; heartbeats do not touch it and must go on.
func TestHeartbeatsGoOnWhilePhasesAreLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		var locked atomic.Bool
		h, _, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) { c.Store = phaseLock{c.Store, &locked} })
		<-h.Registered()
		locked.Store(true)
		h.SetPhase(peerstore.PhaseServing, "")
		for range 60 {
			time.Sleep(time.Second)
			require.True(t, rowOf(t, db, h.Self().ID).Live)
		}
		locked.Store(false)
		time.Sleep(6 * time.Second)
		require.Equal(t, peerstore.PhaseServing, rowOf(t, db, h.Self().ID).Phase)
	})
}

type phaseLock struct {
	peerstore.Store
	locked *atomic.Bool
}

func (l phaseLock) SetPhase(ctx context.Context, id string, p peerstore.Phase, reason string) error {
	if l.locked.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return l.Store.SetPhase(ctx, id, p, reason)
}

func TestWatchdogReplacesAStuckLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		h, path, _ := beating(t, db)
		<-h.Registered()
		synctest.Wait()
		release := path.Stick()
		defer release()
		last := rowOf(t, db, h.Self().ID).Seq
		start := time.Now()
		for rowOf(t, db, h.Self().ID).Seq < last+1 {
			time.Sleep(100 * time.Millisecond)
		}
		require.LessOrEqual(t, time.Since(start), 7*time.Second, "about two intervals")
		require.Equal(t, 1, h.Status().WatchdogReplaced)
		require.True(t, rowOf(t, db, h.Self().ID).Live, "the lease never lapsed")
		time.Sleep(time.Minute)
		release()
		time.Sleep(time.Minute)
		require.Equal(t, 1, h.Status().WatchdogReplaced)
		require.Zero(t, h.Status().Failures, "the one that was stuck has no say any more")
		require.Equal(t, 1, h.Status().Incarnations)
	})
}

func TestWatchdogReplacesALoopThatPanicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		var calls atomic.Int64
		h, _, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.Stats = func() peerstore.Stats {
				if calls.Add(1) == 3 {
					panic("a bug")
				}
				return peerstore.Stats{}
			}
		})
		<-h.Registered()
		for range 60 {
			time.Sleep(time.Second)
			require.True(t, rowOf(t, db, h.Self().ID).Live)
		}
		require.Equal(t, 1, h.Status().WatchdogReplaced)
	})
}

func TestWatchdogReplacesACallbackThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		hang := make(chan struct{})
		defer close(hang)
		var calls atomic.Int64
		h, _, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.Stats = func() peerstore.Stats {
				if calls.Add(1) == 3 {
					<-hang
				}
				return peerstore.Stats{}
			}
		})
		<-h.Registered()
		time.Sleep(time.Minute)
		require.True(t, rowOf(t, db, h.Self().ID).Live)
		require.Equal(t, 1, h.Status().WatchdogReplaced)
	})
}

func TestClosedRowIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		var told []peerstore.Peer
		h, _, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) {
			c.OnRegistered = func(p peerstore.Peer, _ peerstore.Registration) { told = append(told, p) }
		})
		<-h.Registered()
		h.SetPhase(peerstore.PhaseServing, "")
		for i, phase := range []peerstore.Phase{peerstore.PhaseExpired, peerstore.PhaseLeft} {
			old := h.Self()
			require.NoError(t, db.SetPhase(t.Context(), old.ID, phase, "test"))
			time.Sleep(4 * time.Second)
			now := h.Self()
			require.NotEqual(t, old.ID, now.ID)
			require.Greater(t, now.Epoch, old.Epoch)
			require.Equal(t, peerstore.PhaseServing, rowOf(t, db, now.ID).Phase, "in the phase it was in")
			require.Len(t, told, i+2)
		}
	})
}

// Two servers that both hear themselves at one address, as behind an address shared by mistake, must not play ping-pong.
func TestClaimsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		start := func() *peerstore.Heartbeater {
			var me mirror
			h, _, _ := beating(t, db, func(c *peerstore.HeartbeaterConfig) { c.Prober = &me })
			me.h.Store(h)
			return h
		}
		a := start()
		time.Sleep(time.Second)
		start()
		time.Sleep(10 * time.Minute)
		view, err := db.Rows(t.Context(), "test")
		require.NoError(t, err)
		require.LessOrEqual(t, len(view.Rows), 10)
		require.False(t, a.Status().DuplicateURL, "nobody else was seen")
	})
}

// mirror answers every probe as the server that asks.
type mirror struct {
	h atomic.Pointer[peerstore.Heartbeater]
}

func (m *mirror) Probe(context.Context, string) (peerstore.Identity, error) {
	return peerstore.IdentityOf(m.h.Load().Self(), "uuid"), nil
}

func TestSupersededWithoutProberWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := peerstoretest.NewFake()
		h, _, _ := beating(t, db)
		<-h.Registered()
		other := h.Self()
		other.ID = "another"
		_, err := db.Register(t.Context(), other, time.Minute)
		require.NoError(t, err)
		time.Sleep(30 * time.Second)
		require.Equal(t, peerstore.PhaseSuperseded, h.Self().Phase, "it cannot know who is right")
		time.Sleep(40 * time.Second)
		require.Equal(t, peerstore.PhaseJoining, h.Self().Phase, "it claims its address after a minute")
		require.True(t, h.Status().Registered)
	})
}
