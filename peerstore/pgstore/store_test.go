package pgstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

func newStore(t testing.TB, pool *pgxpool.Pool, cfg pgstore.Config) *pgstore.Store {
	t.Helper()
	s, err := pgstore.New(pool, cfg)
	require.NoError(t, err)
	return s
}

func TestExercise(t *testing.T) {
	peerstoretest.Exercise(t, func(t *testing.T) peerstoretest.Backend {
		pool, schema := pgtest.Pool(t)
		return backend(newStore(t, pool, pgstore.Config{Schema: schema}), pool, true)
	})
}

// Behind a pooler nothing but Watch is different.
func TestExerciseWithoutWatch(t *testing.T) {
	peerstoretest.Exercise(t, func(t *testing.T) peerstoretest.Backend {
		pool, schema := pgtest.Pool(t)
		return backend(newStore(t, pool, pgstore.Config{Schema: schema, Pooler: pgstore.PoolerOn}), pool, false)
	})
}

// A pool of somebody else's making may prepare statements, in which parameters have other types than as text.
func TestExerciseWithPreparedStatements(t *testing.T) {
	peerstoretest.Exercise(t, func(t *testing.T) peerstoretest.Backend {
		pool, schema := pgtest.Pool(t)
		pc := pool.Config()
		pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
		prepared, err := pgxpool.NewWithConfig(t.Context(), pc)
		require.NoError(t, err)
		t.Cleanup(prepared.Close)
		return backend(newStore(t, prepared, pgstore.Config{Schema: schema}), pool, true)
	})
}

// Neither audit records nor words that cannot be tidied up keep silent peers from being closed, nor each other.
func TestPruneGoesOn(t *testing.T) {
	for _, broken := range []string{"prune_audit()", "prune_words(in_cluster text)"} {
		pool, schema := pgtest.Pool(t)
		s := newStore(t, pool, pgstore.Config{Schema: schema})
		b := backend(s, pool, true)
		silent := register(t, s)
		require.NoError(t, b.Age(t.Context(), silent.ID, time.Hour))
		register(t, s)
		for _, sql := range []string{
			"CREATE OR REPLACE FUNCTION " + broken + " RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'out of order'; END $$",
			"INSERT INTO admin_audit (record, cluster, at) VALUES ('old', 'c', now() - interval '31 days')",
			"INSERT INTO namesrv_words (cluster, kind, scope, name, deleted, counter, epoch) SELECT 'c', 'kv', '', i, true, 1, 1 FROM generate_series(1, 100001) i",
		} {
			_, err := pool.Exec(t.Context(), sql)
			require.NoError(t, err)
		}
		closed, err := s.Prune(t.Context(), "c")
		require.ErrorContains(t, err, "out of order")
		require.Equal(t, 1, closed, "%s is out of order", broken)
		var records, words int
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM admin_audit), (SELECT count(*) FROM namesrv_words)").Scan(&records, &words))
		if broken == "prune_audit()" {
			require.Equal(t, 99_000, words)
		} else {
			require.Zero(t, records)
		}
	}
}

func backend(s *pgstore.Store, pool *pgxpool.Pool, watches bool) peerstoretest.Backend {
	exec := func(ctx context.Context, sql string, args ...any) error {
		_, err := pool.Exec(ctx, sql, args...)
		return err
	}
	return peerstoretest.Backend{
		Store:   s,
		Watches: watches,
		Age: func(ctx context.Context, id string, d time.Duration) error {
			err := exec(ctx, `UPDATE peer_leases SET renewed_at = renewed_at - $2::bigint * interval '1 ms'
				WHERE peer_id = $1::text::uuid`, id, d.Milliseconds())
			if err != nil {
				return err
			}
			return exec(ctx, `UPDATE peers SET joined_at = joined_at - $2::bigint * interval '1 ms', phase_at = phase_at - $2::bigint * interval '1 ms'
				WHERE peer_id = $1::text::uuid`, id, d.Milliseconds())
		},
		Delete: func(ctx context.Context, id string) error {
			return exec(ctx, `DELETE FROM peers WHERE peer_id = $1::text::uuid`, id)
		},
	}
}
