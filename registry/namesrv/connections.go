package namesrv

import (
	"net"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// Counts is how many connections are open.
type Counts struct {
	All     int
	Brokers int // those over which a broker registered or gave a sign of life
	Clients int // the others: clients, tools, strangers
}

// Connections counts the open connections.
func (s *Server) Connections() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := Counts{All: len(s.conns)}
	for _, c := range s.conns {
		if c.broker.Load() {
			n.Brokers++
		}
	}
	n.Clients = n.All - n.Brokers
	return n
}

// LastQuery is when the last route query of a client came, zero for never. Queries over the connections of brokers do not count:
// brokers may ask every second and leave by themselves. The time has a monotonic reading.
func (s *Server) LastQuery() time.Time {
	if n := s.lastQuery.Load(); n != 0 {
		return s.started.Add(time.Duration(n))
	}
	return time.Time{}
}

// CloseClients closes every connection over which no broker lives, each between two requests. Clients then choose another server
// from their list; those that come back are served.
func (s *Server) CloseClients() {
	for _, c := range s.open() {
		if !c.broker.Load() {
			c.leave()
		}
	}
}

// open is the connections of this moment.
func (s *Server) open() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for _, c := range s.conns {
		all = append(all, c)
	}
	return all
}

// add makes a connection of an accepted socket, or nil if there are too many or the server leaves.
func (s *Server) add(nc net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving.Load() || len(s.conns) >= s.cfg.MaxConnections {
		return nil
	}
	s.lastConn++
	c := newConn(s, s.lastConn, nc)
	s.conns[c.id] = c
	s.running.Add(1)
	return c
}

// remove forgets a connection that has ended and tells the table, unless it was us who left.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c.id)
	leaving := s.leaving.Load()
	s.mu.Unlock()
	if !leaving {
		s.table.ConnClosed(c.id, s.now())
	}
}

// closeConn drops a connection by its number, if it is still there.
func (s *Server) closeConn(id routeinfo.ConnID, why cause) {
	s.mu.Lock()
	c := s.conns[id]
	s.mu.Unlock()
	if c != nil {
		c.drop(why)
	}
}
