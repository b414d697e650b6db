package namesrv

import (
	"errors"
	"strings"

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
// Ours: brokers say the same every 30 s, by default with all their topics; what comes again word for word is not read again.
// Of several brokers over one connection (BrokerContainer) that holds for the last one.
// Ignored: attributes, filter types and the version of static mappings, which no name server shows.
func registerBroker(c *call) {
	fingerprint := c.req.Fingerprint(c.s.seed)
	if last := &c.conn.last; last.fingerprint == fingerprint {
		if answer, same := c.s.table.RegisterAgain(last.broker, c.conn.id, c.now()); same {
			c.registered(answer)
			return
		}
	}
	r, err := remoting.DecodeRegistration(&c.req)
	if err != nil {
		c.failRegistration(nil, err)
		return
	}
	c.noteRival(r)
	answer, err := c.s.table.Register(r, c.conn.id, c.now())
	if err != nil {
		c.failRegistration(r, err)
		return
	}
	c.conn.broker.Store(true)
	c.conn.claimed(r)
	// The texts may be pieces of a whole frame, which would be kept with them.
	c.conn.last = registration{fingerprint, routeinfo.BrokerKey{Cluster: strings.Clone(r.Cluster), Addr: strings.Clone(r.Addr)}}
	c.registered(answer)
}

// registration is what was registered last over a connection.
type registration struct {
	fingerprint uint64
	broker      routeinfo.BrokerKey
}

func (c *call) registered(answer routeinfo.RegisterAnswer) {
	fields := make([]remoting.Field, 0, 2)
	if answer.HAAddr != "" {
		fields = append(fields, remoting.Field{Name: "haServerAddr", Value: answer.HAAddr})
	}
	if answer.MasterAddr != "" {
		fields = append(fields, remoting.Field{Name: "masterAddr", Value: answer.MasterAddr})
	}
	c.reply(remoting.Success, "", fields, answer.OrderConf)
}

// failRegistration answers why a registration was not taken. r is nil where it could not be read.
//
// Compat: the two refusals that the reference makes itself carry empty extFields, what its decoder throws carries none.
func (c *call) failRegistration(r *remoting.Registration, err error) {
	about := []any{"from", c.conn.source.String()}
	if r != nil {
		about = append(about, "cluster", bounded(r.Cluster), "broker", bounded(r.Name), "addr", bounded(r.Addr))
	}
	var refused *routeinfo.RefusedError
	isRefused := errors.As(err, &refused)
	if isRefused && refused.Part {
		c.s.note("registration of one topic refused: this broker has to register all it has first, which brokers do within 60 s", about...)
	} else {
		c.s.note("registration refused", append(about, "err", err)...)
	}
	if isRefused || errors.Is(err, remoting.ErrCRC) {
		c.reply(remoting.SystemError, err.Error(), []remoting.Field{}, nil)
		return
	}
	c.fail(err)
}
