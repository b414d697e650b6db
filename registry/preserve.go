package registry

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Preservation is what self-preservation does now.
type Preservation struct {
	Active   bool
	Sentence string    // what it keeps, why, and until when; "" while not active
	Since    time.Time // zero while not active
	Until    time.Time // zero: until renewals return or an operator ends it
	Expected float64   // renewals expected in 60 s, from each lease's own interval; as of the last look with leases over
	Actual   float64   // of these, those that came
	Kept     int       // instances whose lease is over and that are kept
}

// verdict is what self-preservation decided at the last look. It does not change.
type verdict struct {
	Preservation
	scope scope
}

// keeps says whether a lease that is over is kept.
func (v *verdict) keeps(rec *record, via int64) bool {
	return v.Active && v.scope.covers(lossOf(rec, via))
}

// preserver holds the verdict. All but verdict is guarded by Registry.evicting.
type preserver struct {
	r        *Registry
	verdict  atomic.Pointer[verdict]
	released moment // leases that were missing then are given up

	// Upstream's arithmetic.
	phantom     int // clients that upstream expects beyond those it knows
	bucket      moment
	bucketTotal int64
	renews      int64 // in the last whole minute
	updated     moment
}

func (p *preserver) init(r *Registry) {
	p.r, p.released, p.phantom = r, longAgo, 1
	p.verdict.Store(&verdict{})
	if r.cfg.Preserve == Upstream {
		p.judge(0, 0)
	}
}

// Preservation says what self-preservation does.
func (r *Registry) Preservation() Preservation { return r.preserve.verdict.Load().Preservation }

// EndPreservation is an operator's word: what is kept now is given up. Later losses are judged anew.
func (r *Registry) EndPreservation() {
	r.evicting.Lock()
	defer r.evicting.Unlock()
	now, _ := r.clock()
	r.preserve.release(now, "an operator ended it")
}

// judge decides whether leases that are over are kept; dead of them are.
func (p *preserver) judge(now moment, dead int) *verdict {
	was := p.verdict.Load()
	next := &verdict{}
	switch p.r.cfg.Preserve {
	case Upstream:
		next = p.upstream(now, dead)
	case Evidence:
		if dead > 0 || was.Active {
			next = p.evidence(now)
		} else {
			next = was
		}
	}
	p.announce(was, next, now)
	p.verdict.Store(next)
	return next
}

// evidence is the verdict by what is missing where.
func (p *preserver) evidence(now moment) *verdict {
	s := p.r.survey(now, p.released)
	v := &verdict{Preservation: Preservation{Expected: s.expected, Actual: s.expected - s.missing}}
	scope, reason := s.judge()
	if reason == "" {
		return v
	}
	v.Active, v.scope, v.Kept = true, scope, s.kept(scope)
	p.bound(v, now)
	if bound := p.r.cfg.PreservationBound; bound > 0 && !p.r.cfg.Now().Before(v.Until) {
		p.release(now, "it lasted as long as it may")
		return &verdict{}
	}
	v.Sentence = fmt.Sprintf("Keeping %s whose leases are over: %.0f%% of the renewals expected in the last 60 s are missing, %s; %s.",
		instances(v.Kept), 100*s.missing/s.expected, reason, until(v.Until))
	return v
}

// bound sets since when v is active, which may be longer, and until when.
func (p *preserver) bound(v *verdict, now moment) {
	v.Since = p.r.time(now)
	if was := p.verdict.Load(); was.Active {
		v.Since = was.Since
	}
	if bound := p.r.cfg.PreservationBound; bound > 0 {
		v.Until = v.Since.Add(bound)
	}
}

func until(t time.Time) string {
	if t.IsZero() {
		return "until they return, or an operator ends it"
	}
	return "until they return, or an operator ends it, at the latest " + t.UTC().Format("15:04:05") + " UTC"
}

func instances(n int) string {
	if n == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", n)
}

// release gives up everything that is missing now.
func (p *preserver) release(now moment, why string) {
	p.released = now
	if p.verdict.Load().Active {
		p.r.cfg.Log.Warn("self-preservation ended", "why", why)
	}
	p.verdict.Store(&verdict{})
}

// announce logs once per change.
func (p *preserver) announce(was, next *verdict, now moment) {
	switch {
	case next.Active && !was.Active:
		p.r.cfg.Log.Warn("self-preservation", "sentence", next.Sentence)
	case was.Active && !next.Active && p.verdict.Load() == was:
		p.r.cfg.Log.Info("self-preservation ended", "why", "renewals returned", "after", p.r.time(now).Sub(was.Since))
	}
}

// Constants of upstream's arithmetic (Netflix/eureka AbstractInstanceRegistry.java, EurekaServerConfig): 85 % of two
// renewals a minute from everybody, everybody being counted anew every 15 minutes.
const (
	upstreamShare    = 0.85
	upstreamPerMin   = 2
	upstreamInterval = 15 * time.Minute
)

// upstream is Netflix/eureka's verdict: leases end only while the renewals of the last whole minute exceed a threshold.
// Compat: Spring Cloud expects one client more than there are (expectedNumberOfClientsSendingRenews=1) until the first
// count, so that up to five instances never expire before it.
func (p *preserver) upstream(now moment, dead int) *verdict {
	if renewed := p.r.renewals.total.Load(); now >= p.bucket.add(2*time.Minute) {
		p.renews, p.bucket, p.bucketTotal = 0, now, renewed // nobody looked for a minute
	} else if now >= p.bucket.add(time.Minute) {
		p.renews, p.bucket, p.bucketTotal = renewed-p.bucketTotal, p.bucket.add(time.Minute), renewed
	}
	_, total := p.r.apps.counts()
	n := total.instances
	if now >= p.updated.add(upstreamInterval) {
		p.updated = now
		if float64(n) > upstreamShare*float64(n+p.phantom) {
			p.phantom = 0
		}
	}
	threshold := int64(upstreamThreshold(n + p.phantom))
	v := &verdict{Preservation: Preservation{Expected: float64(upstreamPerMin * (n + p.phantom)), Actual: float64(p.renews), Kept: dead}}
	if threshold > 0 && p.renews > threshold {
		return v
	}
	v.Active, v.scope = true, scope{kind: everything}
	v.Since = p.r.time(now)
	if was := p.verdict.Load(); was.Active {
		v.Since = was.Since
	}
	v.Sentence = fmt.Sprintf("Keeping all instances as upstream does: %d renewals came in the last whole minute, and leases end only above %d.", p.renews, threshold)
	return v
}

func upstreamThreshold(expected int) int {
	return int(math.Floor(float64(expected) * upstreamPerMin * upstreamShare))
}
