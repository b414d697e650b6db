package pgstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// stats are of the size that a busy server sends.
func stats(i int) peerstore.Stats {
	return peerstore.Stats{
		Applications: 40, Instances: 1000 + i%3, RegistryVersion: 1<<40 + int64(i), Digest: peerstore.Digest(i) * 0x9e3779b97f4a7c15,
		RenewsPerMinute: 2000 + i%7, PeersOK: 9, PeersTotal: 9, LagMS: 1 + i%4,
		Brokers: 20, Topics: 1000 + i%5, RoutesDigest: peerstore.Digest(i) * 0xbf58476d1ce4e5b9,
	}
}

// servers registers n servers in a store of their own.
func servers(tb testing.TB, n int) (*pgxpool.Pool, *pgstore.Store, []peerstore.Peer) {
	tb.Helper()
	pool, schema := pgtest.Pool(tb)
	return serversOn(tb, pool, schema, n)
}

func serversOn(tb testing.TB, pool *pgxpool.Pool, schema string, n int) (*pgxpool.Pool, *pgstore.Store, []peerstore.Peer) {
	tb.Helper()
	s := newStore(tb, pool, pgstore.Config{Schema: schema, OpTimeout: 30 * time.Second})
	peers := make([]peerstore.Peer, n)
	for i := range peers {
		peers[i] = newPeer()
		_, err := s.Register(tb.Context(), peers[i], ttl)
		require.NoError(tb, err)
	}
	return pool, s, peers
}

func walPosition(tb testing.TB, pool *pgxpool.Pool) (at int64) {
	tb.Helper()
	require.NoError(tb, pool.QueryRow(tb.Context(), "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").Scan(&at))
	return at
}

// Heartbeats are all that the database does in quiet times. They stay inside their pages: the index never learns of them (HOT), the
// table does not grow, and each writes at most 200 bytes of WAL.
func TestHeartbeatsStayInPlace(t *testing.T) {
	server, err := localpg.Start(t.Context(), localpg.Config{}) // its own: WAL is counted per server
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	pool := pgtest.Open(t, server.URL(), migrations.DefaultSchema)
	require.NoError(t, migrations.Up(t.Context(), pgstore.SQL(pool), migrations.DefaultSchema, nil))
	_, s, peers := serversOn(t, pool, migrations.DefaultSchema, 50)
	beat := func(n int) {
		for i := range n {
			require.NoError(t, s.Heartbeat(t.Context(), peers[i%len(peers)].ID, ttl, stats(i)))
		}
	}
	sizes := func() (table, index int64) {
		require.NoError(t, pool.QueryRow(t.Context(),
			"SELECT pg_relation_size('peer_leases'), pg_relation_size('peer_leases_pkey')").Scan(&table, &index))
		return table, index
	}
	beat(200)
	_, index := sizes()
	wal := walPosition(t, pool)
	const beats = 3000
	beat(beats)
	wal = walPosition(t, pool) - wal
	table, after := sizes()
	require.Equal(t, index, after, "no index entry")
	require.LessOrEqual(t, table, int64(128<<10))
	t.Logf("%d bytes of WAL a heartbeat, table of %d kB", wal/beats, table>>10)
	require.LessOrEqual(t, wal/beats, int64(200))
}

// The claim above cannot break by an index that somebody adds.
func TestNoIndexMoves(t *testing.T) {
	pool, _ := pgtest.Pool(t)
	var indexes []string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT array_agg(a.attname::text) FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = 'peer_leases'::regclass`).Scan(&indexes))
	require.Equal(t, []string{"peer_id"}, indexes)
}

func BenchmarkHeartbeat(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("servers=%d", n), func(b *testing.B) {
			pool, s, peers := servers(b, n)
			for i := range 2 * n { // warm
				require.NoError(b, s.Heartbeat(b.Context(), peers[i%n].ID, ttl, stats(i)))
			}
			wal := walPosition(b, pool)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := s.Heartbeat(b.Context(), peers[i%n].ID, ttl, stats(i)); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.StopTimer()
			b.ReportMetric(float64(walPosition(b, pool)-wal)/float64(i), "wal-B/op")
			pool.Reset() // a session that ends publishes its counters
			var hot float64
			require.Eventually(b, func() bool {
				var updates int
				err := pool.QueryRow(b.Context(), "SELECT updates, coalesce(hot_percent, 0)::float8 FROM hot_check").Scan(&updates, &hot)
				return err == nil && updates >= i
			}, 20*time.Second, 100*time.Millisecond)
			b.ReportMetric(hot, "hot-%")
		})
	}
}

func BenchmarkRegister(b *testing.B) {
	_, s, peers := servers(b, 10)
	b.ReportAllocs()
	for b.Loop() {
		p := newPeer()
		p.Addresses = peers[0].Addresses
		if _, err := s.Register(b.Context(), p, ttl); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	for _, n := range []int{3, 10, 100, 1000} {
		b.Run(fmt.Sprintf("servers=%d", n), func(b *testing.B) {
			_, s, _ := servers(b, n)
			b.ReportAllocs()
			for b.Loop() {
				view, err := s.Rows(b.Context(), "c")
				if err != nil || len(view.Rows) != n {
					b.Fatal(len(view.Rows), err)
				}
			}
		})
	}
}
