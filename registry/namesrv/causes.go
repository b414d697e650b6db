package namesrv

import (
	"errors"
	"io"
	"os"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A cause is why a connection ended: an error inside, a metric's label outside.
type cause string

const (
	causePeer    cause = "peer"    // the other side closed it, or it broke
	causeIdle    cause = "idle"    // nothing came and nothing went for too long
	causeSlow    cause = "slow"    // a frame or a handshake took too long
	causeStalled cause = "stalled" // answers were not taken
	causeWire    cause = "wire"    // what came is no frame
	causeHTTP    cause = "http"    // what came is a request of HTTP
	causeTLS     cause = "tls"     // no handshake, or none where one is due
	causeMemory  cause = "memory"  // a half frame held what others needed
	causeLimit   cause = "limit"   // too many connections
	causeExpired cause = "expired" // its broker expired
	causeLeft    cause = "left"    // we wanted it to end
)

var causes = []cause{
	causePeer, causeIdle, causeSlow, causeStalled, causeWire, causeHTTP, causeTLS, causeMemory, causeLimit, causeExpired, causeLeft,
}

func (w cause) Error() string { return "connection ended: " + string(w) }

// bury counts and logs the end of a connection.
func (c *conn) bury(err error) {
	why := causeOf(err)
	if dropped := c.why.Load(); dropped != nil {
		why = *dropped
	}
	c.s.metrics.closed(why)
	switch why {
	case causeSlow, causeStalled, causeWire, causeHTTP, causeTLS, causeMemory:
		c.s.note("connection dropped", "from", c.source.String(), "why", string(why), "err", err)
	default:
		c.s.cfg.Log.Debug("connection ended", "from", c.source.String(), "why", string(why), "err", err)
	}
}

func causeOf(err error) cause {
	var why cause
	var wire *remoting.WireError
	switch {
	case errors.As(err, &why):
		return why
	case errors.As(err, &wire):
		return causeWire
	case errors.Is(err, os.ErrDeadlineExceeded):
		return causeStalled
	case errors.Is(err, io.EOF):
		return causePeer
	}
	return causePeer
}
