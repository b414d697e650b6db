package pgintent_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/intent/intenttest"
	"github.com/zonekeeper/zonekeeper/registry/intent/pgintent"
)

func TestExercise(t *testing.T) {
	intenttest.Exercise(t, func(t *testing.T) intent.Store {
		pool, schema := pgtest.Pool(t)
		return pgintent.New(pool, schema)
	})
}

func TestExerciseWithPreparedStatements(t *testing.T) {
	intenttest.Exercise(t, func(t *testing.T) intent.Store {
		pool, schema := pgtest.Pool(t)
		pc := pool.Config()
		pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
		prepared, err := pgxpool.NewWithConfig(t.Context(), pc)
		require.NoError(t, err)
		t.Cleanup(prepared.Close)
		return pgintent.New(prepared, schema)
	})
}

// One instance with a name that PostgreSQL cannot hold as it is does not keep the others from being stored.
func TestOddNames(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := pgintent.New(pool, schema)
	q, err := intent.New(intent.Config{Store: s, Cluster: "c"})
	require.NoError(t, err)
	q.Put(intent.Override{App: "A", ID: "nul\x00and\xffbytes", Status: eureka.Down})
	q.Put(intent.Override{App: "A", ID: "plain", Status: eureka.Down})
	require.NoError(t, q.Flush(t.Context()))
	all, err := q.Load(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "nul\uFFFDand\uFFFDbytes", all[0].ID)
}

// What a word that changes nothing writes: nothing.
func TestNothingNewIsNotWritten(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := pgintent.New(pool, schema)
	w := []intent.Write{{Override: intent.Override{App: "A", ID: "1", Status: eureka.Down}}}
	require.NoError(t, s.Apply(t.Context(), "c", w))
	version := func() (xmin string) {
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT xmin::text FROM overrides").Scan(&xmin))
		return xmin
	}
	before := version()
	require.NoError(t, s.Apply(t.Context(), "c", w))
	require.Equal(t, before, version())
}
