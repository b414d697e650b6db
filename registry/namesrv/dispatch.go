package namesrv

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A handler answers one request code: it calls exactly one of the answering methods of its call, once.
type handler func(*call)

// newRoutes is every request code that is answered. Anything else gets code 3.
func newRoutes(m *metrics) routes {
	r := routes{unknown: m.route("unknown", notSupported)}
	for code, h := range map[remoting.Code]handler{
		remoting.PutKVConfig:               putKVConfig,
		remoting.GetKVConfig:               getKVConfig,
		remoting.DeleteKVConfig:            deleteKVConfig,
		remoting.RegisterBroker:            registerBroker,
		remoting.UnregisterBroker:          unregisterBroker,
		remoting.GetRouteByTopic:           getRouteByTopic,
		remoting.GetClusterInfo:            getClusterInfo,
		remoting.WipeWritePerm:             wipeWritePerm,
		remoting.GetAllTopics:              getAllTopics,
		remoting.DeleteTopic:               deleteTopic,
		remoting.RegisterTopic:             registerTopic,
		remoting.GetKVListByNamespace:      getKVListByNamespace,
		remoting.GetTopicsByCluster:        getTopicsByCluster,
		remoting.GetSystemTopics:           getSystemTopics,
		remoting.GetUnitTopics:             getUnitTopics,
		remoting.GetHasUnitSubTopics:       getHasUnitSubTopics,
		remoting.GetHasUnitSubUnunitTopics: getHasUnitSubUnunitTopics,
		remoting.UpdateConfig:              updateConfig,
		remoting.GetConfig:                 getConfig,
		remoting.QueryDataVersion:          queryDataVersion,
		remoting.AddWritePerm:              addWritePerm,
		remoting.GetMemberGroup:            getMemberGroup,
		remoting.BrokerHeartbeat:           brokerHeartbeat,
	} {
		r.byCode[code] = m.route(remoting.RequestName(code), h)
	}
	return r
}

// routes finds a handler by one look into an array: a map costs as much as the rest of a route query.
type routes struct {
	byCode  [remoting.BrokerHeartbeat + 1]*route
	unknown *route
}

func (r *routes) find(code int32) *route {
	if code >= 0 && int(code) < len(r.byCode) && r.byCode[code] != nil {
		return r.byCode[code]
	}
	return r.unknown
}

// Compat: the reference's text begins with a space (NettyRemotingAbstract.java: processRequestCommand). Releases 4.x say nothing at
// all, and the caller waits.
func notSupported(c *call) {
	c.refuse(remoting.NotSupported, fmt.Sprintf(" request type %d not supported", c.req.Code))
}

// A call is one request on its way. A connection uses one call for all its requests, one after the other.
type call struct {
	s    *Server
	conn *conn
	req  remoting.Request
	who  string // by which right a guarded code is used: see AuditRecord.Who

	answered bool
	result   int32
}

// reply answers. body is not written to and may be shared.
func (c *call) reply(code int32, remark string, fields []remoting.Field, body []byte) {
	c.answered, c.result = true, code
	if c.req.Oneway() {
		return
	}
	if len(body) > longestBody {
		c.result = remoting.SystemError
		c.conn.send(&c.req, remoting.SystemError, fmt.Sprintf("the answer has %d bytes, more than a frame can carry", len(body)), nil, nil)
		return
	}
	c.conn.send(&c.req, code, remark, fields, body)
}

// longestBody leaves room for a header in the longest frame that clients take.
const longestBody = remoting.MaxFrame - 64<<10

// ok answers success, with a body or without one.
func (c *call) ok(body []byte) { c.reply(remoting.Success, "", nil, body) }

// refuse answers that it was not done, and why.
func (c *call) refuse(code int32, remark string) { c.reply(code, remark, nil, nil) }

// fail answers what is wrong with the request.
func (c *call) fail(err error) { c.refuse(remoting.SystemError, err.Error()) }

// required returns fields that the request cannot do without, or answers which one is missing.
func (c *call) required(names ...string) (values []string, ok bool) {
	values = make([]string, len(names))
	for i, name := range names {
		v, err := c.req.Required(name)
		if err != nil {
			c.fail(err)
			return nil, false
		}
		values[i] = v
	}
	return values, true
}

// action is the name of the request's code.
func (c *call) action() string { return actionOf(c.req.Code) }

func actionOf(code int32) string { return remoting.RequestName(code) }

// answer does what a frame asks for and queues what is to be said. The error ends the connection.
func (c *conn) answer(frame []byte) error {
	k := &c.call
	k.who, k.answered, k.result = "", false, 0
	if err := k.req.Parse(frame); err != nil {
		return err
	}
	if k.req.Response() {
		c.s.metrics.strays.Inc() // to nobody: we ask nothing over this connection
		return nil
	}
	r := c.s.routes.find(k.req.Code)
	if g := c.s.gateOf(&k.req, len(frame)); g != nil {
		switch err := g.enter(c); {
		case errors.Is(err, errBusy):
			k.refuse(remoting.SystemBusy, errBusy.Error())
			r.count(k)
			return nil
		case err != nil:
			return err
		}
		defer g.leave() // when all is done that may hold what was decoded
	}
	if c.s.goAway.Load() && k.req.Version > lastWithoutGoAway && r != c.s.routes.unknown {
		k.refuse(goAwayCode, "please go away")
	} else {
		k.run(r.handle)
	}
	r.count(k)
	return nil
}

// gateOf is the gate a request has to pass, nil for none.
func (s *Server) gateOf(q *remoting.Request, frame int) *gate {
	registers := q.Code == remoting.RegisterBroker
	switch {
	case frame > heavyRequest, registers && remoting.Compressed(q.Body):
		return s.heavy
	case registers:
		return s.light
	}
	return nil
}

// errBusy is answered to a request that has stood in line for too long, which is kinder than silence: its broker comes again.
var errBusy = errors.New("the name server is busy with other large requests: send it again")

// Compat: NettyRemotingAbstract.java: processRequestCommand. Older clients do not know the code.
const (
	goAwayCode        = 1500
	lastWithoutGoAway = 475 // V5_3_1
)

// run calls a handler. A panic in it is answered, and costs neither the connection nor the server.
func (c *call) run(h handler) {
	defer c.rescue()
	h(c)
}

func (c *call) rescue() {
	p := recover()
	if p == nil {
		return
	}
	c.s.metrics.panics.Inc()
	c.s.cfg.Log.Error("a request's handler panicked", "code", c.req.Code, "from", c.conn.source.String(), "err", fmt.Sprint(p), "stack", string(debug.Stack()))
	if !c.answered {
		c.refuse(remoting.SystemError, "internal error of the name server; its log has more")
	}
}

// queried notes a route query of a client.
func (c *call) queried() {
	if !c.conn.broker.Load() {
		c.s.lastQuery.Store(int64(c.conn.active.Sub(c.s.started)) + 1)
	}
}

// now is the table's clock.
func (c *call) now() time.Time { return c.s.now() }
