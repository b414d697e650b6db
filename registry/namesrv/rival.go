package namesrv

import (
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// mastership is what a broker said that registered as master of its group.
type mastership struct{ cluster, name, addr string }

// claimed notes that a broker registered over the connection, as a master or not. Of the several of a BrokerContainer it keeps the last
// that is one.
func (c *conn) claimed(r *remoting.Registration) {
	switch claim := (mastership{r.Cluster, r.Name, r.Addr}); {
	case r.ID == 0 && c.master != claim:
		// The texts may be pieces of a whole frame, which would be kept with them.
		c.master = mastership{strings.Clone(r.Cluster), strings.Clone(r.Name), strings.Clone(r.Addr)}
	case r.ID != 0 && c.master == claim:
		c.master = mastership{}
	}
}

// noteRival warns of two brokers that are both configured as master of one group. The table lets the last that registers win, as the
// reference does, so they take turns, and each turn hides half of their messages.
//
// A broker that moved or was restarted does not look like that: what gives two away is one that registered over this connection, never
// went nor became a slave, and comes again to find another in its place. Where masters are elected, the one that was elected later has
// the greater state version, and no turns are taken.
func (c *call) noteRival(r *remoting.Registration) {
	if r.ID != 0 || c.conn.master != (mastership{r.Cluster, r.Name, r.Addr}) {
		return
	}
	addr, version, held := c.s.table.Holder(r.Cluster, r.Name, 0)
	if held && addr != r.Addr && version.StateVersion == r.Version.StateVersion {
		c.s.note("two masters register under one broker name and take each other's place: give one of them another brokerName or brokerId",
			"cluster", bounded(r.Cluster), "broker", bounded(r.Name), "addr", bounded(r.Addr), "other", bounded(addr), "from", c.conn.source.String())
	}
}
