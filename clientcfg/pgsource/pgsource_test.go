package pgsource_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/clientcfg/pgsource"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// addPeer registers a server as servers do, and puts it into a phase.
func addPeer(t *testing.T, pool *pgxpool.Pool, cluster, url, zone, phase string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `
		WITH id AS MATERIALIZED (SELECT gen_random_uuid() AS id)
		SELECT register($1::text, id, jsonb_build_object('eureka', $2::text), 'eu', $3::text, '', '', 1, 1, NULL, '', 10000) FROM id`,
		cluster, url, zone)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "SELECT set_phase(peer_id, $2::text, '') FROM peers WHERE eureka_url = $1::text", url, phase)
	require.NoError(t, err)
}

func TestServers(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := pgsource.New(pool, schema, "c")
	_, err := s.Servers(t.Context())
	require.ErrorIs(t, err, clientcfg.ErrNoServers)

	addPeer(t, pool, "c", "http://h1:8761/eureka/", "a", "serving")
	addPeer(t, pool, "c", "http://h2:8761/eureka/", "b", "serving")
	addPeer(t, pool, "c", "http://h3:8761/eureka/", "a", "serving")
	addPeer(t, pool, "c", "http://h4:8761/eureka/", "a", "draining")
	addPeer(t, pool, "other", "http://h5:8761/eureka/", "a", "serving")
	got, err := s.Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, clientcfg.ServerList{Cluster: "c", Servers: []clientcfg.Server{
		{URL: "http://h1:8761/eureka/", Zone: "a", Region: "eu"},
		{URL: "http://h3:8761/eureka/", Zone: "a", Region: "eu"},
		{URL: "http://h2:8761/eureka/", Zone: "b", Region: "eu"},
	}}, got)

	_, err = pool.Exec(t.Context(), "UPDATE peer_leases SET renewed_at = renewed_at - interval '1 hour'")
	require.NoError(t, err)
	_, err = s.Servers(t.Context())
	require.ErrorIs(t, err, clientcfg.ErrNoServers, "a client keeps the list it has")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Servers(ended)
	require.ErrorIs(t, err, context.Canceled)
}

// A client that learns its first server from the database and follows it from there.
func TestClientBegins(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	addPeer(t, pool, "c", "http://h1:8761/eureka/", "a", "serving")
	pc := pool.Config()
	pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement // a user's own pool
	users, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(users.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	list, err := clientcfg.Sources(pgsource.New(users, schema, "c")).Servers(ctx)
	require.NoError(t, err)
	require.Equal(t, "http://h1:8761/eureka/", list.DefaultZone("a"))
}

// nameServer turns a server's RocketMQ side on, and puts it into a phase.
func nameServer(t *testing.T, pool *pgxpool.Pool, url, addr, phase string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), "UPDATE peers SET addresses = addresses || jsonb_build_object('namesrv', $2::text) WHERE eureka_url = $1::text", url, addr)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "SELECT set_namesrv_phase(peer_id, $2::text) FROM peers WHERE eureka_url = $1::text", url, phase)
	require.NoError(t, err)
}

func TestNameServers(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	s := pgsource.New(pool, schema, "c")
	for i, phase := range []string{"serving", "serving", "joining"} {
		addPeer(t, pool, "c", fmt.Sprintf("http://h%d:8761/eureka/", i+1), "a", phase)
	}
	addPeer(t, pool, "other", "http://h5:8761/eureka/", "a", "serving")
	nameServer(t, pool, "http://h5:8761/eureka/", "10.0.0.5:9876", "serving")
	got, err := s.Servers(t.Context())
	require.NoError(t, err)
	require.Empty(t, got.NamesrvAddr())

	nameServer(t, pool, "http://h1:8761/eureka/", "10.0.0.1:9876", "joining")
	got, err = s.Servers(t.Context())
	require.NoError(t, err)
	require.Empty(t, got.NamesrvAddr())

	nameServer(t, pool, "http://h2:8761/eureka/", "[2001:db8::2]:9876", "serving")
	nameServer(t, pool, "http://h3:8761/eureka/", "10.0.0.3:9876", "serving") // before its Eureka side
	got, err = s.Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, "10.0.0.3:9876;[2001:db8::2]:9876", got.NamesrvAddr())
	require.Equal(t, "http://h1:8761/eureka/,http://h2:8761/eureka/", got.DefaultZone(""))
}

// A program that is newer than the servers finds those all the same.
func TestOlderSchemas(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	addPeer(t, pool, "c", "http://h1:8761/eureka/", "a", "serving")
	s := pgsource.New(pool, schema, "c")
	_, err := pool.Exec(t.Context(), "ALTER VIEW name_servers RENAME TO hidden")
	require.NoError(t, err)
	got, err := s.Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, "http://h1:8761/eureka/", got.DefaultZone(""))
	require.Empty(t, got.Namesrv)
}

// So does one whose role was granted its rights before there were name servers.
func TestOlderGrants(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	addPeer(t, pool, "c", "http://h1:8761/eureka/", "a", "serving")
	nameServer(t, pool, "http://h1:8761/eureka/", "10.0.0.1:9876", "serving")
	in := pgx.Identifier{schema}.Sanitize()
	// A role that every database has; its rights go with the schema.
	_, err := pool.Exec(t.Context(), "GRANT USAGE ON SCHEMA "+in+" TO pg_monitor; GRANT SELECT ON "+in+".default_zone TO pg_monitor")
	require.NoError(t, err)
	pc := pool.Config()
	pc.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET ROLE pg_monitor")
		return err
	}
	clients, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(clients.Close)
	s := pgsource.New(clients, schema, "c")
	got, err := s.Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, "http://h1:8761/eureka/", got.DefaultZone(""))
	require.Empty(t, got.Namesrv)

	_, err = pool.Exec(t.Context(), "GRANT SELECT ON "+in+".name_servers TO pg_monitor")
	require.NoError(t, err)
	got, err = s.Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1:9876", got.NamesrvAddr())
}
