package eureka

import "time"

// Upstream's defaults for a lease whose client says nothing, or nothing positive
// (Netflix/eureka LeaseInfo.java: Builder).
const (
	defaultRenewalIntervalInSecs = 30
	defaultDurationInSecs        = 90
)

// LeaseInfo is the lease as it shows on the wire: what the client asked for, in seconds, and what the server
// noted, in milliseconds since 1970. Zero (or negative) seconds mean upstream's defaults and are written as such.
type LeaseInfo struct {
	RenewalIntervalInSecs int
	DurationInSecs        int

	RegistrationTimestamp int64
	LastRenewalTimestamp  int64
	EvictionTimestamp     int64
	ServiceUpTimestamp    int64
}

// Duration is how long the lease lasts after a renewal; 90 seconds unless the client says otherwise.
// Compat: upstream counts milliseconds in 32 bits and overflows beyond 24 days (Lease.java: Lease); this does not.
func (l LeaseInfo) Duration() time.Duration {
	return time.Duration(l.duration()) * time.Second
}

// RenewalInterval is how often the client means to renew; 30 seconds unless it says otherwise.
func (l LeaseInfo) RenewalInterval() time.Duration {
	return time.Duration(l.renewalInterval()) * time.Second
}

func (l LeaseInfo) duration() int {
	if l.DurationInSecs <= 0 {
		return defaultDurationInSecs
	}
	return l.DurationInSecs
}

func (l LeaseInfo) renewalInterval() int {
	if l.RenewalIntervalInSecs <= 0 {
		return defaultRenewalIntervalInSecs
	}
	return l.RenewalIntervalInSecs
}
