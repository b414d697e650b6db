package rocketmq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
)

// world is everything that runs.
type world struct {
	t        *testing.T
	ctx      context.Context
	place    *place
	software software
	binary   string
	db       database
	proxy    *proxy
	ledger   *ledger
	admin    *admin
	pulse    *pulse

	started int
	servers []*server
	brokers []*broker
}

// properties is the reference's own configuration file, as its user would bring it along.
const properties = "orderMessageEnable=true\n"

func newWorld(t *testing.T, ctx context.Context) *world {
	t.Helper()
	w := &world{t: t, ctx: ctx, binary: zonekeeperBinary(t), ledger: newLedger(), pulse: newPulse(t)}
	w.software = buildSoftware(t, ctx)
	w.place = newPlace(t)
	w.db = startDatabase(t, ctx)
	w.proxy = newProxy(t)
	require.NoError(t, os.WriteFile(filepath.Join(w.place.dir, "namesrv.properties"), []byte(properties), 0o644))
	return w
}

// saw prints what a scenario observed, in one line.
func (w *world) saw(format string, args ...any) {
	w.t.Helper()
	w.t.Logf(format, args...)
}

// until waits for a condition, and fails the test when it does not come true.
func (w *world) until(within time.Duration, what string, holds func() bool) {
	w.t.Helper()
	for began := time.Now(); !holds(); w.sleep(20 * time.Millisecond) {
		if w.pulse.since(began) > within || w.ctx.Err() != nil {
			w.explain()
			w.t.Fatalf("not so after %s: %s", within, what)
		}
	}
}

// explain prints what helps when something is not as expected: each server's word about the topic, and what it said last.
func (w *world) explain() {
	for _, s := range w.servers {
		r, ok, err := routeOf(context.WithoutCancel(w.ctx), s.addr(), steady)
		w.t.Logf("%s: route of %s: %v, known %t, error %v\n%s", s, steady, r, ok, err, s.tail())
	}
}

func (w *world) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
	}
}

// everywhere says whether something holds for a topic's route at every server.
func (w *world) everywhere(topic string, holds func(r route, known bool) bool) bool {
	for _, s := range w.servers {
		r, known, err := routeOf(w.ctx, s.addr(), topic)
		if err != nil || !holds(r, known) {
			return false
		}
	}
	return true
}

// carried says whether a topic's route has all the given brokers at every server.
func (w *world) carried(topic string, brokers ...*broker) bool {
	return w.everywhere(topic, func(r route, known bool) bool {
		return known && !slices.ContainsFunc(brokers, func(b *broker) bool { return !r.has(b) })
	})
}

type database struct{ url, schema string }

// startDatabase uses TEST_DATABASE_URL, in a schema of its own, or starts a PostgreSQL.
func startDatabase(t *testing.T, ctx context.Context) database {
	t.Helper()
	given := os.Getenv("TEST_DATABASE_URL")
	pg, err := localpg.Start(ctx, localpg.Config{URL: given, Progress: func(doing string) { t.Log(doing) }})
	require.NoError(t, err)
	db := database{url: pg.URL(), schema: fmt.Sprintf("compat_rocketmq_%d_%d", os.Getpid(), time.Now().Unix())}
	t.Cleanup(func() {
		if given != "" {
			dropSchema(t, db)
		}
		require.NoError(t, pg.Stop())
	})
	return db
}

// count returns a number that the database knows.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	conn, err := pgx.Connect(w.ctx, w.db.url)
	require.NoError(w.t, err)
	defer conn.Close(w.ctx)
	_, err = conn.Exec(w.ctx, "SET search_path TO "+pgx.Identifier{w.db.schema}.Sanitize())
	require.NoError(w.t, err)
	require.NoError(w.t, conn.QueryRow(w.ctx, query, args...).Scan(&n))
	return n
}

func dropSchema(t *testing.T, db database) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, db.url)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{db.schema}.Sanitize()+" CASCADE")
	require.NoError(t, err)
}

func zonekeeperBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("ZONEKEEPER_BIN")
	if path == "" {
		t.Fatal("ZONEKEEPER_BIN is not set: run \"make compat-rocketmq\" in the repository's root, which builds the server")
	}
	_, err := os.Stat(path)
	require.NoError(t, err, "ZONEKEEPER_BIN")
	return path
}

// given has the ports that were handed out.
var given sync.Map

// freePort is below those that Linux gives to outgoing connections: nobody else may have it while its program is dead.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		if port := 20_000 + rand.IntN(12_000); take(port) {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func take(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	_, taken := given.LoadOrStore(port, true)
	return !taken
}

// freeBrokerPort returns a port for a broker, which takes the second one below as well, its "fast" port.
func (w *world) freeBrokerPort() int {
	w.t.Helper()
	for range 1000 {
		if port := freePort(w.t); take(port - 2) {
			return port
		}
	}
	w.t.Fatal("no pair of free ports for a broker")
	return 0
}
