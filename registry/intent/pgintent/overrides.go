package pgintent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/intent"
)

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

// Load implements intent.Store.
func (s *Store) Load(ctx context.Context, cluster string) (overrides []intent.Override, err error) {
	err = s.do(ctx, "read overrides", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, s.load, cluster)
		if err != nil {
			return err
		}
		overrides, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (intent.Override, error) {
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
		return err
	})
	return overrides, err
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
			gone.app, gone.id = append(gone.app, w.App), append(gone.id, w.ID)
			continue
		}
		put.app, put.id = append(put.app, w.App), append(put.id, w.ID)
		put.status = append(put.status, w.Status.String())
		put.by, put.reason = append(put.by, w.By), append(put.reason, w.Reason)
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
	return s.do(ctx, "write overrides", func(conn *pgx.Conn) error { return conn.SendBatch(ctx, batch).Close() })
}
