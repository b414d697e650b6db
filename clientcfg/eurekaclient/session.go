package eurekaclient

import (
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// session is the server that calls go to first: chosen once, kept until it
// fails, leaves the list, or its time is over.
type session struct {
	mu     sync.Mutex
	server clientcfg.Server
	until  time.Time
}

// url is for people: it hides a password.
func (s *session) url() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := url.Parse(s.server.URL)
	if err != nil {
		return "" // not of a clientcfg.Client, which takes no such server
	}
	return u.Redacted()
}

// order returns whom a call tries, one after the other: the server of the
// session, then the others. Without a session it is the order of attempts.
func (s *session) order(now time.Time, list clientcfg.ServerList, attempts func() ([]clientcfg.Server, error)) ([]clientcfg.Server, error) {
	s.mu.Lock()
	mine, valid := s.server, now.Before(s.until)
	s.mu.Unlock()
	same := func(o clientcfg.Server) bool { return o.URL == mine.URL }
	valid = valid && slices.ContainsFunc(list.Servers, same)
	order, err := attempts()
	if err != nil || !valid {
		return order, err
	}
	order = slices.DeleteFunc(order, same)
	return slices.Insert(order, 0, mine), nil
}

// keep notes that the server answered. A server other than that of the session
// starts a new one, which lasts for the given time.
func (s *session) keep(server clientcfg.Server, now time.Time, last func() time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server.URL == server.URL && now.Before(s.until) {
		return
	}
	s.server, s.until = server, now.Add(last())
}

// drop ends the session with this server, if it is the one.
func (s *session) drop(server clientcfg.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server.URL == server.URL {
		s.server, s.until = clientcfg.Server{}, time.Time{}
	}
}
