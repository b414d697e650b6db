package namesrv

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// accept takes connections until the listener is closed, then returns nil, or until it breaks.
func (s *Server) accept(ln net.Listener) error {
	var pause time.Duration
	for {
		nc, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil && passing(err):
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.note("connections cannot be accepted for the moment", "err", err)
			time.Sleep(pause)
		case err != nil:
			return err
		default:
			pause = 0
			s.welcome(nc)
		}
	}
}

// passing reports whether an error of accept is about this moment or one connection, and not about the listener.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// welcome starts a connection.
func (s *Server) welcome(nc net.Conn) {
	c := s.add(nc)
	if c == nil {
		nc.Close()
		if !s.leaving.Load() {
			s.metrics.closed(causeLimit)
			s.note("too many connections", "limit", s.cfg.MaxConnections, "from", nc.RemoteAddr().String())
		}
		return
	}
	s.setBuffers(nc)
	go func() {
		defer s.running.Done()
		c.run()
	}()
}

func (s *Server) setBuffers(nc net.Conn) {
	socket, ok := nc.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	})
	if !ok {
		return
	}
	var err error
	if n := s.cfg.Settings.ServerSocketRcvBufSize; n > 0 {
		err = socket.SetReadBuffer(n)
	}
	if n := s.cfg.Settings.ServerSocketSndBufSize; n > 0 {
		err = errors.Join(err, socket.SetWriteBuffer(n))
	}
	if err != nil {
		s.note("buffers of a socket not set", "err", err)
	}
}
