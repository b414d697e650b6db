package migrations

import (
	_ "embed"
	"fmt"
	"strings"
)

// Roles returns SQL that makes the four roles of an installation and gives each exactly what it needs: <schema>_migrator owns the
// schema, <schema>_server runs servers, <schema>_client reads the lists for clients and nothing else, <schema>_ops reads every view and may
// evict. It is idempotent, needs a role that may create roles, and sets no passwords: roles without one cannot log in by password.
// Run it after Up; later migrations keep the grants current by themselves.
func Roles(schema string) (string, error) {
	if err := CheckName(schema); err != nil {
		return "", err
	}
	return "BEGIN;\n" + forSchema(rolesText, schema) + "\n" + forSchema(grantsText, schema) + "COMMIT;\n", nil
}

// regrant renews the grants when the roles exist, so that what a migration added is covered; else it does nothing.
func regrant(schema string) string {
	return fmt.Sprintf(`DO $regrant$ BEGIN
IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('%[1]s_server', '%[1]s_client', '%[1]s_ops')) = 3 THEN
%[2]s
END IF;
END $regrant$`, schema, forSchema(grantsText, schema))
}

func forSchema(text, schema string) string { return strings.ReplaceAll(text, "zonekeeper", schema) }

// The texts are written for the schema "zonekeeper"; forSchema puts another name in. They live outside *.sql, which goose reads.
var (
	//go:embed roles/roles.sql
	rolesText string
	//go:embed roles/grants.sql
	grantsText string
)
