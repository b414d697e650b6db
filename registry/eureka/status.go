package eureka

// Status says whether an instance takes traffic. The zero value is Unknown.
type Status uint8

// The statuses of upstream's InstanceInfo.InstanceStatus.
const (
	Unknown Status = iota
	Up
	Down
	Starting
	OutOfService
)

// NumStatuses is how many statuses there are; HashCode counts instances in an array of this size.
const NumStatuses = 5

var statusNames = [NumStatuses]string{"UNKNOWN", "UP", "DOWN", "STARTING", "OUT_OF_SERVICE"}

// String returns the name that stands on the wire.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return statusNames[Unknown]
}

// ParseStatus returns the status with exactly this wire name, upper case as upstream demands in query parameters.
func ParseStatus(name string) (Status, bool) {
	for s, n := range statusNames {
		if n == name {
			return Status(s), true
		}
	}
	return Unknown, false
}

// ActionType is what last happened to an instance, as deltas (and full lists) show it. The zero value is
// NoAction: nothing is written, as in a client's registration.
type ActionType uint8

// The actions of upstream's InstanceInfo.ActionType.
const (
	NoAction ActionType = iota
	Added
	Modified
	Deleted
)

var actionTypeNames = [...]string{"", "ADDED", "MODIFIED", "DELETED"}

// String returns the name that stands on the wire, "" for NoAction.
func (a ActionType) String() string {
	if int(a) < len(actionTypeNames) {
		return actionTypeNames[a]
	}
	return ""
}

// parseActionType is lenient: what is no action is NoAction.
func parseActionType(name string) ActionType {
	switch name {
	case "ADDED":
		return Added
	case "MODIFIED":
		return Modified
	case "DELETED":
		return Deleted
	}
	return NoAction
}
