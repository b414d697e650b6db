// Package pgsource reads the server list from the database, for clients that start before they know any server.
//
// It needs the right to read two views, default_zone and name_servers, and nothing else (the role <schema>_client), and one connection
// for the time of two queries: it is to begin with, behind the servers themselves, which are asked from then on:
//
//	web, err := clientcfg.NewHTTPSource(nil, clientcfg.HTTPConfig{}) // no seeds: the database names the first servers
//	…
//	client := clientcfg.New(clientcfg.Sources(web, pgsource.New(pool, "zonekeeper", "default")), clientcfg.Config{})
//
// Apart from package clientcfg so that HTTP users never link pgx.
package pgsource

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// Source is a clientcfg.Source on a pool.
type Source struct {
	pool              *pgxpool.Pool
	cluster           string
	zonesSQL, nameSQL string
}

var _ clientcfg.Source = (*Source)(nil)

const (
	zonesSQL = `SELECT region, zone, urls FROM {schema}.default_zone WHERE cluster = $1::text ORDER BY region, zone`
	nameSQL  = `SELECT clients FROM {schema}.name_servers WHERE cluster = $1::text`
)

// New returns a Source of one cluster in one schema ("zonekeeper" unless the servers were told otherwise). The pool stays the caller's
// to close.
func New(pool *pgxpool.Pool, schema, cluster string) *Source {
	in := strings.NewReplacer("{schema}", pgx.Identifier{schema}.Sanitize())
	return &Source{pool: pool, cluster: cluster, zonesSQL: in.Replace(zonesSQL), nameSQL: in.Replace(nameSQL)}
}

// Servers returns the servers that serve, or clientcfg.ErrNoServers when none does. On a standby, which cannot know who is alive, it
// returns those that were serving when the standby last heard.
func (s *Source) Servers(ctx context.Context) (clientcfg.ServerList, error) {
	list := clientcfg.ServerList{Cluster: s.cluster}
	var region, zone, urls string
	rows, _ := s.pool.Query(ctx, s.zonesSQL, s.cluster) // its error comes with the rows
	_, err := pgx.ForEachRow(rows, []any{&region, &zone, &urls}, func() error {
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
	if list.Namesrv, err = s.nameServers(ctx); err != nil {
		return clientcfg.ServerList{}, fmt.Errorf("read name servers: %w", err)
	}
	return list.Normalize()
}

// nameServers returns the RocketMQ name servers that take clients. A database whose servers are older than their name servers, or
// whose grants are, has none to tell, which costs nobody the Eureka servers.
func (s *Source) nameServers(ctx context.Context) ([]string, error) {
	var clients string
	err := s.pool.QueryRow(ctx, s.nameSQL, s.cluster).Scan(&clients)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && (refused.Code == undefinedTable || refused.Code == insufficientPrivilege) {
		return nil, nil
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	return strings.Split(clients, ";"), nil // of "" nothing is left by Normalize
}

// What PostgreSQL calls what an older schema answers.
const (
	undefinedTable        = "42P01"
	insufficientPrivilege = "42501"
)
