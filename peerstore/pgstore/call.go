package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// do runs one call on a connection of the pool within OpTimeout, and explains its error.
func (s *Store) do(ctx context.Context, what string, call func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpTimeout)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return s.fail(what, err)
	}
	defer giveBack(conn)
	if err := call(ctx, conn.Conn()); err != nil {
		return s.fail(what, err)
	}
	return nil
}

// queryRow is do for a query that answers with one value.
func (s *Store) queryRow(ctx context.Context, what string, into any, sql string, args ...any) error {
	return s.do(ctx, what, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, sql, args...).Scan(into) })
}

// giveBack returns a connection to its pool, unless the call has ended it. pgx says goodbye to such a one in the background, for up
// to 15 seconds when nobody answers, and the pool would count it until then: after a hang of some seconds every place would be
// taken by a connection that is dying, and the heartbeat that could succeed again would wait for one.
func giveBack(conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() {
		conn.Hijack()
		return
	}
	conn.Release()
}

// read is do for calls that must not keep a heartbeat from a connection: few of them run at a time. Waiting for leave is part of
// OpTimeout.
func (s *Store) read(ctx context.Context, what string, call func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpTimeout)
	defer cancel()
	select {
	case s.reads <- struct{}{}:
		defer func() { <-s.reads }()
		return s.do(ctx, what, call)
	case <-ctx.Done():
		return s.fail(what, ctx.Err())
	}
}

// fail explains an error, and drops the pool's connections when they lead to a server that takes no writes.
func (s *Store) fail(what string, err error) error {
	err = Explain(err)
	if errors.Is(err, ErrNotPrimary) {
		s.pool.Reset()
	}
	return fmt.Errorf("%s: %w", what, err)
}
