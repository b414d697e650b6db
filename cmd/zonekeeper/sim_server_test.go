package main

import (
	"context"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
)

// simServer is one incarnation of a server in a slot.
type simServer struct {
	w      *simWorld
	slot   int
	host   string
	addr   string
	app    *App
	path   *peerstoretest.Path
	cancel context.CancelFunc
	hurry  chan struct{}
	done   chan struct{}
	born   time.Time

	mu        sync.Mutex
	up        bool
	downAt    time.Time
	pausedAt  time.Time // zero: running
	resumedAt time.Time
	servingAt time.Time
	routesAt  time.Time // its name server was seen serving for the first time
}

// now is the server's clock. While its process is stopped it stands still, and then jumps: just what the process would notice.
func (s *simServer) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.pausedAt.IsZero() {
		return s.pausedAt
	}
	return time.Now()
}

// Crash ends a server without a word; Leave lets it drain and say goodbye. The last one standing stays.
func (s *simServer) Crash() bool {
	if !s.mayGo() {
		return false
	}
	s.path.SetCut(true)
	s.w.net.Freeze(s.host, true)
	s.w.net.Kill(s.host)
	close(s.hurry)
	s.cancel()
	s.w.mu.Lock()
	s.w.lastCrash = time.Now()
	s.w.mu.Unlock()
	return true
}

func (s *simServer) Leave() bool {
	if !s.mayGo() {
		return false
	}
	s.cancel()
	return true
}

func (s *simServer) mayGo() bool {
	others := 0
	for _, o := range s.w.standing() {
		if o != s && o.serving() && !o.paused() {
			others++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up || others == 0 || !s.pausedAt.IsZero() {
		return false
	}
	s.up, s.downAt = false, time.Now()
	return true
}

// Pause stops the process for d, as SIGSTOP or a moved virtual machine does.
func (s *simServer) Pause(d time.Duration) {
	s.mu.Lock()
	if !s.up || !s.pausedAt.IsZero() {
		s.mu.Unlock()
		return
	}
	s.pausedAt = time.Now()
	s.mu.Unlock()
	s.w.net.Freeze(s.host, true)
	s.path.SetBlackHole(true)
	s.w.disturb(1)
	s.w.group.Go(func() {
		if !sleep(s.w.ctx, d) {
			return
		}
		s.path.SetBlackHole(false)
		s.mu.Lock()
		s.pausedAt, s.resumedAt = time.Time{}, time.Now()
		s.mu.Unlock()
		s.w.net.Freeze(s.host, false)
		s.w.disturb(-1)
	})
}

func (s *simServer) paused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.pausedAt.IsZero()
}

func (s *simServer) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up
}

// lasted reports whether the server is there, or was at a moment.
func (s *simServer) lasted(until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up || s.downAt.After(until)
}

func (s *simServer) serving() bool {
	return s.running() && s.app.phase() == peerstore.PhaseServing
}

// since is how long the server has been up and undisturbed by pauses.
func (s *simServer) since() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up || !s.pausedAt.IsZero() {
		return 0
	}
	return time.Since(later(s.born, s.resumedAt))
}
