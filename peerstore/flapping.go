package peerstore

import "time"

const (
	flapWindow = 10 * time.Minute
	flapLimit  = 3
	maxFlaps   = 1024 // addresses remembered
)

// flaps remembers the recent expiries of each address. A server that keeps falling silent and coming back is copied to at once,
// but clients are not led to it before it has been steady for a while.
type flaps map[string][]time.Time

// note records that a server at this address was removed for its silence.
func (f flaps) note(address string, now time.Time) {
	for a, times := range f {
		if now.Sub(times[len(times)-1]) > flapWindow {
			delete(f, a)
		}
	}
	if len(f) >= maxFlaps && f[address] == nil {
		return
	}
	times := append(f[address], now)
	f[address] = times[max(0, len(times)-flapLimit):]
}

// servedAfter is when a server that came back now may be served: at once, or after two TTLs when it expired three times within
// ten minutes.
func (f flaps) servedAfter(address string, ttl time.Duration, now time.Time) time.Time {
	times := f[address]
	if len(times) >= flapLimit && now.Sub(times[0]) <= flapWindow {
		return now.Add(2 * ttl)
	}
	return now
}
