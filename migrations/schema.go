package migrations

import (
	"errors"
	"fmt"
	"regexp"
)

// DefaultSchema is the schema that servers use unless they are told otherwise.
const DefaultSchema = "zonekeeper"

// Errors of this package. They may be wrapped.
var (
	// ErrNotMigrated says that the schema is missing or lacks migrations that this release needs.
	ErrNotMigrated = errors.New(`the database schema is missing or too old: run "zonekeeper migrate up", or serve with --migrate=auto`)
	// ErrNewerSchema says that a later release migrated the schema and gave up serving this one.
	ErrNewerSchema = errors.New("the database schema is newer than this release understands: upgrade zonekeeper")
	// ErrNothingToUndo says that Down found no migration.
	ErrNothingToUndo = errors.New("no migration is applied")
)

// schemaName leaves no need to quote, and room for a suffix in role names and for a cluster in channel names.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)

// CheckName reports whether a schema name can be used: lower case letters, digits and underscores, 40 at most, not beginning with a
// digit or "pg_".
func CheckName(schema string) error {
	if !schemaName.MatchString(schema) {
		return fmt.Errorf("schema name %q: must be 1 to 40 lower case letters, digits and underscores, and not begin with a digit", schema)
	}
	if len(schema) >= 3 && schema[:3] == "pg_" {
		return fmt.Errorf("schema name %q: PostgreSQL keeps names that begin with pg_ for itself", schema)
	}
	return nil
}
