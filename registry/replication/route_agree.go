package replication

import "time"

const (
	// routeQuiet is how long a difference may last while nothing changes on either side, before everything is copied anew:
	// longer than the travel of anything told. routeShaken is the same after the exchange with the peer was broken.
	routeQuiet  = 10 * time.Second
	routeShaken = time.Second
	// routeCompare is how often digests are compared while there is news. Making one goes over the whole table.
	routeCompare = time.Second
	// routeRestless is how long it may last while things change: a busy feed never is quiet, but its digests meet again and again.
	routeRestless = time.Minute
	// A copy that did not help, as when the peer is the one that lacks something, is tried again after these, doubled each time while
	// nothing changes.
	firstRecopy = 10 * time.Second
	lastRecopy  = 5 * time.Minute
)

// agreement is how our digest compares with those that a peer tells.
type agreement struct {
	known        bool
	at           time.Time // of the last comparison
	news         bool      // there was some since
	mine, theirs uint64
	differs      time.Time // since when they do; zero while they agree
	still        time.Time // since when neither has changed
	shaken       bool
	recopy       time.Time // no copy for the sake of agreement before this
	wait         time.Duration
}

// compare takes the digest that a peer told with its latest news, and ours after taking those. It reports whether everything should
// be copied anew.
func (a *agreement) compare(mine, theirs uint64, now time.Time) bool {
	if !a.known || mine != a.mine || theirs != a.theirs {
		a.still, a.wait = now, 0
		if next := now.Add(firstRecopy); a.recopy.After(next) {
			a.recopy = next
		}
	}
	a.known, a.at, a.news, a.mine, a.theirs = true, now, false, mine, theirs
	if mine == theirs {
		a.differs, a.shaken = time.Time{}, false
		return false
	}
	if a.differs.IsZero() {
		a.differs = now
	}
	quiet := routeQuiet
	if a.shaken {
		quiet = routeShaken
	}
	if now.Sub(a.still) < quiet && now.Sub(a.differs) < routeRestless {
		return false
	}
	return a.again(now)
}

// again reports whether a reason to copy everything anew is to be followed: not if the last copy for one was just now.
func (a *agreement) again(now time.Time) bool {
	if now.Before(a.recopy) {
		return false
	}
	a.shaken = false
	a.wait = min(max(2*a.wait, firstRecopy), lastRecopy)
	a.recopy = now.Add(a.wait)
	return true
}

// shake notes that the exchange was broken: what died meanwhile may have taken with it what only the peer still knows.
func (a *agreement) shake() { a.shaken = true }

// due reports whether the next answer should carry a digest although it carries news.
func (a *agreement) due(now time.Time) bool { return !a.known || now.Sub(a.at) >= routeCompare }

// within is how long the next answer may be held back so that a comparison, or a decision, is not late.
func (a *agreement) within(longest time.Duration) time.Duration {
	if a.news || a.shaken && !a.differs.IsZero() {
		return min(longest, routeCompare, routeShaken)
	}
	return longest
}

// agrees reports whether the last digests were equal; false while none is known.
func (a *agreement) agrees() bool { return a.known && a.differs.IsZero() }

// differsFor is how long they have not been equal.
func (a *agreement) differsFor(now time.Time) time.Duration {
	if a.differs.IsZero() {
		return 0
	}
	return now.Sub(a.differs)
}
