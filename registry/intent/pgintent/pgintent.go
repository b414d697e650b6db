// Package pgintent stores operators' durable word as rows: overrides, words to the name servers, and the audit.
package pgintent

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// Store is an intent.Store, an intent.WordStore and an intent.AuditStore in one schema.
type Store struct {
	pool *pgxpool.Pool

	load, insert, delete string
	loadWords, putWords  string
	appendAudit          string
}

var (
	_ intent.Store      = (*Store)(nil)
	_ intent.WordStore  = (*Store)(nil)
	_ intent.AuditStore = (*Store)(nil)
)

// New returns a Store on the pool, which stays the caller's to close. The schema must be one that migrations accepted.
func New(pool *pgxpool.Pool, schema string) *Store {
	in := func(sql string) string { return strings.ReplaceAll(sql, "{schema}", pgx.Identifier{schema}.Sanitize()) }
	return &Store{
		pool: pool, load: in(loadSQL), insert: in(insertSQL), delete: in(deleteSQL),
		loadWords: in(loadWordsSQL), putWords: in(putWordsSQL), appendAudit: in(appendAuditSQL),
	}
}

// do runs one call on a connection of the pool.
func (s *Store) do(ctx context.Context, what string, call func(*pgx.Conn) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer giveBack(conn)
	if err := call(conn.Conn()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// giveBack takes a connection that a timeout has ended out of the pool, where it would keep a place for as long as pgx says goodbye to
// a server that does not answer; heartbeats need that place.
func giveBack(conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() {
		conn.Hijack()
		return
	}
	conn.Release()
}
