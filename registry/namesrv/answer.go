package namesrv

import (
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const (
	flushAt = 64 << 10 // answers are written when so much of them waits, though more requests are here
	bigBody = 32 << 10 // a body of this size is written from where it lies instead of being copied
	keepOut = 128 << 10
)

// outs are buffers for answers. A connection has one only while it has something to say.
var outs = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// send queues the answer to a request, for the flush that follows. body may be shared: it is read until then, never written.
//
// What one connection holds of answers stays below flushAt and an answer, whatever it asks for without reading.
func (c *conn) send(q *remoting.Request, code int32, remark string, fields []remoting.Field, body []byte) {
	if c.out == nil {
		c.outBox = outs.Get().(*[]byte)
		c.out = (*c.outBox)[:0]
	}
	if len(body) < bigBody {
		c.out = remoting.AppendAnswer(c.out, q, code, remark, fields, body)
		return
	}
	c.out = remoting.AppendAnswerHead(c.out, q, code, remark, fields, len(body))
	c.body = body
}

// flush writes what was queued. An error ends the connection.
func (c *conn) flush() error {
	if c.out == nil {
		return nil
	}
	err := c.write(c.out)
	if err == nil && c.body != nil {
		err = c.write(c.body)
	}
	if cap(c.out) <= keepOut {
		*c.outBox = c.out[:0]
		outs.Put(c.outBox)
	}
	c.out, c.outBox, c.body = nil, nil, nil
	return err
}

// write waits until the peer's socket took everything.
func (c *conn) write(p []byte) error {
	now := time.Now()
	if c.writeBy.Sub(now) < c.s.cfg.WriteTimeout*3/4 {
		// Not with every answer: setting a deadline costs as much as a short answer itself.
		c.writeBy = now.Add(c.s.cfg.WriteTimeout)
		if err := c.socket.SetWriteDeadline(c.writeBy); err != nil {
			return err
		}
	}
	if _, err := c.stream.Write(p); err != nil {
		return err
	}
	c.active = now
	return nil
}
