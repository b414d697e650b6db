package registry

import "github.com/zonekeeper/zonekeeper/registry/eureka"

// Key names an instance.
type Key struct {
	App string // upper case, see eureka.UpperApp
	ID  string
}

// Origin is who sent a change.
type Origin uint8

const (
	// FromClient is a client, an operator, or anybody without the replication header.
	FromClient Origin = iota
	// FromJavaPeer is a Eureka server that copies what its own client did. It is not sent on to Java peers. Such
	// changes carry no version: they follow upstream's rules for replication and get a version here.
	// Our own servers use Merge and MergeRenewal instead.
	FromJavaPeer
)

// ChangeKind is what a change touched.
type ChangeKind uint8

const (
	// ContentChanged is a registration, a cancel or new metadata.
	ContentChanged ChangeKind = iota
	// LeaseRenewed is a renewal: nothing but the lease moved.
	LeaseRenewed
	// OverrideChanged is a status that an operator set or took back; the content may have changed with it.
	OverrideChanged
)

// Change tells Config.OnChange what a client, an operator or a Java peer did here. It says that the instance changed,
// not what it is now: ask Entry for that when sending. Merges from our own servers and evictions are not told.
type Change struct {
	Key
	Kind    ChangeKind
	Origin  Origin
	Version Version // of the content after the change; of the tombstone after a cancel

	// For Java peers, as upstream's replication knows it.
	Action     eureka.Action
	Dirty      int64         // lastDirtyTimestamp after the change
	Status     eureka.Status // the status shown; for DeleteStatusOverride the status asked for
	Overridden eureka.Status // the override in force, Unknown for none

	// Durable says that Overridden is new and is to be stored as the operator's durable word; Unknown deletes it.
	Durable bool
}
