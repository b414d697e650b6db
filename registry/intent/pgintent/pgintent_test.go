package pgintent_test

import (
	"context"
	"math/rand/v2"
	"strings"
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
		_, prepared, schema := preparing(t)
		return pgintent.New(prepared, schema)
	})
}

func TestExerciseWords(t *testing.T) {
	intenttest.ExerciseWords(t, func(t *testing.T) intent.WordStore {
		pool, schema := pgtest.Pool(t)
		return pgintent.New(pool, schema)
	})
}

func TestExerciseWordsWithPreparedStatements(t *testing.T) {
	intenttest.ExerciseWords(t, func(t *testing.T) intent.WordStore {
		_, prepared, schema := preparing(t)
		return pgintent.New(prepared, schema)
	})
}

func TestExerciseAudit(t *testing.T) {
	intenttest.ExerciseAudit(t, func(t *testing.T) intenttest.AuditBackend {
		pool, schema := pgtest.Pool(t)
		return auditBackend(pool, pool, schema)
	})
}

func TestExerciseAuditWithPreparedStatements(t *testing.T) {
	intenttest.ExerciseAudit(t, func(t *testing.T) intenttest.AuditBackend {
		pool, prepared, schema := preparing(t)
		return auditBackend(pool, prepared, schema)
	})
}

func auditBackend(reader, writer *pgxpool.Pool, schema string) intenttest.AuditBackend {
	return intenttest.AuditBackend{
		AuditStore: pgintent.New(writer, schema),
		Read: func(ctx context.Context, cluster string) ([]intent.AuditRecord, error) {
			rows, err := reader.Query(ctx, `SELECT record, at, server, code, action, who, came_from, what, result
				FROM admin_audit WHERE cluster = $1::text ORDER BY id`, cluster)
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r intent.AuditRecord, err error) {
				err = row.Scan(&r.ID, &r.At, &r.Server, &r.Code, &r.Action, &r.Who, &r.From, &r.What, &r.Result)
				r.At = r.At.UTC()
				return r, err
			})
		},
	}
}

// preparing returns beside a test's pool one of somebody else's making, which prepares statements.
func preparing(t *testing.T) (pool, prepared *pgxpool.Pool, schema string) {
	pool, schema = pgtest.Pool(t)
	pc := pool.Config()
	pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	prepared, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(prepared.Close)
	return pool, prepared, schema
}

// One instance with a name that PostgreSQL cannot hold as it is does not keep the others from being stored.
func TestOddNames(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := pgintent.New(pool, schema)
	q, err := intent.New(intent.Config{Store: s, Cluster: "c"})
	require.NoError(t, err)
	q.Put(intent.Override{App: "A", ID: "nul\x00and\xffbytes", Status: eureka.Down})
	q.Put(intent.Override{App: "A", ID: "nul\x00and\xfebytes", Status: eureka.Up}) // the same row, and so one word
	q.Put(intent.Override{App: "A", ID: "plain", Status: eureka.Down})
	require.NoError(t, q.Flush(t.Context()))
	all, err := q.Load(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "nul\uFFFDand\uFFFDbytes", all[0].ID)
	require.Equal(t, eureka.Up, all[0].Status)
}

// A word of the greatest size that is taken fits, and so does the greatest key, which an index must hold; odd bytes become longer.
func TestGreatestWords(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := pgintent.New(pool, schema)
	q, err := intent.NewWords(intent.WordsConfig{Store: s, Cluster: "c"})
	require.NoError(t, err)
	noise := make([]byte, 2000) // that no index can compress
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(33 + random.IntN(90))
	}
	q.Put(intent.Word{Kind: intent.KV, Scope: string(noise[:1000]), Name: string(noise[1000:]), Value: strings.Repeat("v", 64<<10), Counter: 1})
	q.Put(intent.Word{Kind: intent.KV, Name: string(noise) + "x", Counter: 1})
	q.Put(intent.Word{Kind: intent.KV, Name: strings.Repeat("\xffa", 700), Counter: 1}) // becomes longer when stored
	q.Put(intent.Word{Kind: intent.Wipe, Name: "nul\x00and\xffbytes", By: strings.Repeat("é", 600), Counter: 1})
	require.Equal(t, 2, q.Dropped())
	require.NoError(t, q.Flush(t.Context()))
	all, err := q.Load(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "nul\uFFFDand\uFFFDbytes", all[1].Name)
	require.Equal(t, strings.Repeat("é", 500), all[1].By)
}

// A later release stores words of a kind that this one does not know; they stay, and are none of its business.
func TestUnknownKinds(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	_, err := pool.Exec(t.Context(), "INSERT INTO namesrv_words (cluster, kind, scope, name, counter, epoch) VALUES ('c', 'later', '', 'x', 1, 1), ('c', 'wipe', '', 'b', 1, 1)")
	require.NoError(t, err)
	q, err := intent.NewWords(intent.WordsConfig{Store: pgintent.New(pool, schema), Cluster: "c"})
	require.NoError(t, err)
	all, err := q.Load(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, intent.Wipe, all[0].Kind)
}

// What a word that changes nothing writes: nothing, not even a lock.
func TestNothingNewIsNotWritten(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := pgintent.New(pool, schema)
	overrides := []intent.Write{{Override: intent.Override{App: "A", ID: "1", Status: eureka.Down}}}
	words := []intent.Word{{Kind: intent.Wipe, Name: "broker-a", Counter: 2}}
	write := func() {
		require.NoError(t, s.Apply(t.Context(), "c", overrides))
		require.NoError(t, s.PutWords(t.Context(), "c", words))
	}
	versions := func() (now []string) {
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT array_agg(v ORDER BY v) FROM (SELECT xmin::text AS v FROM overrides "+
			"UNION ALL SELECT xmin::text || '/' || xmax::text FROM namesrv_words) all_of_them").Scan(&now))
		return now
	}
	write()
	before := versions()
	write()
	require.Equal(t, before, versions())
	words[0].Counter = 1
	write()
	require.Equal(t, before, versions())
	words[0].Counter = 3
	write()
	require.NotEqual(t, before, versions())
}
