package eureka

// Action is what an item of a replication batch asks for. The zero value is NoReplication: the item named none.
type Action uint8

// The actions of upstream's PeerAwareInstanceRegistryImpl.Action that travel in batches.
const (
	NoReplication Action = iota
	Heartbeat
	Register
	Cancel
	StatusUpdate
	DeleteStatusOverride
)

var actionNames = [...]string{"", "Heartbeat", "Register", "Cancel", "StatusUpdate", "DeleteStatusOverride"}

// String returns the name that stands on the wire, "" for NoReplication.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return ""
}

func parseAction(name []byte) (Action, bool) {
	for a, n := range actionNames {
		if a > 0 && n == string(name) {
			return Action(a), true
		}
	}
	return NoReplication, false
}

// ReplicationItem is one change that a server copies to a peer, as it stands in a batch. What the sender left out
// is a zero value: upstream answers an item without action, without appName, or a Register without Instance with
// 500, one without ID with 404, so the receiver needs to know.
type ReplicationItem struct {
	AppName            string // as sent, any case
	ID                 string
	LastDirtyTimestamp int64 // milliseconds since 1970; meaningless unless HasDirty
	HasDirty           bool
	OverriddenStatus   string // as sent, "" = absent; any text
	Status             string // as sent, "" = absent; any text
	Action             Action

	// Instance is nil when absent, null, or not an instance (InstanceError then says why).
	Instance      *Instance
	InstanceError error
	// InstanceText is the instance as it was sent: unwrapped JSON, a slice of the decoded body. Encoding prefers it to
	// Instance, so that a sender can pass on text that it holds.
	InstanceText []byte

	Null bool // the item was null; upstream answers the whole batch with 500
}
