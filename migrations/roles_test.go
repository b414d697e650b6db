package migrations_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/intent/pgintent"
)

var roles = []string{"migrator", "server", "client", "ops"}

// withRoles returns a migrated schema with its roles, twice made, and a pool logged in as each.
func withRoles(t *testing.T) (schema string, as map[string]*pgxpool.Pool) {
	t.Helper()
	admin, schema := pgtest.Pool(t)
	text, err := migrations.Roles(schema)
	require.NoError(t, err)
	t.Cleanup(func() { // after the pools below, before the schema goes
		for _, r := range roles {
			pgtest.Script(t, "DROP OWNED BY "+schema+"_"+r+" CASCADE; DROP ROLE "+schema+"_"+r)
		}
	})
	pgtest.Script(t, text)
	pgtest.Script(t, text) // idempotent
	as = make(map[string]*pgxpool.Pool)
	for _, r := range roles {
		pgtest.Script(t, "ALTER ROLE "+schema+"_"+r+" PASSWORD 'pw'")
		u, err := url.Parse(pgtest.URL(t))
		require.NoError(t, err)
		u.User = url.UserPassword(schema+"_"+r, "pw")
		as[r] = pgtest.Open(t, u.String(), schema)
	}
	require.NoError(t, admin.Ping(t.Context()))
	return schema, as
}

// T39: what each role may do is exactly this, and nothing else that another role may.
func TestRights(t *testing.T) {
	_, as := withRoles(t)
	const register = `SELECT * FROM register('c', gen_random_uuid(), '{"eureka": "http://h/"}', 'r', 'z', '', '', 1, 1, NULL, '', 1000)`
	for _, c := range []struct {
		sql string
		may string // roles
	}{
		{register, "server migrator"},
		{`SELECT set_phase(gen_random_uuid(), 'serving', '')`, "server migrator"},
		{`SELECT set_namesrv_phase(gen_random_uuid(), 'serving')`, "server migrator"},
		{`SELECT declare_outage(gen_random_uuid(), 1000)`, "server migrator"},
		{`SELECT prune('c')`, "server migrator"},
		{`SELECT peer_channel('c')`, "server migrator"},
		{`UPDATE peer_leases SET seq = seq + 1, renewed_at = clock_timestamp() WHERE peer_id = gen_random_uuid()`, "server migrator"},
		{`SELECT peer_id, phase FROM peers`, "server migrator"},
		{`INSERT INTO overrides (cluster, application, instance_id, status) VALUES ('c', 'A', gen_random_uuid(), 'UP')`, "server migrator"},
		{`DELETE FROM overrides`, "server migrator"},
		{`SELECT prior_brokers('c', gen_random_uuid())`, "server migrator"},
		{`SELECT prune_audit()`, "server migrator"},
		{`SELECT prune_words('c')`, "server migrator"},
		{`UPDATE peer_leases SET routes_digest = 1, topics = 1, brokers = 1 WHERE peer_id = gen_random_uuid()`, "server migrator"},
		{`INSERT INTO namesrv_words (cluster, kind, scope, name, counter, epoch) VALUES ('c', 'wipe', '', gen_random_uuid(), 1, 1)`, "server migrator"},
		{`UPDATE namesrv_words SET value = '' WHERE deleted`, "server migrator"},
		{`INSERT INTO admin_audit (cluster, record) VALUES ('c', gen_random_uuid()) ON CONFLICT DO NOTHING`, "server migrator"},
		{`LISTEN anything`, "server migrator client ops"}, // PostgreSQL knows no right for it

		{`SELECT evict(gen_random_uuid(), 'why')`, "ops migrator"},
		{`SELECT * FROM history(now())`, "ops migrator"},
		{`SELECT * FROM peer_events`, "ops migrator"},
		{`SELECT * FROM overrides`, "server ops migrator"},
		{`SELECT * FROM namesrv_words`, "server ops migrator"},
		{`SELECT * FROM admin_audit`, "ops migrator"},

		{`SELECT * FROM default_zone`, "client server ops migrator"},
		{`SELECT * FROM name_servers`, "client server ops migrator"},
		{`SELECT * FROM live_peers`, "server ops migrator"},
		{`SELECT * FROM peer_status`, "server ops migrator"},
		{`SELECT * FROM cluster_summary`, "server ops migrator"},
		{`SELECT * FROM registry_agreement`, "server ops migrator"},
		{`SELECT * FROM route_agreement`, "server ops migrator"},
		{`SELECT * FROM kv_config`, "server ops migrator"},
		{`SELECT * FROM wiped_brokers`, "server ops migrator"},
		{`SELECT * FROM deleted_topics`, "server ops migrator"},
		{`SELECT * FROM suspected_by`, "server ops migrator"},
		{`SELECT * FROM duplicate_addresses`, "server ops migrator"},
		{`SELECT * FROM flapping`, "server ops migrator"},
		{`SELECT * FROM hot_check`, "server ops migrator"},
		{`SELECT max(version_id) FROM goose_db_version`, "server ops migrator"},

		{`SELECT secret FROM clusters`, "migrator"},
		{`SELECT * FROM clusters`, "migrator"},
		{`SELECT addresses FROM peers`, "migrator"},
		{`SELECT * FROM peer_leases`, "migrator"},
		{`UPDATE peers SET phase = 'serving'`, "migrator"},
		{`UPDATE clusters SET view_version = 0`, "migrator"},
		{`UPDATE peer_leases SET peer_id = gen_random_uuid() WHERE false`, "migrator"},
		{`DELETE FROM peers`, "migrator"},
		{`DELETE FROM peer_leases`, "migrator"},
		{`DELETE FROM namesrv_words`, "migrator"},
		{`DELETE FROM admin_audit`, "migrator"},
		{`UPDATE admin_audit SET who = 'somebody else'`, "migrator"},
		{`INSERT INTO peer_events (cluster, kind) VALUES ('c', 'lie')`, "migrator"},
		{`SELECT move_peer(gen_random_uuid(), 'evicted', '', NULL)`, "migrator"},
		{`UPDATE goose_db_version SET version_id = 0`, "migrator"},
		{`CREATE TABLE own (a int)`, "migrator"},
	} {
		for _, role := range roles {
			tx, err := as[role].Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), c.sql)
			require.NoError(t, tx.Rollback(t.Context()))
			if strings.Contains(c.may, role) {
				require.NoError(t, err, "%s: %s", role, c.sql)
				continue
			}
			var pg *pgconn.PgError
			require.ErrorAs(t, err, &pg, "%s: %s", role, c.sql)
			require.Equal(t, "42501", pg.Code, "%s: %s: %s", role, c.sql, pg.Message)
		}
	}
}

// T39: what roles are limited to beside their rights. These are a belt only; what counts is the deadline that servers put on every call.
func TestRoleLimits(t *testing.T) {
	schema, as := withRoles(t)
	var limit int
	require.NoError(t, as["ops"].QueryRow(t.Context(), "SELECT rolconnlimit FROM pg_roles WHERE rolname = $1", schema+"_client").Scan(&limit))
	require.Equal(t, 50, limit, "clients cannot take all connections")
	for role, settings := range map[string]map[string]string{
		"client": {"statement_timeout": "2s"},
		"server": {"statement_timeout": "2s", "lock_timeout": "1s", "idle_in_transaction_session_timeout": "5s"},
	} {
		for name, want := range settings {
			var got string
			require.NoError(t, as[role].QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&got))
			require.Equal(t, want, got, "%s of %s", name, role)
		}
	}
}

// A server works with the server role's rights alone, and the migrator migrates with its own.
func TestRolesSuffice(t *testing.T) {
	schema, as := withRoles(t)
	ctx := t.Context()
	require.NoError(t, migrations.Check(ctx, pgstore.SQL(as["server"]), schema))
	require.NoError(t, migrations.Up(ctx, pgstore.SQL(as["server"]), schema, nil), "nothing to do needs no rights")
	s, err := pgstore.New(as["server"], pgstore.Config{Schema: schema})
	require.NoError(t, err)
	p := peerstore.Peer{
		ID: "8c5d0f2e-6a43-4f0e-9f57-0f4f1a1c2b3d", Cluster: "c", Addresses: peerstore.Addresses{Eureka: "http://h:8761/eureka/"},
	}
	_, err = s.Register(ctx, p, peerstore.Settings{}.WithDefaults().TTL)
	require.NoError(t, err)
	require.NoError(t, s.Heartbeat(ctx, p.ID, peerstore.Settings{}.WithDefaults().TTL, peerstore.Stats{Instances: 1, Brokers: 3}))
	require.NoError(t, s.SetPhase(ctx, p.ID, peerstore.PhaseServing, ""))
	require.NoError(t, s.SetNamesrvPhase(ctx, p.ID, peerstore.PhaseServing))
	other := p
	other.ID, other.Addresses.Eureka = "8c5d0f2e-6a43-4f0e-9f57-0f4f1a1c2b3e", "http://other:8761/eureka/"
	registration, err := s.Register(ctx, other, peerstore.Settings{}.WithDefaults().TTL)
	require.NoError(t, err)
	require.Equal(t, 3, registration.PriorBrokers)
	intents := pgintent.New(as["server"], schema)
	for range 2 {
		require.NoError(t, intents.PutWords(ctx, "c", []intent.Word{{Kind: intent.Wipe, Name: "broker-a", Counter: 1}}))
		require.NoError(t, intents.AppendAudit(ctx, "c", []intent.AuditRecord{{ID: "1", Code: 205}}))
	}
	words, err := intents.LoadWords(ctx, "c", intent.WordKey{}, 10)
	require.NoError(t, err)
	require.Len(t, words, 1)
	view, err := s.Rows(ctx, "c")
	require.NoError(t, err)
	require.True(t, view.Rows[0].Live)
	require.Equal(t, "00000001", view.Timeline)
	_, err = s.Prune(ctx, "c")
	require.NoError(t, err)
	require.ErrorIs(t, s.Evict(ctx, p.ID, "", 0), pgstore.ErrMissingRights, "that is an operator's")
	operator, err := pgstore.New(as["ops"], pgstore.Config{Schema: schema})
	require.NoError(t, err)
	require.NoError(t, operator.Evict(ctx, p.ID, "test", 0))

	// The migrator undoes and redoes; the others' rights are there again afterwards, without a second "migrate roles".
	require.NoError(t, migrations.Down(ctx, pgstore.SQL(as["migrator"]), schema, nil))
	require.ErrorIs(t, migrations.Check(ctx, pgstore.SQL(as["server"]), schema), migrations.ErrNotMigrated)
	_, err = as["server"].Exec(ctx, "SELECT * FROM live_peers, registry_agreement, schema_compat")
	require.NoError(t, err, "servers of the release before go on with what they could")
	_, err = as["client"].Exec(ctx, "SELECT * FROM default_zone")
	require.NoError(t, err)
	require.NoError(t, migrations.Up(ctx, pgstore.SQL(as["migrator"]), schema, nil))
	_, err = as["server"].Exec(ctx, "SELECT * FROM overrides, namesrv_words, route_agreement")
	require.NoError(t, err)
}

// Functions run with their owner's rights, so what they call must not be what a caller puts in its own schema.
func TestFunctionsAreNotFooled(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	var unsafe []string
	rows, err := pool.Query(t.Context(), `SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = $1::text::regnamespace
		AND (NOT p.prosecdef OR p.proconfig IS NULL OR NOT p.proconfig @> ARRAY['search_path=' || $1::text || ', pg_temp']
		     OR EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0))`, schema)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		unsafe = append(unsafe, name)
	}
	require.NoError(t, rows.Err())
	require.Empty(t, unsafe, "each is SECURITY DEFINER with a fixed search_path that ends in pg_temp, and closed to PUBLIC")
}
