package peerstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Store keeps the rows of all servers of all clusters. It is the seam to SQL: pgstore has the real one, peerstoretest a fake
// that breaks on command, and both pass peerstoretest.Exercise.
//
// All methods may be called concurrently. Each returns when its context ends, even if the database hangs; what a call that ended
// so did to the database is unknown, which is why Register is idempotent. Times in a store are the database's own.
type Store interface {
	// Register inserts a row for p in phase joining, or refreshes it when an earlier attempt with the same p.ID had already
	// committed. Other living rows with the same Eureka address become superseded in the same transaction. p.Cluster, p.ID and
	// p.Addresses.Eureka are required; p.Epoch, p.Phase and the observer's fields are ignored. When p.ID names a row in a terminal
	// phase the answer is a *LostError.
	Register(ctx context.Context, p Peer, ttl time.Duration) (Registration, error)

	// Heartbeat refreshes the row and writes what the server says about itself. A row that is gone or terminal gives a *LostError.
	Heartbeat(ctx context.Context, id string, ttl time.Duration, s Stats) error

	// SetPhase moves a living row to another phase; moving it to the phase it is in is no error and no change. A row that is
	// gone or terminal gives a *LostError. The reason is for people and may be empty.
	SetPhase(ctx context.Context, id string, phase Phase, reason string) error

	// SetNamesrvPhase is SetPhase for the RocketMQ side of a living row, which has a phase of its own: joining, serving, draining or
	// left, of which none ends the row; empty while that protocol is off.
	SetNamesrvPhase(ctx context.Context, id string, phase Phase) error

	// Rows reads a cluster: every living row, and the terminal ones that were not pruned yet. An unknown cluster has no rows.
	Rows(ctx context.Context, cluster string) (View, error)

	// DeclareOutage says that the database was away for everybody: rows that were live when it went away count as live for
	// grace from now. It does so only when the row with this id is living, no grace is running, and no other living row was
	// renewed within 0.6 of its TTL; and reports whether it did. So of many servers that come back exactly one declares, if each
	// tries before its first heartbeat. A row that was registered within that time is no evidence against an outage, and
	// does not move its beginning: the outage began at the last renewal of the older rows.
	DeclareOutage(ctx context.Context, id string, grace time.Duration) (bool, error)

	// Prune closes rows that were silent for a minute and more than three TTLs, and forgets terminal ones after a day. It
	// returns how many it closed. Nothing but tidiness depends on it.
	Prune(ctx context.Context, cluster string) (int, error)

	// Watch calls wake, never concurrently, whenever the membership of the cluster may have changed, and once when it has
	// begun to listen. Heartbeats do not wake. It blocks until ctx ends or listening fails; the caller calls it again.
	// Where listening cannot work it returns ErrNoWatch at once.
	Watch(ctx context.Context, cluster string, wake func()) error
}

// Stats are what a server says about itself with each heartbeat, for people and for the agreement view. Nothing decides by them
// except that a cold start asks how many instances and brokers the cluster had.
type Stats struct {
	Applications     int      `json:"applications"`
	Instances        int      `json:"instances"` // clients' instances, our own servers not counted
	RegistryVersion  int64    `json:"registryVersion"`
	Digest           Digest   `json:"digest"`
	SelfPreservation bool     `json:"selfPreservation"`
	RenewsPerMinute  int      `json:"renewsPerMinute"`
	PeersOK          int      `json:"peersOk"`
	PeersTotal       int      `json:"peersTotal"`
	Unreachable      []string `json:"unreachable,omitempty"` // peer ids; a store keeps the first 8
	LagMS            int      `json:"lagMs"`                 // how long the previous heartbeat took, in milliseconds
	Brokers          int      `json:"brokers"`               // RocketMQ broker addresses in the route table
	Topics           int      `json:"topics"`
	RoutesDigest     Digest   `json:"routesDigest"` // of what the route table shows; equal on servers that agree
}

// A Row is a peer as the database has it, read at one moment of the database's clock.
type Row struct {
	Peer
	Seq   int64         // +1 with every heartbeat; that it advanced is the proof of life
	Age   time.Duration // since the last heartbeat, by the database's clock alone
	TTL   time.Duration // what the owner promised; zero when the lease part of the row is missing
	Live  bool          // living phase and within TTL, or within a declared grace
	Grace bool          // Live only because of the grace
	Stats Stats
}

// A View is one read of a cluster.
type View struct {
	ClusterUUID string // identity of the cluster; survives everything but a new database
	Version     int64  // counts membership changes; may repeat after a failover that lost writes
	Timeline    string // grows with every promotion of a standby, compares as text; empty where the database does not tell
	Rows        []Row
	Outages     int // how many outages were ever declared
}

// A Registration is what a server learns by registering.
type Registration struct {
	Epoch       int64
	ViewVersion int64
	ClusterUUID string
	// Secret signs the calls between the servers of the cluster. It is made once per cluster and never logged.
	Secret []byte
	// PriorServing counts the other rows that are serving and live. PriorInstances is the greatest number of clients' instances
	// in any other row, in any phase, that was renewed within a minute of the newest of them: what a cold start may expect to
	// come back.
	PriorServing   int
	PriorInstances int
	// PriorBrokers is the same for the brokers in the route tables of those whose RocketMQ side ever served.
	PriorBrokers int
}

// Errors of stores. They may be wrapped.
var (
	// ErrSuperseded says that this incarnation is over: its row is gone or terminal. *LostError matches it and knows more.
	ErrSuperseded = errors.New("this incarnation's row is gone or closed")
	// ErrNoWatch says that notifications cannot work here, as behind a transaction pooler; polling goes on without them.
	ErrNoWatch = errors.New("the database connection carries no notifications")
	// ErrNotMigrated and ErrSchemaTooNew say that the schema is not the one this release needs.
	ErrNotMigrated  = errors.New("the database schema is missing or too old: run \"zonekeeper migrate up\"")
	ErrSchemaTooNew = errors.New("the database schema is newer than this release understands")
)

// LostError says how an incarnation ended, as far as the database knows. errors.Is(err, ErrSuperseded) holds for all of them.
type LostError struct {
	// Phase is the terminal phase of the row, empty when the row is gone.
	Phase Phase
}

// Error says it in one sentence.
func (e *LostError) Error() string {
	if e.Phase == "" {
		return "this incarnation's row is gone"
	}
	return fmt.Sprintf("this incarnation's row is %s", e.Phase)
}

// Unwrap makes every LostError an ErrSuperseded.
func (e *LostError) Unwrap() error { return ErrSuperseded }
