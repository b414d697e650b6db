// Package pgtest gives each test a PostgreSQL schema of its own, freshly migrated and gone afterwards.
//
// The server is the one that TEST_DATABASE_URL names, else one per test process from localpg. Its user must be allowed to create
// schemas. Tests never skip: without a server they fail with the remedy. Test processes may run at the same time, each on its own local
// server or all on the named one: schemas have random names.
package pgtest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
)

// Env names a server to test on.
const Env = "TEST_DATABASE_URL"

const remedy = "Tests need PostgreSQL 13 or later: set " + Env + " to a server where schemas may be created, or install one so that tests start their own"

// startOnce starts this process's server. Nothing stops it: it ends, and its directory with it, when the process does, which is the
// only end that every test binary has (see localpg's guard).
var startOnce = sync.OnceValues(func() (string, error) {
	if url := os.Getenv(Env); url != "" {
		return url, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // a first run fetches
	defer cancel()
	server, err := localpg.Start(ctx, localpg.Config{})
	if err != nil {
		return "", err
	}
	return server.URL(), nil
})

// URL returns the server's URL, which contains a password. The test fails if there is none.
func URL(t testing.TB) string {
	t.Helper()
	url, err := startOnce()
	require.NoError(t, err, remedy)
	return url
}

// Pool returns a pool and the name of the migrated schema that stands first in its search_path. Both are gone after the test.
func Pool(t testing.TB) (*pgxpool.Pool, string) {
	t.Helper()
	pool, schema := EmptyPool(t)
	require.NoError(t, migrations.Up(t.Context(), pgstore.SQL(pool), schema, nil))
	return pool, schema
}

// EmptyPool is Pool without the migration: not even the schema exists.
func EmptyPool(t testing.TB) (*pgxpool.Pool, string) {
	t.Helper()
	schema := "zktest_" + strings.ToLower(rand.Text()[:16])
	pool := Open(t, URL(t), schema)
	t.Cleanup(func() { // runs before the pool closes
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		_, err := pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
		require.NoError(t, err)
	})
	return pool, schema
}

// Script runs SQL text of many statements, as psql would, in a connection of its own. It works in cleanups too.
func Script(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, URL(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
}

// Dir returns a directory for localpg.Config.DataDir, gone after the test. Unlike t.TempDir it may be entered by the account that
// runs PostgreSQL when the tests run as root.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zonekeeper-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// Open returns a pool as servers use it, with search_path set, closed after the test.
func Open(t testing.TB, url, schema string) *pgxpool.Pool {
	t.Helper()
	pc, err := pgstore.ParseURL(url, pgstore.Config{MaxConns: 8, OpTimeout: 10 * time.Second})
	require.NoError(t, err)
	pc.ConnConfig.RuntimeParams["search_path"] = schema
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err, remedy)
	t.Cleanup(func() {
		closed := make(chan struct{})
		go func() { pool.Close(); close(closed) }() // waits for connections that a test has not given back
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Error("the test still holds a database connection")
		}
	})
	require.NoError(t, pool.Ping(t.Context()), remedy)
	return pool
}
