package migrations_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// Whatever a migration changes, Down changes back: tables, columns in their order, views, functions, triggers, indexes.
func TestDownRestores(t *testing.T) {
	pool, schema := pgtest.EmptyPool(t)
	ctx, db := t.Context(), pgstore.SQL(pool)
	for version := range migrations.Latest() {
		require.NoError(t, migrations.UpTo(ctx, db, schema, version))
		before := catalog(t, pool, schema)
		require.NoError(t, migrations.UpTo(ctx, db, schema, version+1))
		require.NotEqual(t, before, catalog(t, pool, schema))
		require.NoError(t, migrations.Down(ctx, db, schema, nil))
		require.Equal(t, before, catalog(t, pool, schema), "after going from %d to %d and back", version, version+1)
	}
}

// catalog describes everything in a schema, as text.
func catalog(t *testing.T, pool *pgxpool.Pool, schema string) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
		WITH mine AS (SELECT oid, relname, relkind FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relname NOT LIKE 'goose%')
		SELECT 'column ' || relname || ' ' || row_number() OVER (PARTITION BY relname ORDER BY attnum) || ' ' || attname || ' ' ||
		       format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || coalesce(pg_get_expr(adbin, adrelid), '')
		  FROM mine JOIN pg_attribute a ON a.attrelid = mine.oid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		 WHERE relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
		UNION ALL SELECT 'view ' || relname || pg_get_viewdef(oid) FROM mine WHERE relkind = 'v'
		UNION ALL SELECT 'index ' || pg_get_indexdef(oid) FROM mine WHERE relkind = 'i'
		UNION ALL SELECT 'constraint ' || relname || pg_get_constraintdef(c.oid) FROM mine JOIN pg_constraint c ON c.conrelid = mine.oid
		UNION ALL SELECT 'trigger ' || pg_get_triggerdef(g.oid) FROM mine JOIN pg_trigger g ON g.tgrelid = mine.oid WHERE NOT tgisinternal
		UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = $1::text::regnamespace
		ORDER BY 1`, schema)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

// What a server of schema version 2 says to the database, as that release said it.
const (
	oldRegister = `SELECT lost, epoch, view_version, cluster_uuid::text, secret, prior_serving, prior_instances FROM register($1::text, $2::text::uuid,
		jsonb_build_object('eureka', $3::text), 'default', 'defaultZone', '', '1.0.0', 1, 1, NULL::timestamptz, '', 10000)`
	oldHeartbeat = `WITH beat AS (
		UPDATE peer_leases
		   SET seq = seq + 1, renewed_at = clock_timestamp(), ttl_ms = 10000, applications = 1, instances = 2, renews_per_minute = 3,
		       self_preservation = false, peers_ok = 1, peers_total = 1, lag_ms = 1, registry_version = 1, digest = 1, unreachable = '{}', filler = ''
		 WHERE peer_id = $1::text::uuid AND EXISTS (SELECT FROM peers p WHERE p.peer_id = $1::text::uuid AND p.living)
		RETURNING 1)
		SELECT phase, EXISTS (SELECT FROM beat) FROM peers WHERE peer_id = $1::text::uuid`
	oldRows = `SELECT s.peer_id::text, s.epoch, s.phase, s.status, s.addresses::text, s.seq, s.digest, s.unreachable::text, s.view_version, s.outages
		FROM (VALUES (1)) one
		LEFT JOIN peer_status s ON s.cluster = $1::text AND (s.living OR s.phase_at > clock_timestamp() - interval '1 hour') ORDER BY s.epoch`
)

// Servers of the release before go on while the first new one migrates, and afterwards beside it. What they say at that moment waits, or
// fails in a deadlock with the migration and succeeds when it is tried again.
func TestOlderServersGoOn(t *testing.T) {
	pool, schema := pgtest.EmptyPool(t)
	ctx, db := t.Context(), pgstore.SQL(pool)
	require.NoError(t, migrations.UpTo(ctx, db, schema, 2))
	const peer = "8c5d0f2e-6a43-4f0e-9f57-0f4f1a1c2b3d"
	register := func(ctx context.Context) error {
		_, err := pool.Exec(ctx, oldRegister, "c", peer, "http://old:8761/eureka/")
		return err
	}
	require.NoError(t, register(ctx))

	working, stop := context.WithCancel(ctx)
	defer stop()
	var failures, done atomic.Int64
	var servers errgroup.Group
	for _, work := range []func() error{
		func() error { return register(ctx) },
		func() error { _, err := pool.Exec(ctx, oldHeartbeat, peer); return err },
		func() error { _, err := pool.Exec(ctx, oldRows, "c"); return err },
		func() error {
			_, err := pool.Exec(ctx, "SELECT set_phase($1::text::uuid, 'serving', ''), prune('c')", peer)
			return err
		},
	} {
		servers.Go(func() error {
			inARow := 0
			for working.Err() == nil {
				err := work()
				done.Add(1)
				if err == nil {
					inARow = 0
					continue
				}
				failures.Add(1)
				if inARow++; inARow > 2 {
					return err
				}
			}
			return nil
		})
	}
	for done.Load() < 200 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, migrations.Up(ctx, db, schema, nil))
	for from := done.Load(); done.Load() < from+200; {
		time.Sleep(time.Millisecond)
	}
	stop()
	require.NoError(t, servers.Wait())
	t.Logf("%d of %d statements failed while the schema changed", failures.Load(), done.Load())
	require.NoError(t, register(ctx))
	var renewed bool
	var phase string
	require.NoError(t, pool.QueryRow(ctx, oldHeartbeat, peer).Scan(&phase, &renewed))
	require.True(t, renewed)
	require.Equal(t, "serving", phase)
	var oldest int
	require.NoError(t, pool.QueryRow(ctx, "SELECT oldest FROM schema_compat").Scan(&oldest))
	require.Equal(t, 1, oldest, "which is what this release promises")
}

// Audit records stay for thirty days and are bounded in number; a server's tidying up sees to it.
func TestAuditIsForgotten(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	exec := func(sql string) {
		_, err := pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	exec(`INSERT INTO admin_audit (record, cluster, at) SELECT 'old' || i, 'c', clock_timestamp() - interval '31 days' FROM generate_series(1, 30) i`)
	exec(`INSERT INTO admin_audit (record, cluster, at) SELECT 'recent' || i, 'c', clock_timestamp() - interval '29 days' FROM generate_series(1, 20) i`)
	s, err := pgstore.New(pool, pgstore.Config{Schema: schema})
	require.NoError(t, err)
	count := func() (n int) {
		var tidying sync.WaitGroup // several servers may do it at once
		errs := make([]error, 4)
		for i := range errs {
			tidying.Go(func() { _, errs[i] = s.Prune(t.Context(), "c") })
		}
		tidying.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM admin_audit").Scan(&n))
		return n
	}
	require.Equal(t, 20, count())
	exec(`INSERT INTO admin_audit (id, record, cluster) OVERRIDING SYSTEM VALUE VALUES (1000041, 'the newest', 'c')`)
	require.Equal(t, 10, count(), "a million numbers back")
}

// Of too many words those go that a server would forget, a thousand at once; those that hold stay in any case.
func TestWordsAreForgotten(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	putWords(t, pool, "kv", false, 40_000, "9 years")
	putWords(t, pool, "wipe", true, 19_990, "1 day")
	putWords(t, pool, "kv", true, 10, "2 days")
	putWords(t, pool, "deletion", true, 10, "1 hour")
	putWords(t, pool, "deletion", false, 39_990, "3 years")
	_, err := pool.Exec(t.Context(), `INSERT INTO namesrv_words (cluster, kind, scope, name, deleted, counter, epoch) SELECT 'other', 'kv', '', i, true, 1, 1 FROM generate_series(1, 20) i`)
	require.NoError(t, err)
	s, err := pgstore.New(pool, pgstore.Config{Schema: schema})
	require.NoError(t, err)
	type words struct{ held, takenBack, deletions int }
	left := func() (n words) {
		_, err := s.Prune(t.Context(), "c")
		require.NoError(t, err)
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE kind = 'kv' AND NOT deleted), count(*) FILTER (WHERE deleted),
			count(*) FILTER (WHERE kind = 'deletion' AND NOT deleted) FROM namesrv_words WHERE cluster = 'c'`).Scan(&n.held, &n.takenBack, &n.deletions))
		return n
	}
	require.Equal(t, words{40_000, 20_010, 39_990}, left(), "there is room for all")
	putWords(t, pool, "kv", false, 1, "1 hour")
	require.Equal(t, words{40_001, 19_009, 39_990}, left(), "room for more than one")
	require.Zero(t, count(t, pool, `SELECT count(*) FROM namesrv_words WHERE cluster = 'c' AND kind = 'kv' AND deleted`), "the oldest of those taken back")
	require.Equal(t, 10, count(t, pool, `SELECT count(*) FROM namesrv_words WHERE kind = 'deletion' AND deleted`), "by age, of whatever kind")
	putWords(t, pool, "kv", false, 70_000, "2 hours")
	require.Equal(t, words{110_001, 9_009, 39_990}, left(), "no more than so many at a time")
	for range 4 {
		left()
	}
	require.Equal(t, words{110_001, 0, 0}, left(), "what holds is never forgotten")
	require.Equal(t, 20, count(t, pool, `SELECT count(*) FROM namesrv_words WHERE cluster = 'other'`))
}

// Of words as old as each other the same go as on the servers: keys, wipes and deletions in this order, each by name.
func TestWordsOfOneAge(t *testing.T) {
	pool, _ := pgtest.Pool(t)
	putWords(t, pool, "kv", false, 98_500, "1 hour")
	for _, kind := range []string{"kv", "wipe", "deletion"} {
		putWords(t, pool, kind, true, 501, "2 days")
	}
	_, err := pool.Exec(t.Context(), `UPDATE namesrv_words SET set_at = '2026-01-01' WHERE deleted`)
	require.NoError(t, err)
	require.Equal(t, 1_003, count(t, pool, `SELECT prune_words('c')`))
	require.Equal(t, 500, count(t, pool, `SELECT count(*) FROM namesrv_words WHERE deleted`))
	require.Equal(t, 500, count(t, pool, `SELECT count(*) FROM namesrv_words WHERE deleted AND kind = 'deletion'`))
	require.Zero(t, count(t, pool, `SELECT count(*) FROM namesrv_words WHERE deleted AND name = '2 days1'`), "the first by name")
}

// A server that writes words waits for the locks of another, so whoever forgets words must wait for nobody, and may leave some.
func TestForgettingWordsWaitsForNobody(t *testing.T) {
	pool, _ := pgtest.Pool(t)
	putWords(t, pool, "kv", true, 100_001, "1 day")
	writer, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer writer.Rollback(context.WithoutCancel(t.Context()))
	_, err = writer.Exec(t.Context(), `UPDATE namesrv_words SET deleted = false, counter = 2 WHERE name IN (SELECT min(name) FROM namesrv_words)`)
	require.NoError(t, err)
	tidying, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer tidying.Rollback(context.WithoutCancel(t.Context()))
	var gone int
	_, err = tidying.Exec(t.Context(), `SET LOCAL lock_timeout = '1s'`)
	require.NoError(t, err)
	require.NoError(t, tidying.QueryRow(t.Context(), `SELECT prune_words('c')`).Scan(&gone))
	require.Equal(t, 1_000, gone, "all but the one that is being written")
	putWords(t, pool, "kv", true, 10, "2 days")
	require.Zero(t, count(t, pool, `SELECT prune_words('c')`), "another server is at it")
	require.NoError(t, tidying.Commit(t.Context()))
	require.NoError(t, writer.Commit(t.Context()))
	require.Equal(t, 1, count(t, pool, `SELECT count(*) FROM namesrv_words WHERE NOT deleted`))
	require.Equal(t, 99_011, count(t, pool, `SELECT count(*) FROM namesrv_words`))
}

// putWords stores n words of a kind and age in cluster c.
func putWords(t *testing.T, pool *pgxpool.Pool, kind string, deleted bool, n int, age string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `INSERT INTO namesrv_words (cluster, kind, scope, name, deleted, counter, epoch, set_at)
		SELECT 'c', $1, 's', $4 || i, $2, 1, 1, clock_timestamp() - $4::interval FROM generate_series(1, $3) i`, kind, deleted, n, age)
	require.NoError(t, err)
}

func count(t *testing.T, pool *pgxpool.Pool, sql string) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), sql).Scan(&n))
	return n
}
