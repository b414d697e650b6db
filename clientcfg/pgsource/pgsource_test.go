package pgsource_test

import (
	"context"
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
