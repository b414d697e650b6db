package pgstore_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// connect opens a database URL as a server does.
func connect(t *testing.T, databaseURL string, cfg pgstore.Config) (*pgxpool.Pool, *pgstore.Store) {
	t.Helper()
	pool, err := pgstore.Connect(t.Context(), databaseURL, cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool, newStore(t, pool, cfg)
}

// with returns the test server's URL, changed.
func with(t *testing.T, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(pgtest.URL(t))
	require.NoError(t, err)
	change(u)
	return u.String()
}

func TestErrorsSayWhatHelps(t *testing.T) {
	_, empty := pgtest.EmptyPool(t)
	_, migrated := pgtest.Pool(t)
	role := "zkplain_" + migrated[7:]
	pgtest.Script(t, "CREATE ROLE "+role+" LOGIN PASSWORD 's3cret'")
	t.Cleanup(func() { pgtest.Script(t, "DROP ROLE "+role) })
	closed, err := localpg.Start(t.Context(), localpg.Config{})
	require.NoError(t, err)
	require.NoError(t, closed.Stop())

	for name, c := range map[string]struct {
		url    string
		schema string
		want   error
	}{
		"password": {with(t, func(u *url.URL) { u.User = url.UserPassword(role, "wr0ng!") }), migrated, pgstore.ErrRefusedLogin},
		"rights":   {with(t, func(u *url.URL) { u.User = url.UserPassword(role, "s3cret") }), migrated, pgstore.ErrMissingRights},
		"database": {with(t, func(u *url.URL) { u.Path = "/n0where" }), migrated, pgstore.ErrNoDatabase},
		"schema":   {pgtest.URL(t), empty, peerstore.ErrNotMigrated},
		"server":   {closed.URL(), migrated, pgstore.ErrUnreachable},
		"readonly": {with(t, func(u *url.URL) { u.RawQuery += "&default_transaction_read_only=on" }), migrated, pgstore.ErrNotPrimary},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := connect(t, c.url, pgstore.Config{Schema: c.schema, OpTimeout: 20 * time.Second})
			_, err := s.Register(t.Context(), newPeer(), ttl)
			require.ErrorIs(t, err, c.want)
			for _, secret := range []string{"s3cret", "wr0ng!", passwordOf(t, c.url)} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func passwordOf(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	p, _ := u.User.Password()
	return p
}

func TestBadURLsAreNotRepeated(t *testing.T) {
	for _, bad := range []string{
		"postgres://u:s3cret@h:port/db", "postgres://u:s3 cret@h/db", "postgres://u:s3cret%zz@h/db", "postgres://u:s3cret@[::1/db",
		"host=h password='s3cret port=x", "postgres://u:s3cret@h/db?sslmode=maybe", "postgres://u:s3cret@h/db?connect_timeout=x",
		"postgres://u@h/db?password=s3cret&sslmode=maybe", "s3cret",
	} {
		_, err := pgstore.Connect(t.Context(), bad, pgstore.Config{})
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "s3cret")
		require.ErrorContains(t, err, "database URL", "it says where to look")
	}
}

func TestParseURL(t *testing.T) {
	pc, err := pgstore.ParseURL("postgres://u:p@one:5432,two:5433/db?tcp_user_timeout=7000&keepalives_idle=3", pgstore.Config{})
	require.NoError(t, err)
	require.NotContains(t, pc.ConnConfig.RuntimeParams, "tcp_user_timeout", "it would be the server's setting")
	require.NotContains(t, pc.ConnConfig.RuntimeParams, "keepalives_idle")
	require.Equal(t, "zonekeeper", pc.ConnConfig.RuntimeParams["application_name"])
	require.Equal(t, time.Second, pc.ConnConfig.ConnectTimeout, "the second host gets its turn")
	require.NotNil(t, pc.ConnConfig.ValidateConnect)
	require.LessOrEqual(t, pc.MaxConns, int32(8))
}

// What pgx would take for something else than was meant is refused, in words that repeat nothing of it.
func TestParseURLRefuses(t *testing.T) {
	for given, reason := range map[string]string{
		"jdbc:postgresql://h:5432/zk?user=zk&password=hush": "leave out jdbc:",
		"postgress://u:hush@h/zk?sslmode=disable":           "another scheme",
		"mysql://u:hush@h/zk?sslmode=disable":               "another scheme",
		"postgres//u:hush@h/zk?sslmode=disable":             "neither a URL nor key=value words",
		"u hush@h/zk?sslmode=disable":                       "neither a URL nor key=value words",
		"postgres://u:hu@sh@h/zk":                           "%40",
		"postgres://u:hu/sh@h/zk":                           "%2F",
		"postgres://u:hush@h:port/zk":                       "cannot be used",
		"host=h password='hush":                             "neither",
	} {
		_, err := pgstore.ParseURL(given, pgstore.Config{})
		require.ErrorContains(t, err, reason, given)
		require.NotContains(t, err.Error(), "hush")
	}
	for _, right := range []string{
		"", "postgres://", "postgresql://u:h%40sh@[::1]:5432,h2/zk?password=x@y", "host=h user = u password='a b\\' c' dbname=d", "host=/run\\ dir",
	} {
		_, err := pgstore.ParseURL(right, pgstore.Config{})
		require.NoError(t, err, right)
	}
}

// Several hosts in the URL, the first of them gone and the second read-only: the one that takes writes is used.
func TestSeveralHosts(t *testing.T) {
	gone, err := localpg.Start(t.Context(), localpg.Config{})
	require.NoError(t, err)
	goneURL, err := url.Parse(gone.URL())
	require.NoError(t, err)
	require.NoError(t, gone.Stop())
	_, schema := pgtest.Pool(t)
	u := with(t, func(u *url.URL) { u.Host = goneURL.Host + "," + u.Host })
	_, s := connect(t, u, pgstore.Config{Schema: schema, OpTimeout: 20 * time.Second})
	register(t, s)
}

// A standby answers with rows that look dead; it must not be asked. Then it is promoted, and the timeline shows it.
func TestFailover(t *testing.T) {
	dir := pgtest.Dir(t)
	local := localpg.Config{DataDir: filepath.Join(dir, "primary"), Settings: map[string]string{"fsync": "off"}}
	primary, err := localpg.Start(t.Context(), local)
	require.NoError(t, err)
	cfg := pgstore.Config{OpTimeout: 20 * time.Second}
	pool, s := connect(t, primary.URL(), cfg)
	require.NoError(t, migrations.Up(t.Context(), pgstore.SQL(pool), migrations.DefaultSchema, nil))
	p := register(t, s)
	require.NoError(t, s.SetPhase(t.Context(), p.ID, peerstore.PhaseServing, ""))
	require.NoError(t, primary.Stop())

	// A copy of its files that is told to follow a primary, and finds none, is a standby that lags.
	local.DataDir = filepath.Join(dir, "standby")
	require.NoError(t, exec.CommandContext(t.Context(), "cp", "-a", filepath.Join(dir, "primary"), local.DataDir).Run())
	require.NoError(t, os.WriteFile(filepath.Join(local.DataDir, "data", "standby.signal"), nil, 0o644))
	standby, err := localpg.Start(t.Context(), local)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, standby.Stop()) })
	_, cold := connect(t, standby.URL(), cfg)
	_, err = cold.Rows(t.Context(), "c")
	require.ErrorIs(t, err, pgstore.ErrNotPrimary, "refused when connecting")

	// A pool that does not ask when it connects finds out with each call.
	pc, err := pgstore.ParseURL(standby.URL(), cfg)
	require.NoError(t, err)
	pc.ConnConfig.ValidateConnect = nil
	careless, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(careless.Close)
	s = newStore(t, careless, cfg)
	_, err = s.Rows(t.Context(), "c")
	require.ErrorIs(t, err, pgstore.ErrNotPrimary)
	require.ErrorIs(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}), pgstore.ErrNotPrimary)
	require.ErrorIs(t, s.Watch(t.Context(), "c", func() {}), pgstore.ErrNotPrimary)
	// A client that starts is served by it nevertheless.
	var urls string
	require.NoError(t, careless.QueryRow(t.Context(), "SELECT urls FROM zonekeeper.default_zone").Scan(&urls))
	require.Equal(t, p.Addresses.Eureka, urls)

	_, err = careless.Exec(t.Context(), "SELECT pg_promote()")
	require.NoError(t, err)
	view, err := s.Rows(t.Context(), "c")
	require.NoError(t, err)
	require.Equal(t, "00000002", view.Timeline)
	require.NoError(t, s.Heartbeat(t.Context(), p.ID, ttl, peerstore.Stats{}))
}

func TestExplainKeepsTheCause(t *testing.T) {
	cause := &pgconn.PgError{Code: "28P01", Message: `password authentication failed for user "u"`}
	err := pgstore.Explain(cause)
	require.ErrorIs(t, err, pgstore.ErrRefusedLogin)
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.True(t, strings.HasSuffix(err.Error(), "(: password authentication failed for user \"u\" (SQLSTATE 28P01))"), err.Error())
	require.ErrorIs(t, pgstore.Explain(&net.DNSError{Err: "no such host"}), pgstore.ErrUnreachable)
	require.NoError(t, pgstore.Explain(nil))

	listed := fmt.Errorf("failed to connect to `user=u`:\n\t127.0.0.1: %w", syscall.ECONNREFUSED)
	twice := pgstore.Explain(fmt.Errorf("read peers: %w", pgstore.Explain(listed)))
	require.EqualError(t, twice, "read peers: the database cannot be reached (failed to connect to `user=u`: 127.0.0.1: connection refused)",
		"the sentence once, and one line")
	require.Equal(t, "failed to connect to `user=u`: 127.0.0.1: connection refused", pgstore.Said(twice))
}
