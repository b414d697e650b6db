package namesrv

import (
	"sync"
	"time"
)

// notes holds log lines that outsiders can cause down to one a second of each kind: whoever causes one kind must not hide another.
type notes struct {
	mu    sync.Mutex
	kinds map[string]*noted // by message, of which there are as many as places in the code
}

// noted is what is remembered of one kind of line.
type noted struct {
	next    time.Time
	skipped int
}

// take reports whether a line may be written now, and how many of its kind were not since the last.
func (n *notes) take(message string, now time.Time) (skipped int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kind := n.kinds[message]
	if kind == nil {
		if n.kinds == nil {
			n.kinds = make(map[string]*noted)
		}
		kind = new(noted)
		n.kinds[message] = kind
	}
	if now.Before(kind.next) {
		kind.skipped++
		return 0, false
	}
	skipped, kind.skipped = kind.skipped, 0
	kind.next = now.Add(time.Second)
	return skipped, true
}

// note logs one line that outsiders caused, unless there was one with the same message less than a second ago. The message is a
// constant: what varies belongs into the attributes.
func (s *Server) note(message string, attributes ...any) {
	if skipped, ok := s.notes.take(message, time.Now()); ok {
		s.cfg.Log.With("skipped", skipped).Warn(message, attributes...) //nolint:sloglint // callers give a constant
	}
}
