package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// Latest is the version that this release's migrations lead to.
func Latest() int64 {
	var latest int64
	for _, name := range names() {
		latest = max(latest, versionOf(name))
	}
	return latest
}

// position is how far a schema is migrated.
type position struct {
	schemaExists bool
	version      int64 // 0: never migrated
	oldest       int64 // the oldest release's version that the schema still serves
}

func (p position) current() bool { return p.version >= Latest() }

// look reads the position without making anything, and returns ErrNewerSchema when this release is too old for the schema.
func look(ctx context.Context, db *sql.DB, schema string) (position, error) {
	var at position
	var migrated, compat bool
	err := db.QueryRowContext(ctx, `
		SELECT to_regnamespace($1) IS NOT NULL, to_regclass($1 || '.goose_db_version') IS NOT NULL,
		       to_regclass($1 || '.schema_compat') IS NOT NULL`, schema).Scan(&at.schemaExists, &migrated, &compat)
	if err == nil && migrated {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable(schema)).Scan(&at.version)
	}
	if err == nil && compat {
		err = db.QueryRowContext(ctx, "SELECT oldest FROM "+schema+".schema_compat").Scan(&at.oldest)
	}
	if err != nil {
		return position{}, fmt.Errorf("read the version of schema %s: %w", schema, err)
	}
	if at.oldest > Latest() {
		return position{}, fmt.Errorf("schema %s is at version %d and serves releases from %d on, this one knows %d: %w",
			schema, at.version, at.oldest, Latest(), ErrNewerSchema)
	}
	return at, nil
}

// names lists the embedded files in order.
func names() []string {
	entries, err := embedded.ReadDir(".")
	if err != nil {
		panic("embedded migrations: " + err.Error()) // the compiler put them there
	}
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Name()
	}
	return out
}

// versionOf reads the number at the head of a file name.
func versionOf(name string) int64 {
	digits, _, _ := strings.Cut(name, "_")
	v, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		panic("embedded migrations: " + err.Error())
	}
	return v
}
