package namesrv

import (
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// mastership is what a broker said that registered as master of its group.
type mastership struct{ cluster, name, addr string }

// claimed notes that a master registered over the connection. Of the several of a BrokerContainer it keeps the last.
func (c *conn) claimed(r *remoting.Registration) {
	if claim := (mastership{r.Cluster, r.Name, r.Addr}); r.ID == 0 && c.master != claim {
		// The texts may be pieces of a whole frame, which would be kept with them.
		c.master = mastership{strings.Clone(r.Cluster), strings.Clone(r.Name), strings.Clone(r.Addr)}
	}
}

// noteRival warns of two brokers that are both configured as master of one group. The table lets the last that registers win, as the
// reference does, so they take turns, and each turn hides half of their messages.
//
// A broker that moved or was restarted does not look like that: what gives two away is one that registered over this connection, never
// went, and comes again to find another in its place.
func (c *call) noteRival(r *remoting.Registration) {
	if r.ID != 0 || c.conn.master != (mastership{r.Cluster, r.Name, r.Addr}) {
		return
	}
	group, err := remoting.DecodeMemberGroup(c.s.table.MemberGroup(r.Cluster, r.Name))
	if err != nil {
		return // it is our own encoding
	}
	for _, b := range group.Addrs {
		if b.ID == 0 && b.Addr != r.Addr {
			c.s.note("two masters register under one broker name and take each other's place: give one of them another brokerName or brokerId",
				"cluster", bounded(r.Cluster), "broker", bounded(r.Name), "addr", bounded(r.Addr), "other", bounded(b.Addr), "from", c.conn.source.String())
		}
	}
}
