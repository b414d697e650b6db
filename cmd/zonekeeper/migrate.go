package main

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
)

func (p *program) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database schema up, look at it, or print its SQL",
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	const scope = onDB | onAny
	cmd.AddCommand(
		with(&cobra.Command{
			Use: "up", Short: "Bring the schema to the version of this program", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return p.migrateUp(cmd.Context()) },
		}, scope),
		with(&cobra.Command{
			Use: "down", Short: "Undo the newest migration, with the data it holds", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return p.migrateDown(cmd.Context()) },
		}, scope),
		with(&cobra.Command{
			Use: "status", Short: "List the migrations and which are applied", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return p.migrateStatus(cmd.Context()) },
		}, scope|onPrint),
		with(&cobra.Command{
			Use: "sql", Short: "Print the SQL that `up` runs in an empty database", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return p.printSQL(migrations.SQL) },
		}, scope),
		with(&cobra.Command{
			Use: "roles", Short: "Print the SQL for four roles with least rights: migrator, server, client, ops", Args: cobra.NoArgs,
			Long: "Print the SQL for four roles with least rights: migrator, server, client, ops. It may be run again at any time:\n\n" +
				"  zonekeeper migrate roles | psql \"$DATABASE_URL\"",
			RunE: func(*cobra.Command, []string) error { return p.printSQL(migrations.Roles) },
		}, scope),
	)
	return cmd
}

// onSchema runs a step on the database that --db-url names.
func (p *program) onSchema(ctx context.Context, what string, step func(context.Context, *sql.DB) error) error {
	if p.config.Database.URL == "" {
		return usageError{"which database? set --db-url (ZONEKEEPER_DB_URL, DATABASE_URL or libpq's PG* variables)"}
	}
	db, err := openDatabase(ctx, p.config, p.log)
	if err != nil {
		return err
	}
	defer db.Close()
	connections := pgstore.SQL(db.pool)
	defer connections.Close()
	return asked(what, step(ctx, connections))
}

func (p *program) migrateUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(migrateTime, p.config.Ask.Timeout))
	defer cancel()
	err := p.onSchema(ctx, "migrate up", func(ctx context.Context, db *sql.DB) error {
		return migrations.Up(ctx, db, p.config.Database.Schema, p.log)
	})
	if err == nil {
		fmt.Fprintf(p.stdout, "Schema %s is at version %d.\n", p.config.Database.Schema, migrations.Latest())
	}
	return err
}

func (p *program) migrateDown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(migrateTime, p.config.Ask.Timeout))
	defer cancel()
	return p.onSchema(ctx, "migrate down", func(ctx context.Context, db *sql.DB) error {
		return migrations.Down(ctx, db, p.config.Database.Schema, p.log)
	})
}

func (p *program) migrateStatus(ctx context.Context) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	return p.onSchema(ctx, "migrate status", func(ctx context.Context, db *sql.DB) error {
		states, err := migrations.Status(ctx, db, p.config.Database.Schema)
		if err != nil {
			return err
		}
		r := result{data: states, heading: []string{"version", "migration", "applied"}}
		for _, s := range states {
			when := "no"
			if s.Applied {
				when = stamp(s.AppliedAt)
			}
			r.rows = append(r.rows, []string{strconv.FormatInt(s.Version, 10), s.Name, when})
		}
		return p.print(r)
	})
}

func (p *program) printSQL(make func(schema string) (string, error)) error {
	text, err := make(p.config.Database.Schema)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.stdout, text)
	return err
}
