package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// serveUntil runs `serve` in this process until its log says something, and returns what it left behind.
func serveUntil(t *testing.T, said string, environ []string, args ...string) outcome {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log transcript
	p := &program{
		args: append([]string{"serve", "--http-listen=127.0.0.1:0", "--data-dir=-", "--log-format=json"}, args...), environ: environ, stdout: &log, stderr: &log,
	}
	ended := make(chan int, 1)
	go func() { ended <- p.run(ctx) }()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), said) || len(ended) > 0 }, 20*time.Second, 10*time.Millisecond,
		"it never said %q: %s", said, &log)
	stop()
	return outcome{code: <-ended, stderr: log.String()}
}

// What is wrong with a database is said as such, once, and the server waits: it may be mended at any time.
func TestServeSaysWhatIsWrongWithTheDatabase(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	good, err := url.Parse(pgtest.URL(t))
	require.NoError(t, err)
	with := func(edit func(u *url.URL)) string {
		u := *good
		edit(&u)
		return u.String()
	}
	_, err = pool.Exec(t.Context(), "UPDATE schema_compat SET oldest = $1", migrations.Latest()+1)
	require.NoError(t, err)
	_, empty := pgtest.EmptyPool(t)
	user := "zk_plain_" + schema[len(schema)-8:]
	_, err = pool.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'plain'", user))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := pool.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+user)
		require.NoError(t, err)
	})
	for name, row := range map[string]struct {
		url, schema string
		args        []string
		said        string
	}{
		"nobody there":   {url: "postgres://u:p@127.0.0.1:1/db", said: "the database cannot be reached"},
		"wrong password": {url: with(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") }), said: "the database refuses the login"},
		"no such base":   {url: with(func(u *url.URL) { u.Path = "/nowhere" }), said: "the database does not exist"},
		"missing rights": {url: with(func(u *url.URL) { u.User = url.UserPassword(user, "plain") }), schema: empty, said: "the database user lacks rights"},
		"newer schema":   {url: good.String(), schema: schema, said: "the database schema is newer than this release understands"},
		"only checking":  {url: good.String(), schema: empty, args: []string{"--migrate=check"}, said: "the database schema is missing or too old"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := []string{"ZONEKEEPER_DB_URL=" + row.url}
			if row.schema != "" {
				environ = append(environ, "ZONEKEEPER_DB_SCHEMA="+row.schema)
			}
			out := serveUntil(t, row.said, environ, row.args...)
			require.Equal(t, exitOK, out.code, out.stderr)
			require.Equal(t, 1, strings.Count(out.stderr, `"msg":"waiting for the database"`), "once per change: %s", out.stderr)
			require.NotContains(t, out.stderr, ":wrong@")
			for line := range strings.Lines(out.stderr) {
				require.NotContains(t, line, `\n`, "an error is one line")
				require.NotContains(t, line, `\t`)
				if strings.Contains(line, `"waiting for the database"`) {
					require.LessOrEqual(t, strings.Count(line, row.said), 1, "a remedy is said once: %s", line)
				}
			}
		})
	}
}

func TestServePortTaken(t *testing.T) {
	taken, err := listenOn(t.Context(), "127.0.0.1:0", "--http-listen")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	out := command(t, []string{"DATABASE_URL=postgres://127.0.0.1:1/db"}, "serve", "--http-listen", taken.Addr().String())
	require.Equal(t, exitFailed, out.code)
	require.Equal(t, 1, strings.Count(out.stderr, "\n"), "one line: %s", out.stderr)
	require.Contains(t, out.stderr, "port "+port)
}

func TestServeWarnsOfAnOpenDoor(t *testing.T) {
	db := []string{"ZONEKEEPER_DB_URL=postgres://127.0.0.1:1/db"}
	open := serveUntil(t, "waiting for the database", db, "--http-listen=:0")
	require.Equal(t, 1, strings.Count(open.stderr, "it asks for no credentials"))
	closed := serveUntil(t, "waiting for the database", db)
	require.NotContains(t, closed.stderr, "it asks for no credentials")
}

// What the name server does with what it was told, and who may change what it says, is said once.
func TestServeSaysWhatTheNameServerDoes(t *testing.T) {
	db := []string{"ZONEKEEPER_DB_URL=postgres://127.0.0.1:1/db"}
	properties := writeFile(t, "namesrv.properties", "listenPort=9870\n")
	out := serveUntil(t, "waiting for the database", db, "--namesrv-listen=:0", "--namesrv-properties", properties)
	require.Equal(t, exitOK, out.code, out.stderr)
	require.Equal(t, 1, strings.Count(out.stderr, `"who may change topics, permissions and configuration of the name server","from":"private"`), out.stderr)
	require.Contains(t, out.stderr, `listenPort = \"9870\" (`+properties+`:1): has no effect: --namesrv-listen says where to listen`)
	out = serveUntil(t, "waiting for the database", db, "--namesrv-listen=:0", "--namesrv-admin-allow=any")
	require.Equal(t, 1, strings.Count(out.stderr, "whoever reaches the name server can delete its topics"))
	out = serveUntil(t, "waiting for the database", db, "--namesrv-listen=127.0.0.1:0")
	require.NotContains(t, out.stderr, "who may change topics", "only this machine reaches it")

	taken, err := listenOn(t.Context(), "127.0.0.1:0", "--namesrv-listen")
	require.NoError(t, err)
	defer taken.Close()
	refused := command(t, db, "serve", "--http-listen=127.0.0.1:0", "--namesrv-listen", taken.Addr().String())
	require.Equal(t, exitFailed, refused.code)
	require.Contains(t, refused.stderr, "choose another with --namesrv-listen")
}
