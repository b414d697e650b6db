package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"time"
)

// lockPoll is how often a waiting process tries for the lock and looks whether it is still needed.
const lockPoll = 200 * time.Millisecond

// lock takes the schema's migration lock and returns what releases it, or nil when done() became true while another process held
// the lock. It dies with its connection, so a killed holder blocks nobody.
//
// goose has a session lock of its own; this one differs in three ways. Its key carries the schema. It also covers the making of the
// schema and of goose's version table, for which first-time starters race as well. And it lives in an open transaction, so that it
// works through a transaction pooler, where a session lock may be released on another session than the one that holds it. It polls
// instead of waiting in the server, because a waiter's snapshot would block CREATE INDEX CONCURRENTLY for ever.
func lock(ctx context.Context, db *sql.DB, schema string, done func() (bool, error)) (unlock func(), err error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		tx, held, err := tryLock(ctx, db, schema)
		if err != nil {
			return nil, fmt.Errorf("take the migration lock: %w", err)
		}
		finished, err := done()
		if held && err == nil && !finished {
			return func() { _ = tx.Rollback() }, nil
		}
		if held {
			_ = tx.Rollback()
		}
		if err != nil || finished {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another process that migrates: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func tryLock(ctx context.Context, db *sql.DB, schema string) (*sql.Tx, bool, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, false, err
	}
	var held bool
	// The transaction idles while migrations run on another connection; a role's timeout must not end it.
	_, err = tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0")
	if err == nil {
		err = tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", lockKey(schema)).Scan(&held)
	}
	if err != nil || !held {
		_ = tx.Rollback()
		return nil, false, err
	}
	return tx, true, nil
}

// lockKey is PostgreSQL's 64-bit key space for advisory locks, shared by the whole database: a hash keeps out of others' way.
func lockKey(schema string) int64 {
	h := fnv.New64a()
	h.Write([]byte("zonekeeper migrate " + schema))
	return int64(h.Sum64())
}
