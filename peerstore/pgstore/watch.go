package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// pingEvery is how often a connection that only listens is asked whether it still leads anywhere.
const pingEvery = 5 * time.Second

// Watch implements peerstore.Store on a connection of its own, outside the pool. It calls wake once when it has begun to listen,
// because what changed before was not told, and then for every notification. What a notification says is not read: anybody may send
// one. It returns an error when the connection is lost, and peerstore.ErrNoWatch where listening cannot work.
func (s *Store) Watch(ctx context.Context, cluster string, wake func()) error {
	if s.cfg.Pooler == PoolerOn {
		return peerstore.ErrNoWatch
	}
	conn, err := s.listen(ctx, cluster)
	if err != nil {
		return s.failWatch(ctx, err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.OpTimeout)
		defer cancel()
		_ = conn.Close(closing)
	}()
	wake()
	for {
		waiting, cancel := context.WithTimeout(ctx, pingEvery)
		_, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			wake()
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return s.failWatch(ctx, err)
		default:
			if err := s.bounded(ctx, conn.Ping); err != nil {
				return s.failWatch(ctx, err)
			}
		}
	}
}

// listen takes a connection out of the pool and begins to listen on it.
func (s *Store) listen(ctx context.Context, cluster string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpTimeout)
	defer cancel()
	pooled, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	conn := pooled.Hijack()
	var pid uint32
	var channel string
	err = conn.QueryRow(ctx, s.sql.channel, cluster).Scan(&pid, &channel)
	if err == nil && s.cfg.Pooler == PoolerAuto && pid != conn.PgConn().PID() {
		err = peerstore.ErrNoWatch // the session we talk to is not the one we logged in to
	}
	if err == nil {
		_, err = conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
	}
	if err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

func (s *Store) bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpTimeout)
	defer cancel()
	return f(ctx)
}

func (s *Store) failWatch(ctx context.Context, err error) error {
	var pg *pgconn.PgError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, peerstore.ErrNoWatch):
		return err
	case errors.As(err, &pg) && (pg.Code == "0A000" || pg.Code == "42601"): // LISTEN unsupported, or no syntax
		return fmt.Errorf("%w: %s", peerstore.ErrNoWatch, pg.Message)
	}
	return s.fail("watch peers", err)
}
