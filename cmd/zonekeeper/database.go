package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/registry/intent/pgintent"
)

// migrateTime bounds one attempt to migrate: servers that start together wait for the one that does it.
const migrateTime = 2 * time.Minute

// database is the cluster's PostgreSQL as commands use it.
type database struct {
	pool   *pgxpool.Pool
	store  *pgstore.Store
	schema string
	log    *slog.Logger
}

// openDatabase returns at once: whether the database answers shows at the first use. Close ends it.
func openDatabase(ctx context.Context, c Config, log *slog.Logger) (*database, error) {
	pc := pgstore.Config{Schema: c.Database.Schema, Pooler: pgstore.Pooler(c.Database.Pooler)}
	if c.Peer.TTL > 0 {
		pc.OpTimeout = peerstore.Settings{Heartbeat: c.Peer.Heartbeat, TTL: c.Peer.TTL, Poll: c.Peer.Poll}.Deadline()
	}
	pool, err := pgstore.Connect(ctx, c.Database.URL, pc)
	if err != nil {
		return nil, err
	}
	store, err := pgstore.New(pool, pc)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &database{pool: pool, store: store, schema: c.Database.Schema, log: log}, nil
}

func (d *database) Close() { d.pool.Close() }

// intents is the tables of what operators said: overrides, words about routes, and the audit of who said them.
func (d *database) intents() *pgintent.Store { return pgintent.New(d.pool, d.schema) }

// prepare is Deps.Prepare for --migrate.
func (d *database) prepare(mode string) func(context.Context) error {
	switch mode {
	case "off":
		return nil
	case "check":
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			sql := pgstore.SQL(d.pool)
			defer sql.Close()
			return pgstore.Explain(migrations.Check(ctx, sql, d.schema))
		}
	default:
		return d.migrate
	}
}

// migrate brings the schema up.
func (d *database) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTime)
	defer cancel()
	sql := pgstore.SQL(d.pool)
	defer sql.Close()
	return pgstore.Explain(migrations.Up(ctx, sql, d.schema, d.log))
}

// explainDatabase is what is wrong with the database, in one sentence for people.
func explainDatabase(err error) string {
	for _, known := range []error{
		pgstore.ErrRefusedLogin, pgstore.ErrNoDatabase, pgstore.ErrMissingRights, pgstore.ErrNotPrimary, pgstore.ErrTooManyConns,
		pgstore.ErrUnreachable, pgstore.ErrTimeout, migrations.ErrNotMigrated, migrations.ErrNewerSchema, peerstore.ErrNotMigrated,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}

// asked wraps what went wrong with the database in a command.
func asked(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, pgstore.Explain(err))
}
