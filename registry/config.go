package registry

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Rules that are not settings: they follow from the longest time that a message between servers may take.
const (
	travel       = 5 * time.Second  // longest travel of a renewal between servers
	addMargin    = 15 * time.Second // an unknown instance is added only with more lease left than this
	pauseLate    = 5 * time.Second  // a tick later than this means that this server was paused
	settle       = 30 * time.Second // after its own pause, or copies of leases that are over, a server evicts nothing for one renewal interval
	maxDelta     = 50_000           // entries in the delta; clients see by the hash that older ones are missing
	maxRebuild   = 5 * time.Millisecond
	maxStaleness = 50 * time.Millisecond
	forgetful    = 2 * time.Second // how long a cancel is remembered under Faults.NoTombstone: long enough to send it
)

// Preserve is a kind of self-preservation.
type Preserve uint8

const (
	// Evidence keeps leases only while renewals are missing in a way that looks like our side's fault. The default.
	Evidence Preserve = iota
	// Upstream counts all renewals of the last minute against one threshold, as Netflix/eureka does.
	Upstream
	// Off never keeps a lease that is over.
	Off
)

// Hearing tells a registry what it may rest an eviction on. It must not block, and not call Evict or EndPreservation.
type Hearing interface {
	// Covered says whether every renewal that any listed server heard up to t has reached us.
	Covered(t time.Time) bool
	// Vouched says whether, for each listed server that we do not hear, some peer that we hear and that hears it says
	// that the instance's lease, of this version and over at end, is over there too, or that the instance is gone.
	// It may answer false now and ask in the background.
	Vouched(k Key, v Version, end time.Time) bool
	// Unreachable counts the listed servers that cannot be reached, and all listed ones without ourselves.
	Unreachable() (missing, listed int)
}

// Config is what a registry needs. The zero value works: a server alone, with the defaults.
type Config struct {
	// Epoch is the number of this incarnation in the order of all starts; it breaks ties between versions and begins
	// versions__delta. SetEpoch changes it later.
	Epoch int64
	// LeaseFactor is how many durations after the last renewal a lease is over. Defaults to 1; 2 is what Netflix/eureka
	// does (Lease.java: isExpired, which says so itself). A lease never renewed lasts one duration in any case.
	LeaseFactor int
	// EvictionInterval is the time between two looks for leases that are over. Defaults to 1 second.
	EvictionInterval time.Duration
	// DeltaRetention is how long a change stays in the delta. Defaults to 180 seconds.
	DeltaRetention time.Duration
	// NoDelta leaves the delta empty; clients are to be told that there is none.
	NoDelta bool
	// TombstoneTTL is how long a cancel, or the version of an evicted instance, is remembered; longer where a long lease
	// asks for it. Defaults to 1 hour; must be longer than PreservationBound.
	TombstoneTTL time.Duration
	// MaxTombstones is how many are remembered at most, the oldest go first. Defaults to 100,000.
	MaxTombstones int
	// Preserve is the kind of self-preservation. Defaults to Evidence.
	Preserve Preserve
	// PreservationBound is how long self-preservation, or a server we cannot hear, may keep a lease that is over.
	// Defaults to 30 minutes; below zero means without end, as upstream.
	PreservationBound time.Duration
	// Alone says that no other server is listed, so that no renewal can be on its way to us. Defaults to what Hearing
	// lists.
	Alone func() bool
	// Hearing may be set later by SetHearing; nil hears everybody, there being nobody.
	Hearing Hearing
	// OnChange is told of every change by a client or a Java peer, under the lock that orders the changes of that
	// instance. It must be quick, must not block and must not call the registry.
	OnChange func(Change)
	// OnPause is told when this server notices that it was paused, and for how long.
	OnPause func(gap time.Duration)
	// Now is the clock, with its monotonic reading. Defaults to time.Now.
	Now func() time.Time
	// Rand chooses the order of evictions. Defaults to a randomly seeded source. It is used by one goroutine at a time.
	Rand *rand.Rand
	// Log defaults to none.
	Log *slog.Logger
	// Faults breaks rules on purpose, for simulations that must catch it.
	Faults Faults
}

// Faults are mistakes that a simulation plants to show that it would notice them. No option of the program sets them.
type Faults struct {
	NoTombstone  bool // a cancel is forgotten after 2 seconds
	DeafEviction bool // leases are evicted whether or not the other servers are heard
	NoPauseRule  bool // after its own pause the server goes on as if nothing had been
}

func (c Config) withDefaults() Config {
	c.LeaseFactor = max(c.LeaseFactor, 1)
	c.EvictionInterval = cmp.Or(c.EvictionInterval, time.Second)
	c.DeltaRetention = cmp.Or(c.DeltaRetention, 180*time.Second)
	c.TombstoneTTL = cmp.Or(c.TombstoneTTL, time.Hour)
	c.MaxTombstones = cmp.Or(c.MaxTombstones, 100_000)
	c.PreservationBound = cmp.Or(c.PreservationBound, 30*time.Minute)
	if c.OnChange == nil {
		c.OnChange = func(Change) {}
	}
	if c.OnPause == nil {
		c.OnPause = func(time.Duration) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// validate names every mistake at once.
func (c Config) validate() error {
	var errs []error
	mistake := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	mistake(c.LeaseFactor < 0 || c.LeaseFactor > 2, "LeaseFactor is %d, must be 1 or 2", c.LeaseFactor)
	mistake(c.EvictionInterval < 0, "EvictionInterval is %v, must be above 0", c.EvictionInterval)
	mistake(c.DeltaRetention < 0, "DeltaRetention is %v, must be above 0", c.DeltaRetention)
	mistake(c.MaxTombstones < 0, "MaxTombstones is %d, must be above 0", c.MaxTombstones)
	mistake(c.Preserve > Off, "Preserve is %d, must be Evidence, Upstream or Off", c.Preserve)
	full := c.withDefaults()
	mistake(full.TombstoneTTL <= full.PreservationBound, "TombstoneTTL is %v, must be longer than PreservationBound, %v: else what was cancelled could come back", full.TombstoneTTL, full.PreservationBound)
	return errors.Join(errs...)
}
