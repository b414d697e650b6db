package namesrv

import (
	"log/slog"
	"sync"
	"time"
)

// notes holds log lines that outsiders can cause down to one a second.
type notes struct {
	mu      sync.Mutex
	next    time.Time
	skipped int
}

// take reports whether a line may be written now, and how many were not since the last.
func (n *notes) take(now time.Time) (skipped int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Before(n.next) {
		n.skipped++
		return 0, false
	}
	skipped, n.skipped = n.skipped, 0
	n.next = now.Add(time.Second)
	return skipped, true
}

// note is the log for one line that outsiders caused. It discards the line if there was one less than a second ago.
func (s *Server) note() *slog.Logger {
	if skipped, ok := s.notes.take(time.Now()); ok {
		return s.cfg.Log.With("skipped", skipped)
	}
	return nowhere
}

var nowhere = slog.New(slog.DiscardHandler)
