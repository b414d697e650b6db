package registry

import (
	"cmp"
	"fmt"
	"time"
)

// Renewals count as missing, and look like our side's fault, by these numbers. They are the product's promise that one
// application scaling down, or a laptop with two services, does expire.
const (
	window       = time.Minute
	missingShare = 0.15 // more than this share of all expected renewals

	manyApps, manyInstances   = 3, 5 // losses this wide are hardly the clients' own
	groupApps, groupInstances = 2, 3 // and these, when they are all there is of a zone, subnet or renewing server
)

// survey is what self-preservation judges by.
type survey struct {
	expected, missing float64 // renewals in the window
	lost              []loss
	groups            map[scope]int // all leases of each zone, subnet and renewing server that lost some
	leases            int
	missingPeers      int // of our other servers
	listedPeers       int
}

// loss is where an instance belongs that stopped renewing.
type loss struct {
	app    string
	zone   string
	subnet uint64
	via    int64
	over   bool // the lease is over, not only without renewals
}

func lossOf(rec *record, via int64) loss {
	return loss{app: rec.App, zone: rec.traits.zone, subnet: rec.subnet, via: via}
}

// scope is a group of instances that may share a fate.
type scope struct {
	kind   scopeKind
	zone   string
	number uint64 // subnet, or epoch of the server that heard the renewals, 0: this one
}

type scopeKind uint8

const (
	everything scopeKind = iota
	oneZone
	oneSubnet
	oneServer
)

func (s scope) covers(t loss) bool {
	return s.kind == everything || s == t.of(s.kind)
}

func (t loss) of(kind scopeKind) scope {
	switch kind {
	case oneZone:
		return scope{kind: kind, zone: t.zone}
	case oneSubnet:
		return scope{kind: kind, number: t.subnet}
	case oneServer:
		return scope{kind: kind, number: uint64(t.via)}
	}
	return scope{}
}

// known says whether the scope names a group at all.
func (s scope) known() bool { return s.kind == oneServer || s.zone != "" || s.number != 0 }

func (s scope) String() string {
	switch s.kind {
	case oneZone:
		return "zone " + s.zone
	case oneSubnet:
		if s.number>>32 == 1 {
			return fmt.Sprintf("subnet %d.%d.%d.0/24", s.number>>16&255, s.number>>8&255, s.number&255)
		}
		return fmt.Sprintf("subnet %x:%x:%x:%x::/64", s.number>>48, s.number>>32&0xffff, s.number>>16&0xffff, s.number&0xffff)
	case oneServer:
		if s.number == 0 {
			return "those renewed at this server"
		}
		return fmt.Sprintf("those renewed at server %d", s.number)
	}
	return "all"
}

// judge says what to keep and why; no reason means nothing.
func (s survey) judge() (scope, string) {
	if s.expected == 0 || s.missing <= missingShare*s.expected {
		return scope{}, ""
	}
	all := scope{kind: everything}
	if 2*s.missingPeers > s.listedPeers {
		return all, fmt.Sprintf("and %d of %d other servers cannot be reached", s.missingPeers, s.listedPeers)
	}
	if apps := countApps(s.lost); apps >= manyApps && len(s.lost) >= manyInstances {
		return all, fmt.Sprintf("in %d applications and %s at once", apps, instances(len(s.lost)))
	}
	found, size := s.wholeGroup()
	if size == 0 {
		return scope{}, ""
	}
	return found, fmt.Sprintf("among them all %d instances of %s", size, found)
}

// wholeGroup is the largest group that is lost as a whole while others renew. Zones go before subnets, those before
// servers; of two equals the first by name, so that the sentence does not jump between them.
func (s survey) wholeGroup() (found scope, size int) {
	for _, kind := range []scopeKind{oneZone, oneSubnet, oneServer} {
		lost := map[scope][]loss{}
		for _, l := range s.lost {
			lost[l.of(kind)] = append(lost[l.of(kind)], l)
		}
		for g, members := range lost {
			n := len(members)
			whole := g.known() && n == s.groups[g] && n < s.leases
			if !whole || n < groupInstances || countApps(members) < groupApps || n < size {
				continue
			}
			if n > size || cmp.Or(cmp.Compare(g.zone, found.zone), cmp.Compare(g.number, found.number)) < 0 {
				found, size = g, n
			}
		}
		if size > 0 {
			return found, size
		}
	}
	return scope{}, 0
}

// kept counts what is over in a scope.
func (s survey) kept(in scope) (n int) {
	for _, l := range s.lost {
		if l.over && in.covers(l) {
			n++
		}
	}
	return n
}

func countApps(list []loss) int {
	apps := map[string]bool{}
	for _, t := range list {
		apps[t.app] = true
	}
	return len(apps)
}

// missed is how many renewals a lease has missed in the window, of how many expected, and whether it is lost: over,
// or without any renewal for the whole window.
func missed(age, interval time.Duration, over bool) (expected, missing float64, lost bool) {
	interval = max(interval, time.Second)
	expected = float64(window) / float64(interval)
	switch {
	case over:
		return expected, expected, true
	case age <= interval+travel:
		return expected, 0, false
	case age >= window:
		return expected, expected, true
	}
	return expected, float64(age) / float64(interval), false
}

// survey looks at all leases, but for those that were given up at released.
func (r *Registry) survey(now, released moment) survey {
	s := survey{groups: map[scope]int{}}
	r.leases.each(func(x lease) {
		interval := x.interval()
		if last := x.last(); last < released && released.since(last) > interval+travel {
			return
		}
		s.leases++
		over := x.end() <= now
		expected, missing, lost := missed(now.since(x.last()), interval, over)
		s.expected += expected
		s.missing += missing
		if rec := x.owner(); lost && rec != nil {
			l := lossOf(rec, x.via())
			l.over = over
			s.lost = append(s.lost, l)
		}
	})
	if h := r.hearing.Load(); h != nil {
		s.missingPeers, s.listedPeers = (*h).Unreachable()
	}
	if s.missing > missingShare*s.expected && len(s.lost) >= groupInstances {
		r.countGroups(&s, released)
	}
	return s
}

// countGroups counts all leases of the groups that lost some. It runs only where much is lost.
func (r *Registry) countGroups(s *survey, released moment) {
	kinds := []scopeKind{oneZone, oneSubnet, oneServer}
	for _, t := range s.lost {
		for _, kind := range kinds {
			s.groups[t.of(kind)] = 0
		}
	}
	r.leases.each(func(x lease) {
		rec := x.owner()
		if last := x.last(); rec == nil || last < released && released.since(last) > x.interval()+travel {
			return
		}
		t := lossOf(rec, x.via())
		for _, kind := range kinds {
			if n, ok := s.groups[t.of(kind)]; ok {
				s.groups[t.of(kind)] = n + 1
			}
		}
	})
}
