package httpapi

import (
	"sync"
	"time"
)

// notes holds log lines that outsiders can cause down to one a second.
type notes struct {
	now func() time.Time

	mu      sync.Mutex
	next    time.Time
	skipped int
}

// take reports whether a line may be written now, and how many were not since the last.
func (n *notes) take() (skipped int, ok bool) {
	now := n.now()
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
