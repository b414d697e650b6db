package pgintent

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// Without naming the column that is unique, for which a right to read would be needed.
const appendAuditSQL = `INSERT INTO {schema}.admin_audit (cluster, record, at, server, code, action, who, came_from, what, result)
SELECT $1::text, r.* FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) r
ON CONFLICT DO NOTHING`

// AppendAudit implements intent.AuditStore in one round trip.
func (s *Store) AppendAudit(ctx context.Context, cluster string, records []intent.AuditRecord) error {
	if len(records) == 0 {
		return nil
	}
	var id, server, action, who, from, what, result []string
	var at []time.Time
	var code []int32
	for _, r := range records {
		id, at, server, code = append(id, r.ID), append(at, r.At), append(server, r.Server), append(code, r.Code)
		action, who, from = append(action, r.Action), append(who, r.Who), append(from, r.From)
		what, result = append(what, r.What), append(result, r.Result)
	}
	return s.do(ctx, "write audit records", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, s.appendAudit, cluster, id, at, server, code, action, who, from, what, result)
		return err
	})
}
