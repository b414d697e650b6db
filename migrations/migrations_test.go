package migrations_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// empty returns a database in which the named schema does not exist.
func empty(t *testing.T) (*sql.DB, string) {
	t.Helper()
	pool, schema := pgtest.EmptyPool(t)
	return pgstore.SQL(pool), schema
}

func exists(t *testing.T, db *sql.DB, relation string) bool {
	t.Helper()
	var found bool
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT to_regclass($1) IS NOT NULL", relation).Scan(&found))
	return found
}

func TestUpDownUp(t *testing.T) {
	db, schema := empty(t)
	ctx := t.Context()
	require.ErrorIs(t, migrations.Check(ctx, db, schema), migrations.ErrNotMigrated)
	require.ErrorIs(t, migrations.Down(ctx, db, schema, nil), migrations.ErrNothingToUndo)
	states, err := migrations.Status(ctx, db, schema)
	require.NoError(t, err)
	require.Len(t, states, int(migrations.Latest()))
	require.False(t, states[0].Applied)
	require.Equal(t, "00001_create_peers.sql", states[0].Name)
	require.False(t, exists(t, db, schema+".goose_db_version"), "asking for the status makes nothing")

	require.NoError(t, migrations.Up(ctx, db, schema, nil))
	require.NoError(t, migrations.Check(ctx, db, schema))
	require.True(t, exists(t, db, schema+".peers"))
	states, err = migrations.Status(ctx, db, schema)
	require.NoError(t, err)
	for _, s := range states {
		require.True(t, s.Applied, s.Name)
		require.WithinDuration(t, time.Now(), s.AppliedAt, 24*time.Hour)
	}

	for range states {
		require.NoError(t, migrations.Down(ctx, db, schema, nil))
	}
	require.ErrorIs(t, migrations.Down(ctx, db, schema, nil), migrations.ErrNothingToUndo)
	var left int
	require.NoError(t, db.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'v') AND relname <> 'goose_db_version')
		     + (SELECT count(*) FROM pg_proc WHERE pronamespace = $1::regnamespace)`, schema).Scan(&left))
	require.Zero(t, left, "down removes everything that up made")
	require.NoError(t, migrations.Up(ctx, db, schema, nil))
}

func TestFiftyStartAtOnce(t *testing.T) {
	db, schema := empty(t)
	group, ctx := errgroup.WithContext(t.Context())
	for range 50 {
		pool := pgtest.Open(t, pgtest.URL(t), schema) // a server has its own connections
		group.Go(func() error { return migrations.Up(ctx, pgstore.SQL(pool), schema, nil) })
	}
	require.NoError(t, group.Wait())
	require.NoError(t, migrations.Check(t.Context(), db, schema))
	var applied int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+schema+".goose_db_version").Scan(&applied))
	require.Equal(t, int(migrations.Latest())+1, applied, "each migration once, and goose's zero")
}

func TestWaitersGoOnWhenTheHolderDies(t *testing.T) {
	db, schema := empty(t)
	ctx := t.Context()
	// A process that holds the lock in the middle of its work.
	holder, err := db.Conn(ctx)
	require.NoError(t, err)
	defer holder.Close()
	var pid int
	require.NoError(t, holder.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&pid))
	_, err = holder.ExecContext(ctx, "BEGIN")
	require.NoError(t, err)
	_, err = holder.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrations.LockKey(schema))
	require.NoError(t, err)

	waiting, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	err = migrations.Up(waiting, db, schema, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, exists(t, db, schema+".peers"))

	done := make(chan error, 1)
	go func() { done <- migrations.Up(ctx, db, schema, nil) }()
	_, err = db.ExecContext(ctx, "SELECT pg_terminate_backend($1::int)", pid)
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.NoError(t, migrations.Check(ctx, db, schema))
}

func TestNewerSchema(t *testing.T) {
	db, schema := empty(t)
	ctx := t.Context()
	require.NoError(t, migrations.Up(ctx, db, schema, nil))
	_, err := db.ExecContext(ctx, "INSERT INTO "+schema+".goose_db_version (version_id, is_applied) VALUES ($1, true)", migrations.Latest()+1)
	require.NoError(t, err)
	require.NoError(t, migrations.Check(ctx, db, schema), "a later schema that still serves this release is fine")
	require.NoError(t, migrations.Up(ctx, db, schema, nil))

	_, err = db.ExecContext(ctx, "UPDATE "+schema+".schema_compat SET oldest = $1", migrations.Latest()+1)
	require.NoError(t, err)
	require.ErrorIs(t, migrations.Check(ctx, db, schema), migrations.ErrNewerSchema)
	require.ErrorIs(t, migrations.Up(ctx, db, schema, nil), migrations.ErrNewerSchema)
}

func TestSQLByHand(t *testing.T) {
	db, schema := empty(t)
	text, err := migrations.SQL(schema)
	require.NoError(t, err)
	pgtest.Script(t, text)
	require.NoError(t, migrations.Check(t.Context(), db, schema))
	require.NoError(t, migrations.Up(t.Context(), db, schema, nil))
	require.NoError(t, migrations.Down(t.Context(), db, schema, nil), "goose accepts the versions it finds")
}

func TestTwoSchemasInOneDatabase(t *testing.T) {
	db, one := empty(t)
	_, two := empty(t)
	require.NoError(t, migrations.Up(t.Context(), db, one, nil))
	require.NoError(t, migrations.Up(t.Context(), db, two, nil))
	for _, schema := range []string{one, two} {
		_, err := db.ExecContext(t.Context(), "SELECT * FROM "+schema+".register('c', gen_random_uuid(), "+
			`'{"eureka": "http://h/eureka/"}', 'r', 'z', '', '', 1, 1, NULL, '', 10000)`)
		require.NoError(t, err)
		var peers int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+schema+".peers").Scan(&peers))
		require.Equal(t, 1, peers, "functions of a schema write its own tables, whatever search_path is")
	}
	var a, b string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT "+one+".peer_channel('c'), "+two+".peer_channel('c')").Scan(&a, &b))
	require.NotEqual(t, a, b)
	long := "a123456789012345678901234567890123456789x"
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT "+one+".peer_channel($1)", long).Scan(&a))
	require.Len(t, a, 63)
}

func TestCheckName(t *testing.T) {
	for _, ok := range []string{"zonekeeper", "a", "_x9", "prod_eu_1"} {
		require.NoError(t, migrations.CheckName(ok))
	}
	for _, bad := range []string{"", "Prod", "1a", "a-b", "a b", `a"`, "a;drop", "pg_temp", "a.b", "é", string(make([]byte, 41))} {
		require.Error(t, migrations.CheckName(bad), bad)
		require.Error(t, migrations.Up(t.Context(), nil, bad, nil))
		_, err := migrations.SQL(bad)
		require.Error(t, err)
		_, err = migrations.Roles(bad)
		require.Error(t, err)
	}
}
