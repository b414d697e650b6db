package registry

import (
	"cmp"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Override is an operator's word about the status of an instance. It is ordered by itself, apart from the content, so
// that neither a registration nor a copy of one can lose it. The zero Override is "none was ever heard of".
type Override struct {
	Counter uint64        // words about this instance so far
	Epoch   int64         // incarnation of the server that heard it
	Ended   bool          // a cancel ended it, at the counter it saw; a later word survives
	Status  eureka.Status // Unknown: taken back
}

// Compare is negative if o is older than p, positive if it is newer.
func (o Override) Compare(p Override) int {
	return cmp.Or(
		cmp.Compare(o.Counter, p.Counter),
		compareBool(o.Ended, p.Ended),
		cmp.Compare(o.Epoch, p.Epoch),
		cmp.Compare(o.Status, p.Status),
	)
}

// InForce is the status that the override asks for, Unknown for none.
func (o Override) InForce() eureka.Status {
	if o.Ended {
		return eureka.Unknown
	}
	return o.Status
}

// set is the override after an operator's word; Unknown takes it back.
func (o Override) set(s eureka.Status, epoch int64) Override {
	return Override{Counter: o.Counter + 1, Epoch: epoch, Status: s}
}

// end is the override after a cancel.
func (o Override) end(epoch int64) Override {
	return Override{Counter: o.Counter, Ended: true, Epoch: epoch}
}

// decide is the status that an instance shows: what its client says, unless an override is in force and the client
// says UP or OUT_OF_SERVICE. DOWN, STARTING and UNKNOWN show through an override.
// Compat: rules 1, 2 and 5 of Netflix/eureka's chain (DownOrStartingRule, OverrideExistsRule, AlwaysMatchInstanceStatusRule).
// Without a cloud there are no auto scaling groups, hence no rule 3; rule 4 is keep.
func decide(said eureka.Status, o Override) eureka.Status {
	if said != eureka.Up && said != eureka.OutOfService {
		return said
	}
	if s := o.InForce(); s != eureka.Unknown {
		return s
	}
	return said
}

// keep is what a registration counts as saying when no override is in force, given the status that the instance shows
// now (found: there is one).
// Compat: rule 4, Netflix/eureka LeaseExistsRule.java: a client that registers UP or OUT_OF_SERVICE again stays what
// it is, so that an operator's OUT_OF_SERVICE outlives even a server that forgot the override. Copies from Java peers
// are taken at their word.
func keep(said, shown eureka.Status, found bool, o Origin) eureka.Status {
	takes := func(s eureka.Status) bool { return s == eureka.Up || s == eureka.OutOfService }
	if found && o == FromClient && takes(said) && takes(shown) {
		return shown
	}
	return said
}
