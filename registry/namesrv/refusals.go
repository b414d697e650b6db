package namesrv

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

const (
	// refusalsEvery is how often further refusals are recorded.
	refusalsEvery = time.Minute
	// maxRefused bounds the pairs of host and request code that are told apart.
	maxRefused = 1024
)

// refusals keeps strangers from pushing out of the audit and the log what operators did: of what a host is refused, the first attempt
// is recorded at once, and those that follow with one record a minute.
type refusals struct {
	mu     sync.Mutex
	counts map[refused]int // those not yet recorded
}

// refused is who was refused what. The host is the one that nobody can pretend, whatever a proxy says; the zero Addr stands for all
// hosts beyond those that are told apart.
type refused struct {
	host netip.Addr
	code int32
}

func (r refused) from() string {
	if r.host.IsValid() {
		return r.host.String()
	}
	return "others"
}

// note counts a refusal. It reports whether that is one to be recorded at once.
func (r *refusals) note(host netip.Addr, code int32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := refused{host, code}
	if _, known := r.counts[key]; known {
		r.counts[key]++
		return false
	}
	if len(r.counts) >= maxRefused {
		r.counts[refused{code: code}]++
		return false
	}
	if r.counts == nil {
		r.counts = make(map[refused]int)
	}
	r.counts[key] = 0
	return true
}

// take returns what was counted and begins again. Who was refused nothing meanwhile is forgotten.
func (r *refusals) take() map[refused]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := make(map[refused]int)
	for key, n := range r.counts {
		if n == 0 || !key.host.IsValid() {
			delete(r.counts, key)
		} else {
			r.counts[key] = 0
		}
		if n > 0 {
			taken[key] = n
		}
	}
	return taken
}

// recordRefusals records once a minute, until the server leaves, what was refused further.
func (s *Server) recordRefusals() {
	ticks := time.NewTicker(refusalsEvery)
	defer ticks.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-ticks.C:
			s.recordRefused()
		}
	}
}

func (s *Server) recordRefused() {
	taken := s.refusals.take()
	var worst refused
	times := 0
	for key, n := range taken {
		s.cfg.Audit(AuditRecord{
			At: s.cfg.Now(), Code: key.code, Action: actionOf(key.code), From: key.from(),
			Result: fmt.Sprintf("refused %d more times within a minute", n),
		})
		times += n
		if n > taken[worst] {
			worst = key
		}
	}
	if times > 0 {
		s.note("administration refused again within a minute", "times", times, "mostly", actionOf(worst.code), "from", worst.from())
	}
}
