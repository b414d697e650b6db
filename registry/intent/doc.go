// Package intent keeps operators' durable word: status overrides, keyed by cluster, application and instance id.
//
// A request never waits for the database. The registry holds the override and copies it to the other servers at once; a Queue writes it
// behind, in the order in which words were given per instance, and keeps what it could not write while the database is away. What was
// written is loaded once, before a server serves.
package intent

import (
	"context"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Override is the status that stands over what an instance says of itself.
type Override struct {
	Cluster string
	App     string // upper case, as the registry keys it
	ID      string
	Status  eureka.Status
	By      string // who said so, for people; may be empty
	Reason  string // why, for people; may be empty
}

// Write is one change to the stored overrides.
type Write struct {
	Override
	// Deleted takes the override away; only App and ID count then.
	Deleted bool
}

// Store is where overrides survive a restart of everything. Methods may be called concurrently and return when ctx ends.
type Store interface {
	// Load returns the overrides of a cluster, ordered by application and id.
	Load(ctx context.Context, cluster string) ([]Override, error)
	// Apply does all the writes or none. An instance appears at most once among them. Writing what is already so changes nothing,
	// so a write whose answer was lost may be repeated.
	Apply(ctx context.Context, cluster string, writes []Write) error
}
