package pgstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

const ttl = 10 * time.Second

var addresses atomic.Int64

// newPeer describes a server at an address of its own.
func newPeer() peerstore.Peer {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return peerstore.Peer{
		ID:      fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]),
		Cluster: "c", Region: "eu", Zone: "eu-1",
		Addresses: peerstore.Addresses{Eureka: fmt.Sprintf("http://10.0.0.%d:8761/eureka/", addresses.Add(1))},
	}
}

func register(t testing.TB, s *pgstore.Store) peerstore.Peer {
	t.Helper()
	p := newPeer()
	_, err := s.Register(t.Context(), p, ttl)
	require.NoError(t, err)
	return p
}

// watch runs Watch and returns a channel that has a token after every wake, and one for its end.
func watch(ctx context.Context, s *pgstore.Store) (woken chan struct{}, ended chan error) {
	woken, ended = make(chan struct{}, 1000), make(chan error, 1)
	go func() { ended <- s.Watch(ctx, "c", func() { woken <- struct{}{} }) }()
	return woken, ended
}

// T27: the listening backend is terminated again and again; each Watch ends at once and the next one works.
func TestWatchIsKilled(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema})
	p := register(t, s)
	for i := range 5 {
		woken, ended := watch(t.Context(), s)
		<-woken // listens
		phase := []peerstore.Phase{peerstore.PhaseServing, peerstore.PhaseDraining}[i%2]
		require.NoError(t, s.SetPhase(t.Context(), p.ID, phase, ""))
		<-woken
		tag, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE query LIKE 'LISTEN%' || $1::text || '%' AND pid <> pg_backend_pid()`, schema)
		require.NoError(t, err)
		require.Positive(t, tag.RowsAffected())
		require.ErrorIs(t, <-ended, pgstore.ErrUnreachable)
	}
}

// T27: somebody floods the channel, with payloads of the greatest size. Wakes are hints, and nothing in them is read.
func TestWatchIsFlooded(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema})
	ctx, cancel := context.WithCancel(t.Context())
	woken, ended := watch(ctx, s)
	<-woken
	_, err := pool.Exec(ctx, `SELECT pg_notify(peer_channel('c'), repeat('x', 7990) || n) FROM generate_series(1, 200) n`)
	require.NoError(t, err)
	for range 200 {
		<-woken
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestWatchHearsOnlyItsClusterAndSchema(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema})
	otherPool, otherSchema := pgtest.Pool(t)
	other := newStore(t, otherPool, pgstore.Config{Schema: otherSchema})
	woken, _ := watch(t.Context(), s)
	<-woken
	register(t, other)
	p := newPeer()
	p.Cluster = "d"
	_, err := s.Register(t.Context(), p, ttl)
	require.NoError(t, err)
	require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
	mine := register(t, s)
	<-woken
	require.NoError(t, s.Heartbeat(t.Context(), mine.ID, ttl, peerstore.Stats{}))
	_, err = s.Rows(t.Context(), "c")
	require.NoError(t, err)
	require.Empty(t, woken, "one join, one wake; nothing for heartbeats, other clusters and other schemas")
}

// T32: an operator's transaction locks the clusters. Heartbeats go on; joins fail by their deadline and succeed afterwards.
func TestClustersAreLocked(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema, OpTimeout: 20 * time.Second})
	hasty := newStore(t, pool, pgstore.Config{Schema: schema, OpTimeout: 200 * time.Millisecond})
	p := register(t, s)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), "LOCK TABLE clusters IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)

	require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
	joiner := newPeer()
	_, err = hasty.Register(t.Context(), joiner, ttl)
	require.ErrorIs(t, err, pgstore.ErrTimeout)
	_, err = hasty.Rows(t.Context(), "c")
	require.ErrorIs(t, err, pgstore.ErrTimeout)
	require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))

	require.NoError(t, tx.Rollback(t.Context()))
	_, err = s.Register(t.Context(), joiner, ttl)
	require.NoError(t, err)
	view, err := s.Rows(t.Context(), "c")
	require.NoError(t, err)
	require.Len(t, view.Rows, 2, "the attempt that timed out left nothing")
}

// Reads that hang cannot keep a heartbeat from a connection.
func TestReadsDoNotStarveHeartbeats(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema, OpTimeout: 5 * time.Second})
	p := register(t, s)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), "LOCK TABLE clusters IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	var reads errgroup.Group
	for range 50 {
		reads.Go(func() error {
			if _, err := s.Rows(t.Context(), "c"); !errors.Is(err, pgstore.ErrTimeout) {
				return fmt.Errorf("a read ended with %w", err)
			}
			return nil
		})
	}
	for range 10 {
		require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
	}
	require.NoError(t, reads.Wait())
	require.NoError(t, tx.Rollback(t.Context()))
}

// T3, and many processes that claim one address: every attempt ends in one living row per address, and nobody gets an error.
func TestRegisterRaces(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema, OpTimeout: 30 * time.Second})
	var group errgroup.Group
	same, contested := newPeer(), newPeer()
	for range 20 {
		group.Go(func() error { // one process, several attempts in flight
			_, err := s.Register(t.Context(), same, ttl)
			return err
		})
		claimant := newPeer()
		claimant.Addresses = contested.Addresses
		group.Go(func() error { // another process at the same address
			_, err := s.Register(t.Context(), claimant, ttl)
			return err
		})
		own := newPeer()
		group.Go(func() error { // registers, moves and leaves at the same time
			if _, err := s.Register(t.Context(), own, ttl); err != nil {
				return err
			}
			if err := s.SetPhase(t.Context(), own.ID, peerstore.PhaseServing, ""); err != nil {
				return err
			}
			return s.SetPhase(t.Context(), own.ID, peerstore.PhaseLeft, "")
		})
	}
	require.NoError(t, group.Wait())
	view, err := s.Rows(t.Context(), "c")
	require.NoError(t, err)
	living := make(map[string]int)
	epochs := make(map[int64]bool)
	for _, r := range view.Rows {
		require.False(t, epochs[r.Epoch], "epochs are an order")
		epochs[r.Epoch] = true
		if r.Phase.Living() {
			living[r.Addresses.Eureka]++
		}
	}
	require.Equal(t, map[string]int{same.Addresses.Eureka: 1, contested.Addresses.Eureka: 1}, living)
	require.Len(t, view.Rows, 1+20+20)
}

// T24: a synchronous standby is missing. Heartbeats do not wait for it; joins do, and return by their deadline.
func TestSynchronousStandbyIsMissing(t *testing.T) {
	server, err := localpg.Start(t.Context(), localpg.Config{Settings: map[string]string{"synchronous_commit": "on"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	pool := pgtest.Open(t, server.URL(), migrations.DefaultSchema)
	require.NoError(t, migrations.Up(t.Context(), pgstore.SQL(pool), migrations.DefaultSchema, nil))
	s := newStore(t, pool, pgstore.Config{OpTimeout: 20 * time.Second})
	hasty := newStore(t, pool, pgstore.Config{OpTimeout: 500 * time.Millisecond})
	p := register(t, s)

	_, err = pool.Exec(t.Context(), "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "SELECT pg_reload_conf()")
	require.NoError(t, err)
	joiner := newPeer()
	require.Eventually(t, func() bool { // the setting takes a moment to reach everybody
		_, err := hasty.Register(t.Context(), joiner, ttl)
		return errors.Is(err, pgstore.ErrTimeout)
	}, 30*time.Second, 10*time.Millisecond)
	for range 20 {
		require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
	}
}

// The server is stopped and another is there: calls fail by their deadline at the latest, and work again without help.
func TestDatabaseComesBack(t *testing.T) {
	cfg := localpg.Config{DataDir: pgtest.Dir(t), Settings: map[string]string{"fsync": "off"}}
	server, err := localpg.Start(t.Context(), cfg)
	require.NoError(t, err)
	pool := pgtest.Open(t, server.URL(), migrations.DefaultSchema)
	require.NoError(t, migrations.Up(t.Context(), pgstore.SQL(pool), migrations.DefaultSchema, nil))
	s := newStore(t, pool, pgstore.Config{OpTimeout: 20 * time.Second})
	p := register(t, s)
	woken, ended := watch(t.Context(), s)
	<-woken

	require.NoError(t, server.Stop())
	require.ErrorIs(t, <-ended, pgstore.ErrUnreachable)
	require.Error(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
	_, err = s.Rows(t.Context(), "c")
	require.ErrorIs(t, err, pgstore.ErrUnreachable)

	cfg.Settings["port"] = server.URL()[strings.LastIndex(server.URL(), ":")+1 : strings.LastIndex(server.URL(), "/")]
	server, err = localpg.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
	view, err := s.Rows(t.Context(), "c")
	require.NoError(t, err)
	require.Len(t, view.Rows, 1)
	require.Equal(t, "00000001", view.Timeline)
}

func TestEvictionKeepsTheAddressOut(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema})
	p := register(t, s)
	require.NoError(t, s.Evict(t.Context(), p.ID, "bad disk", time.Hour))
	again := newPeer()
	again.Addresses = p.Addresses
	_, err := s.Register(t.Context(), again, ttl)
	require.ErrorIs(t, err, pgstore.ErrQuarantined)
	require.ErrorContains(t, err, p.Addresses.Eureka)
	_, err = pool.Exec(t.Context(), "UPDATE peers SET quarantined_until = clock_timestamp()")
	require.NoError(t, err)
	_, err = s.Register(t.Context(), again, ttl)
	require.NoError(t, err)

	require.ErrorIs(t, s.Evict(t.Context(), newPeer().ID, "", 0), peerstore.ErrSuperseded)
}

// T30: operators empty the table of leases.
func TestLeasesAreEmptied(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema})
	p := register(t, s)
	_, err := pool.Exec(t.Context(), "TRUNCATE peer_leases")
	require.NoError(t, err)
	view, err := s.Rows(t.Context(), "c")
	require.NoError(t, err)
	require.Len(t, view.Rows, 1)
	require.Zero(t, view.Rows[0].TTL)
	require.False(t, view.Rows[0].Live)
	require.ErrorIs(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}), peerstore.ErrSuperseded)
	_, err = s.Register(t.Context(), p, ttl)
	require.NoError(t, err)
	require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
}

func TestUnreachableThatIsNoUUID(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := newStore(t, pool, pgstore.Config{Schema: schema})
	p := register(t, s)
	other := newPeer().ID
	require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{Unreachable: []string{"", "{x}", other, strings.Repeat("-", 36)}}))
	view, err := s.Rows(t.Context(), "c")
	require.NoError(t, err)
	require.Equal(t, []string{other}, view.Rows[0].Stats.Unreachable)
}
