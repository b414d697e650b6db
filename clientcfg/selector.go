package clientcfg

import (
	"slices"
	"time"
)

// selector chooses among the servers of one list: those of the own zone before
// the others, each part round robin from a start drawn at random, those that
// failed lately last. Its caller holds a lock.
type selector struct {
	zone string
	rest time.Duration // how long a failed server rests
	draw func(n int) int

	parts   [2][]Server // own zone, others
	at      [2]int      // where the next round begins in each part
	resting map[string]time.Time
}

// set takes a new list. If it moved, that is leads to other places than the
// last, the starts are drawn again, so that a server that joined gets its share
// at once. Servers that stayed keep their quarantine.
func (s *selector) set(l ServerList, moved bool) {
	s.parts = [2][]Server{}
	for _, srv := range l.Ordered(s.zone) {
		part := 1
		if s.zone == "" || srv.Zone == s.zone {
			part = 0
		}
		s.parts[part] = append(s.parts[part], srv)
	}
	resting := make(map[string]time.Time)
	for i, part := range s.parts {
		if moved {
			s.at[i] = 0
			if len(part) > 0 {
				s.at[i] = s.draw(len(part))
			}
		}
		for _, srv := range part {
			if until, ok := s.resting[srv.URL]; ok {
				resting[srv.URL] = until
			}
		}
	}
	s.resting = resting
}

// order returns every server once, best first, and begins the next order one
// further on in the part that its first server came from.
func (s *selector) order(now time.Time) []Server {
	out := make([]Server, 0, len(s.parts[0])+len(s.parts[1]))
	for i, part := range s.parts {
		out = append(out, part[s.at[i]:]...)
		out = append(out, part[:s.at[i]]...)
	}
	slices.SortStableFunc(out, func(a, b Server) int {
		return boolCompare(s.rests(a, now), s.rests(b, now))
	})
	if len(out) > 0 {
		s.advance(out[0])
	}
	return out
}

// advance sets the start of the part that srv belongs to behind it.
func (s *selector) advance(srv Server) {
	for i, part := range s.parts {
		if at := slices.Index(part, srv); at >= 0 {
			s.at[i] = (at + 1) % len(part)
			return
		}
	}
}

func (s *selector) rests(srv Server, now time.Time) bool {
	until, ok := s.resting[srv.URL]
	return ok && now.Before(until)
}

// failed lets a server of the list rest.
func (s *selector) failed(url string, now time.Time) {
	for _, part := range s.parts {
		if slices.ContainsFunc(part, func(srv Server) bool { return srv.URL == url }) {
			s.resting[url] = now.Add(s.rest)
			return
		}
	}
}

// worked ends the rest of a server.
func (s *selector) worked(url string) { delete(s.resting, url) }

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
