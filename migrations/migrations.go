package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"time"

	"github.com/pressly/goose/v3"
)

// Up brings the schema to this release's version, making the schema if need be. It is a single query when nothing is to be done.
//
// Several processes may call it at once: it holds a lock of the schema while it works and looks again every 200 ms while another
// holds it, until ctx ends. It needs two connections of db at a time. A nil logger is silent.
func Up(ctx context.Context, db *sql.DB, schema string, log *slog.Logger) error {
	if err := CheckName(schema); err != nil {
		return err
	}
	at, err := look(ctx, db, schema)
	if err != nil || at.current() {
		return err
	}
	unlock, err := lock(ctx, db, schema, func() (bool, error) {
		at, err = look(ctx, db, schema)
		return at.current(), err
	})
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	if unlock == nil { // another process has done it
		return nil
	}
	defer unlock()
	if !at.schemaExists {
		if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
			return fmt.Errorf("create schema %s (or have an administrator create it and grant it): %w", schema, err)
		}
	}
	p, err := provider(db, schema)
	if err != nil {
		return err
	}
	applied, err := apply(ctx, p)
	for _, m := range applied {
		logger(log).Info("migration applied", "schema", schema, "migration", path.Base(m.Source.Path), "took", m.Duration)
	}
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	if _, err := db.ExecContext(ctx, regrant(schema)); err != nil {
		return fmt.Errorf("grant the new objects of schema %s to its roles: %w", schema, err)
	}
	return nil
}

// deadlockTries is how often one migration is tried when servers of an older release, which go on meanwhile, are in its way.
const deadlockTries = 10

// apply runs what is to be run. A migration is one transaction and takes locks on tables that servers use in another order; when
// PostgreSQL ends it to let one of them go on, nothing of it is left, and it is run again.
func apply(ctx context.Context, p *goose.Provider) (applied []*goose.MigrationResult, err error) {
	for range deadlockTries {
		var some []*goose.MigrationResult
		some, err = p.Up(ctx)
		if partial, ok := errors.AsType[*goose.PartialError](err); ok {
			some = partial.Applied
		}
		applied = append(applied, some...)
		var state interface{ SQLState() string }
		if !errors.As(err, &state) || state.SQLState() != "40P01" {
			return applied, err
		}
	}
	return applied, err
}

// Down undoes the newest migration, data and all. ErrNothingToUndo when there is none.
func Down(ctx context.Context, db *sql.DB, schema string, log *slog.Logger) error {
	if err := CheckName(schema); err != nil {
		return err
	}
	at, err := look(ctx, db, schema)
	if err != nil {
		return err
	}
	if at.version == 0 {
		return ErrNothingToUndo
	}
	unlock, err := lock(ctx, db, schema, func() (bool, error) { return false, nil })
	if err != nil {
		return fmt.Errorf("migrate schema %s down: %w", schema, err)
	}
	defer unlock()
	p, err := provider(db, schema)
	if err != nil {
		return err
	}
	undone, err := p.Down(ctx)
	if err != nil {
		return fmt.Errorf("migrate schema %s down: %w", schema, err)
	}
	logger(log).Info("migration undone", "schema", schema, "migration", path.Base(undone.Source.Path), "took", undone.Duration)
	return nil
}

// State is one migration and whether the schema has it.
type State struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	Applied   bool      `json:"applied"`
	AppliedAt time.Time `json:"appliedAt,omitzero"`
}

// Status lists this release's migrations in order. It changes nothing, not even in an empty database.
func Status(ctx context.Context, db *sql.DB, schema string) ([]State, error) {
	if err := CheckName(schema); err != nil {
		return nil, err
	}
	p, err := provider(db, schema)
	if err != nil {
		return nil, err
	}
	at, err := look(ctx, db, schema)
	if err != nil {
		return nil, err
	}
	var out []State
	if at.version == 0 { // asking goose would make its table
		for _, s := range p.ListSources() {
			out = append(out, State{Version: s.Version, Name: path.Base(s.Path)})
		}
		return out, nil
	}
	known, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migration status of schema %s: %w", schema, err)
	}
	for _, s := range known {
		out = append(out, State{
			Version: s.Source.Version, Name: path.Base(s.Source.Path), Applied: s.State == goose.StateApplied, AppliedAt: s.AppliedAt,
		})
	}
	return out, nil
}

// Check reports whether this release can work with the schema as it is: nil, ErrNotMigrated or ErrNewerSchema. It changes nothing.
func Check(ctx context.Context, db *sql.DB, schema string) error {
	if err := CheckName(schema); err != nil {
		return err
	}
	at, err := look(ctx, db, schema)
	switch {
	case err != nil:
		return err
	case !at.current():
		return fmt.Errorf("schema %s is at version %d, this release needs %d: %w", schema, at.version, Latest(), ErrNotMigrated)
	}
	return nil
}

// provider is goose over our files, its version table inside the schema, silent: we log what it did.
func provider(db *sql.DB, schema string) (*goose.Provider, error) {
	p, err := goose.NewProvider(goose.DialectPostgres, db, sqlFiles{embedded, schema},
		goose.WithTableName(versionTable(schema)), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("read embedded migrations: %w", err)
	}
	return p, nil
}

func versionTable(schema string) string { return schema + ".goose_db_version" }

func logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
