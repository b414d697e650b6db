package namesrv

import (
	"errors"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// REGISTER_BROKER (103), every version.
//
// Behaviour: takes a broker's registration, whole or of single topics, over the connection that from now on is the broker's life. The
// answer to a slave names its master, if that is alive, and carries the table of order topics where the settings want it. An outdated
// master (by its state version) is answered success and ignored, as its group has another.
// Ours: a registration is taken whole or not at all; what is missing or makes no sense is code 1 with the field's name, where the
// reference registers parts and answers success. Bodies are recognised by what they are, not by the sender's version and flags.
// Ignored: attributes, filter types and the version of static mappings, which no name server shows.
func registerBroker(c *call) {
	r, err := remoting.DecodeRegistration(&c.req)
	if err != nil {
		c.failRegistration(err)
		return
	}
	answer, err := c.s.table.Register(r, c.conn.id, c.now())
	if err != nil {
		c.failRegistration(err)
		return
	}
	c.conn.broker.Store(true)
	fields := make([]remoting.Field, 0, 2)
	if answer.HAAddr != "" {
		fields = append(fields, remoting.Field{Name: "haServerAddr", Value: answer.HAAddr})
	}
	if answer.MasterAddr != "" {
		fields = append(fields, remoting.Field{Name: "masterAddr", Value: answer.MasterAddr})
	}
	c.reply(remoting.Success, "", fields, answer.OrderConf)
}

// failRegistration answers why a registration was not taken.
//
// Compat: the two refusals that the reference makes itself carry empty extFields, what its decoder throws carries none.
func (c *call) failRegistration(err error) {
	c.s.note().Warn("registration refused", "from", c.conn.source.String(), "err", err)
	var refused *routeinfo.RefusedError
	if errors.As(err, &refused) || errors.Is(err, remoting.ErrCRC) {
		c.reply(remoting.SystemError, err.Error(), []remoting.Field{}, nil)
		return
	}
	c.fail(err)
}
