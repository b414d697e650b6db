package replication

import (
	"fmt"
	"sync"
)

// polls are the calls that wait for news, one for each peer at most: a second one of the same peer means that it gave up the first.
type polls struct {
	limit int

	mu      sync.Mutex
	waiting map[string]*poll
	stopped bool
}

// A poll is one of them.
type poll struct {
	peer string
	over chan struct{} // closed when it should be answered whatever there is
}

func newPolls(limit int) *polls { return &polls{limit: limit, waiting: make(map[string]*poll)} }

// enter notes a call of a peer, ends the wait of its earlier one, and refuses it if too many peers wait.
func (l *polls) enter(peer string) (*poll, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	earlier := l.waiting[peer]
	if earlier == nil && len(l.waiting) >= l.limit {
		return nil, fmt.Errorf("%d peers wait already", len(l.waiting))
	}
	if earlier != nil {
		earlier.end()
	}
	p := &poll{peer: peer, over: make(chan struct{})}
	l.waiting[peer] = p
	if l.stopped {
		p.end()
	}
	return p, nil
}

// leave forgets a call that is answered.
func (l *polls) leave(p *poll) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[p.peer] == p {
		delete(l.waiting, p.peer)
	}
}

// stop ends every wait, now and in future.
func (l *polls) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	for _, p := range l.waiting {
		p.end()
	}
}

func (l *polls) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// end closes the channel once. The lock of polls is held.
func (p *poll) end() {
	select {
	case <-p.over:
	default:
		close(p.over)
	}
}
