package pgintent

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/zonekeeper/zonekeeper/registry/intent"
)

const (
	// In the order of the primary key, so that a piece costs what it holds.
	loadWordsSQL = `SELECT kind, scope, name, value, deleted, counter, epoch, set_by, set_at FROM {schema}.namesrv_words
WHERE cluster = $1::text AND (kind, scope, name) > ($2::text, $3::text, $4::text) ORDER BY kind, scope, name LIMIT $5::int`

	// What is not newer is not even tried: a refused update would lock the row and so write it, and every server writes every word.
	// Every server takes the rows in the same order, so that two of them cannot wait for each other.
	putWordsSQL = `INSERT INTO {schema}.namesrv_words AS o (cluster, kind, scope, name, value, deleted, counter, epoch, set_by, set_at)
SELECT $1::text, w.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bigint[], $8::bigint[], $9::text[], $10::timestamptz[])
    AS w (kind, scope, name, value, deleted, counter, epoch, set_by, set_at)
 WHERE NOT EXISTS (SELECT FROM {schema}.namesrv_words s WHERE s.cluster = $1::text AND s.kind = w.kind AND s.scope = w.scope AND s.name = w.name
                      AND (s.counter, s.epoch, s.deleted, s.value) >= (w.counter, w.epoch, w.deleted, w.value))
 ORDER BY w.kind, w.scope, w.name
ON CONFLICT (cluster, kind, scope, name) DO UPDATE
   SET value = excluded.value, deleted = excluded.deleted, counter = excluded.counter, epoch = excluded.epoch,
       set_by = excluded.set_by, set_at = excluded.set_at
 WHERE (o.counter, o.epoch, o.deleted, o.value) < (excluded.counter, excluded.epoch, excluded.deleted, excluded.value)`
)

// LoadWords implements intent.WordStore.
func (s *Store) LoadWords(ctx context.Context, cluster string, after intent.WordKey, limit int) (words []intent.Word, err error) {
	err = s.do(ctx, "read words", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, s.loadWords, cluster, string(after.Kind), after.Scope, after.Name, int32(limit))
		if err != nil {
			return err
		}
		words, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (w intent.Word, err error) {
			var kind string
			var counter int64
			err = row.Scan(&kind, &w.Scope, &w.Name, &w.Value, &w.Deleted, &counter, &w.Epoch, &w.By, &w.At)
			w.Kind, w.Counter, w.At = intent.WordKind(kind), uint64(max(counter, 0)), w.At.UTC()
			return w, err
		})
		return err
	})
	return words, err
}

// PutWords implements intent.WordStore in one round trip.
func (s *Store) PutWords(ctx context.Context, cluster string, words []intent.Word) error {
	if len(words) == 0 {
		return nil
	}
	var kind, scope, name, value, by []string
	var deleted []bool
	var counter, epoch []int64
	var at []time.Time
	for _, w := range words {
		kind, scope, name = append(kind, string(w.Kind)), append(scope, w.Scope), append(name, w.Name)
		value, deleted, by, at = append(value, w.Value), append(deleted, w.Deleted), append(by, w.By), append(at, w.At)
		counter, epoch = append(counter, int64(w.Counter)), append(epoch, w.Epoch)
	}
	return s.do(ctx, "write words", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, s.putWords, cluster, kind, scope, name, value, deleted, counter, epoch, by, at)
		return err
	})
}
