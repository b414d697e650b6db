package replication

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// Faults switch rules off, so that a simulation can show that it would notice their absence. Zero is healthy; no option of the
// program sets them.
type Faults struct {
	// Unordered lets changes overtake each other, as they do among the twenty replication workers of a Java server: half of
	// what is due stays behind for up to three minutes while the stream goes on and claims to be complete.
	Unordered bool
}

// An overtaken holds what Faults.Unordered keeps back.
type overtaken struct {
	rand func() float64
	held []heldBack
	at   map[registry.Key]int
}

type heldBack struct {
	queued
	until time.Time
}

const longestOvertaken = 3 * time.Minute

func newOvertaken(rand func() float64) *overtaken {
	return &overtaken{rand: rand, at: make(map[registry.Key]int)}
}

// keep says whether a change stays behind; later ones of the same instance stay with it.
func (o *overtaken) keep(x queued, now time.Time) bool {
	if i, ok := o.at[x.Key]; ok {
		h := &o.held[i]
		h.Content = h.Content || x.Content
		h.Version, h.Renewed = x.Version, x.Renewed
		return true
	}
	if o.rand() < 0.5 {
		return false
	}
	o.at[x.Key] = len(o.held)
	o.held = append(o.held, heldBack{x, now.Add(time.Duration(o.rand() * float64(longestOvertaken)))})
	return true
}

// release returns what has been held long enough, in the order of arrival.
func (o *overtaken) release(now time.Time) (due []queued) {
	rest := o.held[:0]
	clear(o.at)
	for _, h := range o.held {
		if h.until.After(now) {
			o.at[h.Key] = len(rest)
			rest = append(rest, h)
		} else {
			due = append(due, h.queued)
		}
	}
	o.held = rest
	return due
}
