package peerstore

import (
	"cmp"
	"fmt"
	"time"
)

// Settings are the three intervals of membership. They are floors: they grow together with the number of servers so that a large
// cluster does not load its database more than a small one.
type Settings struct {
	// Heartbeat is the time between two refreshes of our row. Defaults to 3 seconds.
	Heartbeat time.Duration
	// TTL is how long a row counts as live after a heartbeat. Defaults to 10 seconds; at least three heartbeats.
	TTL time.Duration
	// Poll is the time between two reads of the rows. Defaults to 2 seconds.
	Poll time.Duration
}

// heartbeatsPerSecond is how many heartbeats of all servers together a database should see: max(3 s, N/100 s) each.
const heartbeatsPerSecond = 100

// WithDefaults fills what is zero.
func (s Settings) WithDefaults() Settings {
	s.Heartbeat = cmp.Or(s.Heartbeat, 3*time.Second)
	s.TTL = cmp.Or(s.TTL, 10*time.Second)
	s.Poll = cmp.Or(s.Poll, 2*time.Second)
	return s
}

// Validate reports what cannot work, in a sentence that names the value and the rule.
func (s Settings) Validate() error {
	s = s.WithDefaults()
	switch {
	case s.Heartbeat < 10*time.Millisecond || s.Poll < 10*time.Millisecond:
		return fmt.Errorf("heartbeat %v and poll %v must be at least 10ms", s.Heartbeat, s.Poll)
	case s.TTL < 3*s.Heartbeat:
		return fmt.Errorf("ttl %v must be at least three heartbeats of %v, so that one lost heartbeat does no harm", s.TTL, s.Heartbeat)
	}
	return nil
}

// Scaled returns the intervals to use in a cluster of n servers: when the heartbeat must grow to n/100 seconds, the others grow
// by the same factor.
func (s Settings) Scaled(n int) Settings {
	s = s.WithDefaults()
	floor := time.Duration(n) * time.Second / heartbeatsPerSecond
	if floor <= s.Heartbeat {
		return s
	}
	factor := float64(floor) / float64(s.Heartbeat)
	return Settings{
		Heartbeat: floor,
		TTL:       time.Duration(float64(s.TTL) * factor),
		Poll:      time.Duration(float64(s.Poll) * factor),
	}
}

// Deadline is the longest that one call to the database may take: a fifth of the TTL, so that a hang costs one try and not the
// lease.
func (s Settings) Deadline() time.Duration { return s.WithDefaults().TTL / 5 }

// Grace is how long the rows that were live at the beginning of an outage count as live after its end: long enough for every
// server to notice and to write.
func (s Settings) Grace() time.Duration {
	s = s.WithDefaults()
	return s.TTL + 2*s.Heartbeat
}
