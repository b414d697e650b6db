// Package pgsource reads the server list from the database, for clients that start before they know any server.
//
// It needs the right to read one view, default_zone, and nothing else (the role <schema>_client), and one connection for the time of
// one query: it is to begin with, behind the servers themselves, which are asked from then on:
//
//	web, err := clientcfg.NewHTTPSource(nil, clientcfg.HTTPConfig{}) // no seeds: the database names the first servers
//	…
//	client := clientcfg.New(clientcfg.Sources(web, pgsource.New(pool, "zonekeeper", "default")), clientcfg.Config{})
//
// Apart from package clientcfg so that HTTP users never link pgx.
package pgsource

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// Source is a clientcfg.Source on a pool.
type Source struct {
	pool    *pgxpool.Pool
	cluster string
	sql     string
}

var _ clientcfg.Source = (*Source)(nil)

const zonesSQL = `SELECT region, zone, urls FROM {schema}.default_zone WHERE cluster = $1::text ORDER BY region, zone`

// New returns a Source of one cluster in one schema ("zonekeeper" unless the servers were told otherwise). The pool stays the caller's
// to close.
func New(pool *pgxpool.Pool, schema, cluster string) *Source {
	return &Source{pool: pool, cluster: cluster, sql: strings.ReplaceAll(zonesSQL, "{schema}", pgx.Identifier{schema}.Sanitize())}
}

// Servers returns the servers that serve, or clientcfg.ErrNoServers when none does. On a standby, which cannot know who is alive, it
// returns those that were serving when the standby last heard.
func (s *Source) Servers(ctx context.Context) (clientcfg.ServerList, error) {
	list := clientcfg.ServerList{Cluster: s.cluster}
	rows, err := s.pool.Query(ctx, s.sql, s.cluster)
	if err != nil {
		return clientcfg.ServerList{}, fmt.Errorf("read default zone: %w", err)
	}
	var region, zone, urls string
	_, err = pgx.ForEachRow(rows, []any{&region, &zone, &urls}, func() error {
		for u := range strings.SplitSeq(urls, ",") {
			list.Servers = append(list.Servers, clientcfg.Server{URL: u, Zone: zone, Region: region})
		}
		return nil
	})
	if err != nil {
		return clientcfg.ServerList{}, fmt.Errorf("read default zone: %w", err)
	}
	if list.Empty() {
		return clientcfg.ServerList{}, clientcfg.ErrNoServers
	}
	return list.Normalize()
}
