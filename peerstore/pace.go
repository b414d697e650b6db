package peerstore

import "time"

// backoff is from doubled n times, at most limit.
func backoff(from, limit time.Duration, n int) time.Duration {
	for ; n > 0 && from < limit; n-- {
		from *= 2
	}
	return min(from, limit)
}

// fullJitter is anything up to the backoff, for those who would otherwise come all at once. chance is in [0,1).
func fullJitter(from, limit time.Duration, n int, chance float64) time.Duration {
	return from/10 + time.Duration(chance*float64(backoff(from, limit, n)))
}

// halfJitter is between half of the backoff and all of it.
func halfJitter(from, limit time.Duration, n int, chance float64) time.Duration {
	return time.Duration((0.5 + 0.5*chance) * float64(backoff(from, limit, n)))
}

// spread is d ± 10 %.
func spread(d time.Duration, chance float64) time.Duration {
	return time.Duration((0.9 + 0.2*chance) * float64(d))
}
