package pgstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
)

// Pooler says whether a connection pooler stands between us and PostgreSQL.
type Pooler string

// The values of --db-pooler.
const (
	PoolerAuto Pooler = "auto" // found out per connection: a pooler answers with another process id than the session's
	PoolerOn   Pooler = "on"   // never listen
	PoolerOff  Pooler = "off"  // always try to listen
)

// Config holds what a Store and its pool need to know. The zero value works.
type Config struct {
	// Schema is where the tables are. Defaults to "zonekeeper".
	Schema string
	// Pooler defaults to PoolerAuto.
	Pooler Pooler
	// OpTimeout bounds every call. Defaults to 2 seconds, a fifth of the default lease: a hang costs one try and not the lease.
	OpTimeout time.Duration
	// MaxConns bounds the pool that Connect builds. Defaults to 8; a server at rest uses two.
	MaxConns int32
}

func (c Config) withDefaults() Config {
	c.Schema = cmp.Or(c.Schema, migrations.DefaultSchema)
	c.Pooler = cmp.Or(c.Pooler, PoolerAuto)
	c.OpTimeout = cmp.Or(c.OpTimeout, 2*time.Second)
	c.MaxConns = cmp.Or(c.MaxConns, 8)
	return c
}

// Store is peerstore.Store in one schema of one database. All methods may be called concurrently.
type Store struct {
	pool  *pgxpool.Pool
	cfg   Config
	sql   queries
	reads chan struct{} // holds a token per read that may use a connection now
	// noTimeline is set once a server has refused to tell its timeline, as managed and compatible databases do.
	noTimeline atomic.Bool
}

var _ peerstore.Store = (*Store)(nil)

// maxReads bounds the connections that reads may hold, so that a heartbeat always finds one.
const maxReads = 2

// New returns a Store on the pool, which stays the caller's to close. Give it a pool of four connections or more.
func New(pool *pgxpool.Pool, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := migrations.CheckName(cfg.Schema); err != nil {
		return nil, err
	}
	switch cfg.Pooler {
	case PoolerAuto, PoolerOn, PoolerOff:
	default:
		return nil, fmt.Errorf("pooler mode %q: must be auto, on or off", cfg.Pooler)
	}
	return &Store{pool: pool, cfg: cfg, sql: queriesFor(cfg.Schema), reads: make(chan struct{}, maxReads)}, nil
}

// Register implements peerstore.Store. An address under an operator's quarantine gives ErrQuarantined.
func (s *Store) Register(ctx context.Context, p peerstore.Peer, ttl time.Duration) (peerstore.Registration, error) {
	if p.Cluster == "" || !isUUID(p.ID) || p.Addresses.Eureka == "" {
		return peerstore.Registration{}, fmt.Errorf("register peer: cluster %q, id %q and Eureka address %q must be there, the id a UUID",
			p.Cluster, p.ID, p.Addresses.Eureka)
	}
	addresses, err := json.Marshal(p.Addresses)
	if err != nil {
		return peerstore.Registration{}, fmt.Errorf("register peer: encode addresses: %w", err)
	}
	var startedAt *time.Time
	if !p.StartedAt.IsZero() {
		startedAt = &p.StartedAt
	}
	var lost *string
	var out struct {
		epoch, version                   *int64
		uuid                             *string
		secret                           []byte
		priorServing, instances, brokers *int
	}
	err = s.do(ctx, "register peer", func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, s.sql.register,
			p.Cluster, p.ID, string(addresses), cmp.Or(p.Region, "default"), cmp.Or(p.Zone, "defaultZone"), p.Host, p.Version,
			int32(p.ProtoMin), int32(p.ProtoMax), startedAt, string(p.NamesrvPhase), int32(ttl.Milliseconds()),
		).Scan(&lost, &out.epoch, &out.version, &out.uuid, &out.secret, &out.priorServing, &out.instances, &out.brokers)
	})
	switch {
	case err != nil:
		return peerstore.Registration{}, err
	case lost != nil:
		return peerstore.Registration{}, fmt.Errorf("register peer: %w", &peerstore.LostError{Phase: peerstore.Phase(*lost)})
	}
	return peerstore.Registration{
		Epoch: *out.epoch, ViewVersion: *out.version, ClusterUUID: *out.uuid, Secret: out.secret,
		PriorServing: *out.priorServing, PriorInstances: *out.instances, PriorBrokers: *out.brokers,
	}, nil
}

// Heartbeat implements peerstore.Store in one round trip. It does not wait for the disk or a standby: a heartbeat that a crash of the
// database loses is repaired by the next one.
func (s *Store) Heartbeat(ctx context.Context, id string, ttl time.Duration, st peerstore.Stats) error {
	var phase string
	var renewed bool
	batch := &pgx.Batch{}
	batch.Queue(s.sql.asyncCommit)
	batch.Queue(s.sql.heartbeat, id, int32(ttl.Milliseconds()), int32(st.Applications), int32(st.Instances),
		int32(st.RenewsPerMinute), st.SelfPreservation, int32(st.PeersOK), int32(st.PeersTotal), int32(st.LagMS),
		st.RegistryVersion, int64(st.Digest), uuidArray(st.Unreachable),
		int32(st.Brokers), int32(st.Topics), int64(st.RoutesDigest)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&phase, &renewed) })
	err := s.do(ctx, "heartbeat", func(ctx context.Context, conn *pgx.Conn) error { return conn.SendBatch(ctx, batch).Close() })
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("heartbeat: %w", &peerstore.LostError{})
	case err != nil:
		return err
	case renewed:
		return nil
	case peerstore.Phase(phase).Living(): // somebody emptied peer_leases
		return fmt.Errorf("heartbeat: %w", &peerstore.LostError{})
	}
	return fmt.Errorf("heartbeat: %w", &peerstore.LostError{Phase: peerstore.Phase(phase)})
}

// SetPhase implements peerstore.Store. Saying goodbye twice is no error: the first reply may have been lost. An eviction is an
// operator's, needs an operator's rights, and keeps the address out for ten minutes; see Evict.
func (s *Store) SetPhase(ctx context.Context, id string, phase peerstore.Phase, reason string) error {
	if phase == peerstore.PhaseEvicted {
		return s.Evict(ctx, id, reason, 10*time.Minute)
	}
	return s.move(ctx, "set phase "+string(phase), phase, s.sql.setPhase, id, string(phase), reason)
}

// SetNamesrvPhase implements peerstore.Store.
func (s *Store) SetNamesrvPhase(ctx context.Context, id string, phase peerstore.Phase) error {
	return s.move(ctx, "set name server phase "+string(phase), "", s.sql.setNamesrvPhase, id, string(phase))
}

// Evict ends the row of a peer by an operator's word and keeps its address out for the quarantine.
func (s *Store) Evict(ctx context.Context, id, reason string, quarantine time.Duration) error {
	return s.move(ctx, "evict peer", peerstore.PhaseEvicted, s.sql.evict, id, reason, int32(quarantine.Milliseconds()))
}

// move runs a statement that returns the phase in which the row is afterwards. A row that ended in another phase than the wanted
// one was lost to us.
func (s *Store) move(ctx context.Context, what string, want peerstore.Phase, sql string, args ...any) error {
	var after *string
	err := s.queryRow(ctx, what, &after, sql, args...)
	switch {
	case err != nil:
		return err
	case after == nil:
		return fmt.Errorf("%s: %w", what, &peerstore.LostError{})
	case peerstore.Phase(*after) != want && !peerstore.Phase(*after).Living():
		return fmt.Errorf("%s: %w", what, &peerstore.LostError{Phase: peerstore.Phase(*after)})
	}
	return nil
}

// DeclareOutage implements peerstore.Store. Call it before the heartbeat that ends the outage.
func (s *Store) DeclareOutage(ctx context.Context, id string, grace time.Duration) (declared bool, err error) {
	err = s.queryRow(ctx, "declare outage", &declared, s.sql.declareOutage, id, int32(grace.Milliseconds()))
	return declared, err
}

// Prune implements peerstore.Store. Audit records and words are tidied up behind the peers, each in a transaction of its own: they can
// be many, and what is wrong with them must not keep silent peers in the list.
func (s *Store) Prune(ctx context.Context, cluster string) (closed int, err error) {
	var forgotten int
	err = errors.Join(
		s.prune(ctx, "prune peers", &closed, s.sql.prune, cluster),
		s.prune(ctx, "prune audit records", &forgotten, s.sql.pruneAudit),
		s.prune(ctx, "prune words", &forgotten, s.sql.pruneWords, cluster),
	)
	return max(closed, 0), err // -1: another server is at it
}

func (s *Store) prune(ctx context.Context, what string, gone *int, sql string, args ...any) error {
	return s.read(ctx, what, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, sql, args...).Scan(gone) })
}

// uuidArray writes an array literal of the first eight that are UUIDs; a heartbeat must not fail for what is there for people only.
func uuidArray(ids []string) string {
	var ok []string
	for _, id := range ids {
		if len(ok) < 8 && isUUID(id) {
			ok = append(ok, id)
		}
	}
	return "{" + strings.Join(ok, ",") + "}"
}

// isUUID accepts the usual text form with hyphens.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (c == '-') || !hyphen && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
