package pgstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// Errors that Explain tells apart, besides peerstore.ErrNotMigrated. They are sentences for people; match with errors.Is.
var (
	// ErrRefusedLogin: the server does not let this user in.
	ErrRefusedLogin = errors.New("the database refuses the login: check user and password in the database URL (and pg_hba.conf)")
	// ErrNoDatabase: the server has no database of that name.
	ErrNoDatabase = errors.New("the database does not exist: create it, or correct the name in the database URL")
	// ErrMissingRights: the user may not do what this needs.
	ErrMissingRights = errors.New(`the database user lacks rights: connect as the owner of the schema, or grant it the server role ("zonekeeper migrate roles")`)
	// ErrNotPrimary: the server is a standby or read-only.
	ErrNotPrimary = errors.New("the database server takes no writes (a standby?): let the database URL name the primary, or all hosts")
	// ErrTooManyConns: the server has no connection left.
	ErrTooManyConns = errors.New("the database has no connection left: raise max_connections, or put a pooler in front")
	// ErrUnreachable: nobody answers.
	ErrUnreachable = errors.New("the database cannot be reached")
	// ErrTimeout: somebody is there, but the answer took too long.
	ErrTimeout = errors.New("the database did not answer in time")
	// ErrQuarantined: an operator evicted this address, and its quarantine is not over.
	ErrQuarantined = errors.New("this address was evicted by an operator")
)

// An explained error is a sentinel with its remedy, and what PostgreSQL or the network said, in one line.
type explained struct{ class, cause error }

func (e *explained) Error() string   { return e.class.Error() + " (" + oneLine(e.cause) + ")" }
func (e *explained) Unwrap() []error { return []error{e.class, e.cause} }

// Said is what PostgreSQL or the network said, without the sentence that Explain put before it.
func Said(err error) string {
	if e, ok := errors.AsType[*explained](err); ok {
		err = e.cause
	}
	return oneLine(err)
}

// oneLine writes an error without the lines and tabs in which pgx lists its attempts.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// Explain wraps an error of pgx with the sentinel of its class, when it has one and was not wrapped before. What PostgreSQL said is
// kept behind it.
func Explain(err error) error {
	var class error
	var pg *pgconn.PgError
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case err == nil || errors.Is(err, ErrNotPrimary) || errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &pg):
		class = classOf(pg)
	case errors.Is(err, context.DeadlineExceeded):
		class = ErrTimeout
	case strings.Contains(err.Error(), "read only connection"): // pgconn.ValidateConnectTargetSessionAttrsReadWrite
		class = ErrNotPrimary
	case errors.As(err, &dns), errors.As(err, &op), errors.Is(err, syscall.ECONNREFUSED):
		class = ErrUnreachable
	}
	if _, done := errors.AsType[*explained](err); class == nil || done {
		return err
	}
	return &explained{class, err}
}

// classOf maps SQLSTATE codes; https://www.postgresql.org/docs/current/errcodes-appendix.html.
func classOf(pg *pgconn.PgError) error {
	switch pg.Code {
	case "28P01", "28000":
		return ErrRefusedLogin
	case "3D000":
		return ErrNoDatabase
	case "42501":
		return ErrMissingRights
	case "3F000", "42P01", "42883", "42703": // no such schema, table, function, column
		return peerstore.ErrNotMigrated
	case "25006":
		return ErrNotPrimary
	case "53300":
		return ErrTooManyConns
	case "57P01", "57P02", "57P03": // shutting down, crashed, starting up
		return ErrUnreachable
	case "57014", "55P03": // canceled by a timeout, lock not available
		return ErrTimeout
	case "ZK001":
		return ErrQuarantined
	}
	return nil
}
