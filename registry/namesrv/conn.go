package namesrv

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// conn is one connection. All of it belongs to the goroutine that runs it, but for the atomics, which anybody may read and set.
type conn struct {
	s      *Server
	id     routeinfo.ConnID
	socket net.Conn
	stream net.Conn // what is read and written: the socket, or TLS over it
	source source
	in     inbox
	held   holding
	out    []byte  // answers not yet written, nil when there are none
	outBox *[]byte // where out goes back to
	body   []byte  // of the last answer in out, if it is written from where it lies
	call   call

	active  time.Time // the last byte in or out
	began   time.Time // when the frame began that is not whole yet
	readBy  time.Time // the deadline that the socket has for reads, zero for none
	writeBy time.Time

	last   registration
	master mastership // of the broker that registered last over it as a master

	broker atomic.Bool           // a broker registered or gave a sign of life over it
	going  atomic.Bool           // it ends between two frames
	why    atomic.Pointer[cause] // who dropped it says why
	over   chan struct{}         // closed when it was dropped
}

func newConn(s *Server, id routeinfo.ConnID, nc net.Conn) *conn {
	c := &conn{s: s, id: id, socket: nc, stream: nc, source: sourceOf(nc), active: time.Now(), over: make(chan struct{})}
	c.in.small = make([]byte, smallInbox)
	c.in.buf = c.in.small
	c.call = call{s: s, conn: c}
	return c
}

// run is the life of the connection.
func (c *conn) run() {
	err := c.serve()
	switch causeOf(err) {
	case causeWire:
		_ = c.flush() // what came before was in order
	case causeHTTP:
		c.refuseHTTP()
	}
	c.socket.Close()
	c.s.buffered.forget(c)
	c.s.remove(c)
	c.bury(err)
}

func (c *conn) serve() error {
	if err := c.open(); err != nil {
		return err
	}
	if err := c.notHTTP(); err != nil {
		return err
	}
	for {
		frame, err := c.in.next(c.s.cfg.MaxFrame)
		if err != nil {
			return err
		}
		if frame != nil {
			c.began = c.active // of the next one, if that has begun
			if err := c.take(frame); err != nil {
				return err
			}
			continue
		}
		if err := c.flush(); err != nil {
			return err
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// take handles a frame that is here as a whole, and writes answers if many wait. The error ends the connection.
func (c *conn) take(frame []byte) error {
	large := len(c.in.buf) > smallInbox
	if large {
		c.s.buffered.whole(c)
	}
	if err := c.answer(frame); err != nil {
		return err
	}
	if large { // before anything is written: who does not read his answers must not keep it
		c.s.buffered.settle(c, c.in.shrink())
	}
	if c.body != nil || len(c.out) >= flushAt {
		return c.flush()
	}
	return nil
}

// fill waits for bytes and takes what is there. It returns an error when the connection is over, also because nobody wants it any
// longer: it is idle, too slow, or was asked to end and stands between two frames.
func (c *conn) fill() error {
	if grow := c.in.room(); grow > 0 {
		if err := c.s.buffered.take(c, grow); err != nil {
			return err
		}
		c.in.grow(grow)
	}
	for {
		until, over := c.limit()
		if c.readBy.IsZero() || c.readBy.After(until) {
			if err := c.socket.SetReadDeadline(until); err != nil {
				return err
			}
			c.readBy = until
		}
		// After the deadline was set: whoever asks us to end sets another one after he said so.
		if c.going.Load() && c.in.empty() {
			return causeLeft
		}
		n, err := c.stream.Read(c.in.free())
		if n > 0 {
			c.active = time.Now()
			if c.in.empty() {
				c.began = c.active
			}
			c.in.add(n)
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		// The deadline may be an old one: it is not moved with every byte, which would cost more than the answer.
		if !time.Now().Before(until) {
			return over
		}
		c.readBy = time.Time{}
	}
}

// limit is until when the next byte has to come, and what is the matter if it does not.
func (c *conn) limit() (time.Time, error) {
	idle := c.s.cfg.Settings.idle()
	switch {
	case !c.in.empty():
		return c.began.Add(c.s.cfg.FrameTimeout), causeSlow
	case idle == 0:
		return c.active.Add(veryLong), causeIdle
	}
	return c.active.Add(idle), causeIdle
}

// veryLong is what never ends: a socket's deadline cannot be taken away and set at the same time.
const veryLong = 365 * 24 * time.Hour

// leave asks the connection to end between two frames.
func (c *conn) leave() {
	c.going.Store(true)
	_ = c.socket.SetReadDeadline(time.Unix(1, 0)) // wakes it; it sets its own again if a frame is under way
}

// drop ends the connection at once.
func (c *conn) drop(why cause) {
	if c.why.CompareAndSwap(nil, &why) {
		close(c.over)
	}
	c.socket.Close()
}
