package peerstore

import "container/list"

const (
	// replayWindow is how far behind the newest call of its session a call may arrive: calls overtake each other on different
	// connections, but not by hundreds.
	replayWindow = 1024
	// maxReplaySessions bounds memory: 160 bytes each. A session belongs to one start of one server that knows the secret, so a
	// cluster would have to restart thousands of times under one running server to reach it.
	maxReplaySessions = 4096
)

// A replayGuard remembers which numbers of which sessions it has admitted. The session that was idle longest is forgotten
// first; it could then be replayed once, which takes thousands of restarts of other servers during one run of this one.
type replayGuard struct {
	sessions map[string]*list.Element
	recent   *list.List // of *replaySession, most recently used first
}

type replaySession struct {
	name   string
	newest uint64
	seen   [replayWindow / 64]uint64 // a ring of bits over the numbers newest-replayWindow+1 … newest
}

func newReplayGuard() replayGuard {
	return replayGuard{sessions: make(map[string]*list.Element), recent: list.New()}
}

// admit reports whether this number of this session is new, and remembers it.
func (g *replayGuard) admit(session string, number uint64) bool {
	e, ok := g.sessions[session]
	if !ok {
		if g.recent.Len() >= maxReplaySessions {
			oldest := g.recent.Back()
			delete(g.sessions, g.recent.Remove(oldest).(*replaySession).name)
		}
		s := &replaySession{name: session, newest: number}
		s.set(number)
		g.sessions[session] = g.recent.PushFront(s)
		return true
	}
	g.recent.MoveToFront(e)
	return e.Value.(*replaySession).admit(number)
}

func (s *replaySession) admit(number uint64) bool {
	switch {
	case number > s.newest:
		if number-s.newest >= replayWindow {
			s.seen = [replayWindow / 64]uint64{}
		} else {
			for n := s.newest + 1; n < number; n++ {
				s.clear(n)
			}
		}
		s.newest = number
	case s.newest-number >= replayWindow, s.has(number):
		return false
	}
	s.set(number)
	return true
}

func (s *replaySession) set(n uint64)      { s.seen[n%replayWindow/64] |= 1 << (n % 64) }
func (s *replaySession) clear(n uint64)    { s.seen[n%replayWindow/64] &^= 1 << (n % 64) }
func (s *replaySession) has(n uint64) bool { return s.seen[n%replayWindow/64]&(1<<(n%64)) != 0 }
