package rocketmq

import (
	"sync"
	"testing"
	"time"
)

// pulse notices when the machine stands still, as shared ones do for seconds at a time. Then nobody keeps a promise of one
// second, and the test could not tell: what it lost itself does not count against the servers.
type pulse struct {
	mu     sync.Mutex
	stalls []stall
}

type stall struct {
	end  time.Time
	lost time.Duration
}

func newPulse(t *testing.T) *pulse {
	const beat = 20 * time.Millisecond
	p := &pulse{}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for last := time.Now(); ; {
			select {
			case <-stop:
				return
			case <-time.After(beat):
			}
			now := time.Now()
			if late := now.Sub(last) - beat; late > beat {
				p.mu.Lock()
				p.stalls = append(p.stalls, stall{now, late})
				p.mu.Unlock()
			}
			last = now
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	return p
}

// since returns how much time has passed in which the machine was running.
func (p *pulse) since(t time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	passed := time.Since(t)
	for _, s := range p.stalls {
		if s.end.After(t) {
			passed -= min(s.lost, s.end.Sub(t))
		}
	}
	return passed
}
