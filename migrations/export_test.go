package migrations

import (
	"context"
	"database/sql"
)

// LockKey lets a test stand in for another process that migrates.
var LockKey = lockKey

// UpTo leaves a schema as the release with that version made it.
func UpTo(ctx context.Context, db *sql.DB, schema string, version int64) error {
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
		return err
	}
	if version == 0 {
		return nil
	}
	p, err := provider(db, schema)
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, version)
	return err
}
