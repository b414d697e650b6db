package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// T28: two processes advertise one address. Who finds somebody else there does not join. When the address is led to the other one, that
// one takes the place, and the loser says so, is not ready, and does not fight.
func TestMembershipAddressTwice(t *testing.T) {
	m := newMembers(t)
	others := m.form(2)
	front := newFaultProxy(t, "127.0.0.1:1")
	address := "http://" + front.Addr() + "/eureka/"
	lead := func(to *member) {
		front.SetTarget(strings.TrimPrefix(to.base, "http://"))
		front.Reset()
	}
	listed := func() bool {
		return !slices.ContainsFunc(others, func(s *member) bool { return !s.serves(address) || len(s.zoneNow()) != 3 })
	}
	one := m.start("ZONEKEEPER_ADVERTISE_URL=" + address)
	lead(one)
	m.within(10*time.Second, "the first is listed", func() bool { return one.ready(m.client) && listed() })

	two := m.start("ZONEKEEPER_ADVERTISE_URL=" + address)
	said := func(s *member, what string) bool {
		return slices.ContainsFunc(s.lines(), func(l logLine) bool { return strings.HasPrefix(l.Message, what) })
	}
	m.within(5*time.Second, "the second sees the first", func() bool {
		return said(two, "another server answers at our advertised address")
	})
	m.pass(2 * m.pace.ttl)
	require.False(t, two.ready(m.client))
	require.True(t, one.ready(m.client))
	require.True(t, listed())
	require.Equal(t, 1, m.number("SELECT count(*) FROM peers WHERE eureka_url = '"+address+"'"), "the second has never joined")

	lead(two)
	m.within(15*time.Second, "the second takes the place", func() bool { return two.ready(m.client) && listed() })
	m.within(5*time.Second, "the first knows that it lost it", func() bool {
		_, why := one.request(m.client, http.MethodGet, "/readyz?verbose", "")
		_, metrics := one.request(m.client, http.MethodGet, "/metrics", "")
		return strings.Contains(why, "another server answers at our address") && strings.Contains(metrics, "zonekeeper_duplicate_address 1")
	})
	require.False(t, one.ready(m.client))
	m.pass(2 * m.pace.ttl)
	require.True(t, listed())
	require.Less(t, m.number("SELECT count(*) FROM peer_events WHERE kind = 'superseded'"), 5, "no ping-pong")
	require.Equal(t, 1, m.number("SELECT count(*) FROM peers WHERE living AND eureka_url = '"+address+"'"))
}

// T33: servers that start while the database is away. A good list on disk is in use within a second; a torn, falsified, foreign or old one
// and a directory that cannot be written are named in the log and hurt nobody: the server waits and joins when the database is back.
func TestMembershipDiskCache(t *testing.T) {
	m := newMembers(t)
	database, through := proxied(t, m.databaseURL())
	there := *database.target.Load()
	m.environ = append(m.environ, "ZONEKEEPER_DB_URL="+through)
	standing := m.form(2)
	base, dir := freePorts(t, 6), t.TempDir()
	config := func(i int, dataDir string) (environ []string, cache *peerstore.DiskCache) {
		address := "127.0.0.1:" + strconv.Itoa(base+i)
		c := Config{DataDir: dataDir, Cluster: "default", AdvertiseURL: "http://" + address + "/eureka/"}
		return []string{"ZONEKEEPER_HTTP_LISTEN=" + address, "ZONEKEEPER_DATA_DIR=" + dataDir}, peerstore.NewDiskCache(c.stateDir())
	}
	environ, good := config(0, dir)
	first := m.start(environ...)
	m.agree(10*time.Second, append(standing, first)...)
	var list peerstore.SavedList
	m.within(5*time.Second, "the list is on disk", func() bool {
		var err error
		list, err = good.LoadList("default", time.Now())
		return err == nil && len(list.Peers) == 2
	})
	secret, err := good.LoadSecret("default")
	require.NoError(t, err)
	first.stop()
	m.agree(10*time.Second, standing...)

	database.SetTarget("127.0.0.1:1")
	database.Reset()
	began := time.Now()
	again := m.start(environ...)
	m.within(time.Second, "it has the list", func() bool {
		return again.serves(standing[0].eurekaURL()) && again.serves(standing[1].eurekaURL())
	})
	t.Logf("the list is there %v after the start", time.Since(began))
	m.agree(10*time.Second, append(standing, again)...)

	// The others have one reason each why they know nobody.
	damage := func(change func(text []byte) []byte) func(*peerstore.DiskCache) {
		return func(c *peerstore.DiskCache) {
			require.NoError(t, c.SaveList(list))
			file := filepath.Join(c.Dir(), "list.json")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, change(text), 0o600))
		}
	}
	bad := []struct {
		name, dir string
		write     func(*peerstore.DiskCache)
		says      string
	}{
		{"truncated", dir, damage(func(text []byte) []byte { return text[:len(text)/2] }), "the list on disk is not used"},
		{"falsified", dir, damage(func(text []byte) []byte { return []byte(strings.Replace(string(text), "127.0.0.1", "127.0.0.9", 1)) }), "the list on disk is not used"},
		{"of another cluster", dir, func(c *peerstore.DiskCache) {
			foreign := list
			foreign.Cluster = "production"
			require.NoError(t, c.SaveList(foreign))
		}, "the list on disk is not used"},
		{"thirty days old", dir, func(c *peerstore.DiskCache) {
			old := list
			old.SavedAt = time.Now().Add(-30 * 24 * time.Hour)
			require.NoError(t, c.SaveList(old))
		}, "the list on disk is not used"},
		{"a directory that cannot be", "/dev/null/zonekeeper", nil, "the secret could not be kept"},
	}
	var servers []*member
	for i, b := range bad {
		environ, cache := config(i+1, b.dir)
		if b.write != nil {
			require.NoError(t, cache.SaveSecret(secret))
			b.write(cache)
		}
		servers = append(servers, m.launch(environ...))
	}
	for _, s := range servers {
		s.await()
	}
	m.pass(2*databasePatience - databasePatience/2) // long enough to go wrong
	for i, s := range servers {
		require.Equal(t, http.StatusOK, s.answers(m.client, http.MethodGet, "/livez"), bad[i].name)
		require.False(t, s.ready(m.client), bad[i].name)
		require.Equal(t, []string{s.eurekaURL()}, s.zoneNow(), "%s: it believes nothing of it", bad[i].name)
	}
	database.SetTarget(there)
	m.agree(15*time.Second, append(append(standing, again), servers...)...)
	for i, s := range servers {
		require.True(t, slices.ContainsFunc(s.lines(), func(l logLine) bool { return strings.HasPrefix(l.Message, bad[i].says) }), bad[i].name)
	}
}

// T35: the process that migrates is killed in the middle of a slow migration. The others have waited; one of them does it again from
// the beginning, and all serve soon after the dead one's last statement ended.
func TestMembershipSlowMigration(t *testing.T) {
	postgres := newStoppable(t)
	sql := pgtest.Open(t, postgres.url, migrations.DefaultSchema)
	m := membersOn(t, sql, postgres.url, migrations.DefaultSchema)
	slow := 3
	if soaking() {
		slow = 10
	}
	// The fourth table that anybody makes takes its time, once.
	script(t, sql, `CREATE SEQUENCE public.tables;
		CREATE FUNCTION public.slowly() RETURNS event_trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF nextval('public.tables') = 4 THEN PERFORM pg_sleep(`+strconv.Itoa(slow)+`); END IF;
		END $$;
		CREATE EVENT TRIGGER slowly ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.slowly()`)
	var servers []*member
	for i := range 8 {
		servers = append(servers, m.launch("ZONEKEEPER_DB_URL="+postgres.url+"&application_name=starter-"+strconv.Itoa(i)))
	}
	for _, s := range servers {
		s.await()
	}
	const migrating = "SELECT coalesce(max(substr(application_name, 9)::int), -1) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
	var holder int
	m.within(20*time.Second, "one migrates", func() bool { holder = m.number(migrating); return holder >= 0 })
	servers[holder].kill()
	for _, s := range servers {
		require.False(t, s.ready(m.client), "nobody goes on without a schema")
	}
	m.within(20*time.Second, "the dead one's statement ends", func() bool { return m.number(migrating) != holder })
	ended := time.Now()
	rest := slices.Delete(slices.Clone(servers), holder, holder+1)
	m.agree(15*time.Second, rest...)
	waited := time.Since(ended)
	t.Logf("all serve %v after the lock was free", waited)
	require.Less(t, waited, 2*time.Second+3*time.Second, "two seconds to get the lock, and to start")
	require.Equal(t, int(migrations.Latest()), m.number("SELECT count(*) FROM goose_db_version WHERE version_id > 0"), "each migration once")
	require.Equal(t, 7, m.number("SELECT count(*) FROM peers"))
	applied := 0
	for _, s := range rest {
		for _, l := range s.lines() {
			if l.Message == "waiting for the database" { // on a busy machine a call may miss its deadline, which is short here
				require.Contains(t, l.text, "did not answer in time", "migrating is no error")
			}
			require.NotEqual(t, "ERROR", l.Level, l.text)
			if l.Message == "migration applied" {
				applied++
			}
		}
	}
	require.Equal(t, int(migrations.Latest()), applied, "by one of them")
}

// script runs SQL text of several statements.
func script(t *testing.T, pool *pgxpool.Pool, text string) {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Conn().PgConn().Exec(t.Context(), text).ReadAll()
	require.NoError(t, err)
}

// T39, for the whole program: servers that log in with the server role's rights alone do everything that servers do. What each role may
// not do is a table in the migrations' tests.
func TestMembershipServerRole(t *testing.T) {
	m := newMembers(t)
	pool, schema := pgtest.Pool(t)
	roles, err := migrations.Roles(schema)
	require.NoError(t, err)
	pgtest.Script(t, roles)
	t.Cleanup(func() {
		for _, role := range []string{"migrator", "server", "client", "ops"} {
			pgtest.Script(t, "DROP OWNED BY "+schema+"_"+role+" CASCADE; DROP ROLE "+schema+"_"+role)
		}
	})
	pgtest.Script(t, "ALTER ROLE "+schema+"_server PASSWORD 'pw'")
	u, err := url.Parse(m.databaseURL())
	require.NoError(t, err)
	u.User = url.UserPassword(schema+"_server", "pw")
	m = membersOn(t, pool, u.String(), schema, "ZONEKEEPER_MIGRATE=check")
	servers := m.form(2)
	require.Equal(t, http.StatusNoContent, servers[0].register(m.client, "ORDERS", "i-1", time.Minute))
	require.Equal(t, http.StatusOK, servers[0].answers(m.client, http.MethodPut, "/eureka/apps/ORDERS/i-1/status?value=OUT_OF_SERVICE"))
	m.within(10*time.Second, "the override is durable", func() bool { return m.number("SELECT count(*) FROM overrides") == 1 })
	servers[0].kill()
	m.within(m.pace.removal()+10*time.Second, "the crashed one is gone", func() bool { return !servers[1].lists(servers[0].eurekaURL()) })
	servers[1].stop()
	require.Equal(t, 1, m.number("SELECT count(*) FROM peers WHERE phase = 'left'"))
	for _, s := range servers {
		for _, l := range s.lines() {
			require.NotContains(t, l.text, "42501", "a right was missing")
		}
	}
}
