package routeinfo

import (
	"cmp"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Rules about sources that are not settings.
const (
	// unheardBound is how long what a server said holds when it is not heard any more.
	unheardBound = 120 * time.Second
	// heardGrace is how much longer than a broker's timeout what a server said holds while we hear that server: it will
	// tell us itself, and tells of renewals a little late.
	heardGrace = 15 * time.Second
	// Renewals of one broker are told no more often than this, and no less often than the other.
	minRenewalGap = time.Second
	maxRenewalGap = 12 * time.Second
	// versionsKept is how many data versions of a broker are remembered beside its topics.
	versionsKept = 64
)

// A source is one way in which this server knows a broker: over the broker's own connection, or by the word of one of
// our other servers, whose own direct state it mirrors.
type source struct {
	server string // peer id; "" for our own connection
	slot   int

	name, haAddr, zone string
	id                 int64
	acting             remoting.ActingMaster
	timeout            time.Duration
	version            remoting.DataVersion
	filters            []string
	mappings           map[string]*remoting.QueueMapping // by topic
	topics             int                               // told of
	names              int                               // bytes of their names
	mapped             extent                            // of mappings

	since   time.Time // held there without a break
	renewed time.Time // last registration or heartbeat there
	word    time.Time // when that server last said something of this broker
	copy    uint64    // number of the full copy that named it last

	// Of our own connection.
	conn    ConnID
	payload uint64 // hash of the topics registered last; 0 for none
	stamp   uint32 // number of version
	adopted uint32 // number under which topics were taken over from other servers; 0 for none
	recent  []remoting.DataVersion

	node *node // in the feed
}

func (s *source) direct() bool { return s.slot == ownSlot }

// bump makes v the version of our own source.
func (s *source) bump(v remoting.DataVersion) {
	s.version = v
	s.stamp++
	s.recent = append(s.recent, v)
	if len(s.recent) > versionsKept {
		s.recent = append(s.recent[:0], s.recent[len(s.recent)-versionsKept/2:]...)
	}
}

// stampOf returns the version with that number. It is false when that was too long ago.
func (s *source) stampOf(stamp uint32) (v remoting.DataVersion, ok bool) {
	i := len(s.recent) - 1 - int(s.stamp-stamp)
	if stamp == 0 || i < 0 {
		return v, false
	}
	return s.recent[i], true
}

// lastOf is the number of the latest version at which a topic was deleted, 0 when none of them is remembered.
func (s *source) lastOf(deleted deletedGroup) uint32 {
	for i := len(s.recent) - 1; i >= 0; i-- {
		if deleted.holds(s.recent[i]) {
			return s.stamp - uint32(len(s.recent)-1-i)
		}
	}
	return 0
}

// outranks is the order in which sources of a broker are believed: our own connection, then the newest version.
func (s *source) outranks(o *source) bool {
	if s.direct() != o.direct() {
		return s.direct()
	}
	return cmp.Or(compareVersions(s.version, o.version), cmp.Compare(s.server, o.server)) > 0
}

func compareVersions(a, b remoting.DataVersion) int {
	return cmp.Or(
		cmp.Compare(a.StateVersion, b.StateVersion),
		cmp.Compare(a.Timestamp, b.Timestamp),
		cmp.Compare(a.Counter, b.Counter),
	)
}

// expires is the moment after which the source counts no more.
func (s *source) expires(heard bool) time.Time {
	end := s.renewed.Add(s.timeout)
	switch {
	case s.direct():
		return end
	case heard:
		return end.Add(heardGrace)
	}
	if bound := s.word.Add(unheardBound); bound.Before(end) {
		return bound
	}
	return end
}

// renewalGap is how often renewals of the broker are told to other servers.
func (s *source) renewalGap() time.Duration {
	return min(max(s.timeout/10, minRenewalGap), maxRenewalGap)
}
