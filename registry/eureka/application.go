package eureka

import "strconv"

// Application is all instances that share a name.
type Application struct {
	Name      string
	Instances []*Instance
}

// Applications is the answer to a full fetch, a delta or a query by vip.
type Applications struct {
	VersionsDelta string // a number as text: 1 for full lists, -1 for queries by vip
	AppsHashCode  string // of the whole registry, also in a delta
	Applications  []*Application
}

// HashCode is Eureka's checksum of what is in a: how many instances have which status. Clients compare it with
// AppsHashCode after applying a delta.
func (a *Applications) HashCode() string {
	var counts [NumStatuses]int
	for _, app := range a.Applications {
		for _, in := range app.Instances {
			counts[in.Status]++
		}
	}
	return HashCode(counts)
}

// byName are the statuses in the order of their names, in which the hash code lists them.
var byName = [NumStatuses]Status{Down, OutOfService, Starting, Unknown, Up}

// HashCode is the hash code of so many instances per status: "DOWN_2_UP_7_", "" for none
// (Netflix/eureka Applications.java: getReconcileHashCode).
func HashCode(counts [NumStatuses]int) string {
	var buf [96]byte
	dst := buf[:0]
	for _, s := range byName {
		if counts[s] == 0 {
			continue
		}
		dst = append(dst, s.String()...)
		dst = append(dst, '_')
		dst = strconv.AppendInt(dst, int64(counts[s]), 10)
		dst = append(dst, '_')
	}
	return string(dst)
}
