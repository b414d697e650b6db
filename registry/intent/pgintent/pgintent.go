// Package pgintent stores overrides as rows of the table overrides.
package pgintent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// Store is an intent.Store in one schema.
type Store struct {
	pool                 *pgxpool.Pool
	load, insert, delete string
}

var _ intent.Store = (*Store)(nil)

const (
	loadSQL = `SELECT application, instance_id, status, set_by, reason FROM {schema}.overrides
WHERE cluster = $1::text ORDER BY application COLLATE "C", instance_id COLLATE "C"`

	// Arrays as text literals travel the same way with and without prepared statements.
	insertSQL = `INSERT INTO {schema}.overrides AS o (cluster, application, instance_id, status, set_by, reason)
SELECT $1::text, w.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) w
ON CONFLICT (cluster, application, instance_id) DO UPDATE
   SET status = excluded.status, set_by = excluded.set_by, reason = excluded.reason, set_at = excluded.set_at
 WHERE (o.status, o.set_by, o.reason) IS DISTINCT FROM (excluded.status, excluded.set_by, excluded.reason)`

	deleteSQL = `DELETE FROM {schema}.overrides o USING unnest($2::text[], $3::text[]) AS w (application, instance_id)
WHERE o.cluster = $1::text AND o.application = w.application AND o.instance_id = w.instance_id`
)

// New returns a Store on the pool, which stays the caller's to close. The schema must be one that migrations accepted.
func New(pool *pgxpool.Pool, schema string) *Store {
	in := func(sql string) string { return strings.ReplaceAll(sql, "{schema}", pgx.Identifier{schema}.Sanitize()) }
	return &Store{pool: pool, load: in(loadSQL), insert: in(insertSQL), delete: in(deleteSQL)}
}

// Load implements intent.Store.
func (s *Store) Load(ctx context.Context, cluster string) ([]intent.Override, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	defer giveBack(conn)
	rows, err := conn.Query(ctx, s.load, cluster)
	if err != nil {
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (intent.Override, error) {
		o := intent.Override{Cluster: cluster}
		var status string
		if err := row.Scan(&o.App, &o.ID, &status, &o.By, &o.Reason); err != nil {
			return o, err
		}
		var ok bool
		if o.Status, ok = eureka.ParseStatus(status); !ok {
			return o, fmt.Errorf("override of %s/%s: unknown status %q", o.App, o.ID, status)
		}
		return o, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	return out, nil
}

// Apply implements intent.Store in one round trip.
func (s *Store) Apply(ctx context.Context, cluster string, writes []intent.Write) error {
	// Every server takes the rows in the same order, so that two of them cannot wait for each other.
	writes = slices.SortedFunc(slices.Values(writes), func(a, b intent.Write) int {
		return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.ID, b.ID))
	})
	var put struct{ app, id, status, by, reason []string }
	var gone struct{ app, id []string }
	for _, w := range writes {
		if w.Deleted {
			gone.app, gone.id = append(gone.app, storable(w.App)), append(gone.id, storable(w.ID))
			continue
		}
		put.app, put.id = append(put.app, storable(w.App)), append(put.id, storable(w.ID))
		put.status = append(put.status, w.Status.String())
		put.by, put.reason = append(put.by, storable(w.By)), append(put.reason, storable(w.Reason))
	}
	batch := &pgx.Batch{}
	if len(put.app) > 0 {
		batch.Queue(s.insert, cluster, put.app, put.id, put.status, put.by, put.reason)
	}
	if len(gone.app) > 0 {
		batch.Queue(s.delete, cluster, gone.app, gone.id)
	}
	if batch.Len() == 0 {
		return nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("write %d overrides: %w", len(writes), err)
	}
	defer giveBack(conn)
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write %d overrides: %w", len(writes), err)
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

// storable makes a text that PostgreSQL can hold: ids come from clients, and one odd id must not keep all the others from being
// stored. U+0000 and what is no UTF-8 become U+FFFD.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
