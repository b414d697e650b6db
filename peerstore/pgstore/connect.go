package pgstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// userTimeout bounds how long sent data may stay unacknowledged before the kernel gives the connection up.
const userTimeout = 5 * time.Second

// Connect builds a pool for a Store. It returns at once: connections are made when they are needed, so a database that is down is no
// error here. The URL is PostgreSQL's (or key=value pairs, or empty for the PG* environment) and may name several hosts, of which
// the one that takes writes is used. ctx only bounds the life of the pool's background work.
func Connect(ctx context.Context, databaseURL string, cfg Config) (*pgxpool.Pool, error) {
	pc, err := ParseURL(databaseURL, cfg)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", Explain(err))
	}
	return pool, nil
}

// SQL returns the pool as database/sql, for migrations. Closing it leaves the pool open.
func SQL(pool *pgxpool.Pool) *sql.DB { return stdlib.OpenDBFromPool(pool) }

// ParseURL turns a database URL into the configuration of a pool. Its errors do not repeat the URL, which holds a password.
func ParseURL(databaseURL string, cfg Config) (*pgxpool.Config, error) {
	const expected = "expected: postgres://user:password@host:5432/database"
	cfg = cfg.withDefaults()
	if reason := misread(databaseURL); reason != "" {
		return nil, fmt.Errorf("database URL: %s (%s)", reason, expected)
	}
	pc, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %s (%s)", parseReason(err), expected)
	}
	pc.MaxConns = min(max(pc.MaxConns, 4), cfg.MaxConns)
	pc.MaxConnLifetime, pc.MaxConnLifetimeJitter = 4*time.Minute, time.Minute // never older than a failover's DNS change by much
	pc.MaxConnIdleTime = time.Minute
	// No ping before use: a heartbeat must be one round trip. It has a deadline, and its next try uses another connection.
	pc.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }

	cc := pc.ConnConfig
	// Plain extended protocol without prepared statements: works through every pooler, and our few statements a second do not miss
	// cached plans.
	cc.DefaultQueryExecMode = pgx.QueryExecModeExec
	// Per host: the second must get its turn before the deadline. And a dead attempt takes a place in the pool for so long.
	limit := max(cfg.OpTimeout/2, 500*time.Millisecond)
	cc.ConnectTimeout = min(cmp.Or(cc.ConnectTimeout, limit), limit)
	if cc.ValidateConnect == nil {
		cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if cc.RuntimeParams["application_name"] == "" {
		cc.RuntimeParams["application_name"] = "zonekeeper"
	}
	cc.DialFunc = dialer(cc.RuntimeParams).DialContext
	return pc, nil
}

var (
	urlScheme  = regexp.MustCompile(`^postgres(ql)?://`)
	anyScheme  = regexp.MustCompile(`^[\w.+-]+:`)
	libpqWords = regexp.MustCompile(`^\s*(\w+\s*=\s*('([^'\\]|\\.)*'|([^\s'\\]|\\.)*)\s*)*$`)
)

// misread says why a text is not what pgx would take it for: it reads whatever does not begin with its scheme as words, in which
// everything up to the first = is a key, and a URL's host from its first @ on.
func misread(databaseURL string) string {
	scheme := urlScheme.FindString(databaseURL)
	switch {
	case scheme != "":
		authority, _, _ := strings.Cut(databaseURL[len(scheme):], "?")
		authority, path, _ := strings.Cut(authority, "/")
		if strings.Count(authority, "@") > 1 || strings.Contains(path, "@") {
			return "it has an @ or a / too many; in a password write %40 and %2F"
		}
	case libpqWords.MatchString(databaseURL):
	case strings.HasPrefix(databaseURL, "jdbc:"):
		return "that is Java's; leave out jdbc: and set user and password before the host"
	case anyScheme.MatchString(databaseURL):
		return "it has another scheme than postgres:// or postgresql://"
	default:
		return "it is neither a URL nor key=value words"
	}
	return ""
}

// dialer makes dead connections known: keepalives while they are idle, a limit on unacknowledged data while they are not. libpq's
// names for these settings are taken out of params, where pgx leaves them: they would be sent to the server, which refuses them or,
// worse, applies them to its own end.
func dialer(params map[string]string) *net.Dialer {
	limit := userTimeout
	if ms, err := strconv.Atoi(params["tcp_user_timeout"]); err == nil && ms > 0 {
		limit = time.Duration(ms) * time.Millisecond
	}
	for _, name := range []string{"tcp_user_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"} {
		delete(params, name)
	}
	return &net.Dialer{
		Timeout:         limit,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control:         limitUnacknowledged(limit),
	}
}

// parseReason says what is wrong with a URL without repeating it.
func parseReason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		// "invalid port \":secret@host\" after host" and the like quote the string.
		return "it cannot be parsed (is the password percent-encoded?)"
	}
	var pe *pgconn.ParseConfigError
	if errors.As(err, &pe) {
		if inner := errors.Unwrap(pe); inner != nil {
			return "it cannot be used: " + inner.Error()
		}
	}
	return "it cannot be used"
}
