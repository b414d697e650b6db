package namesrv

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// An AuditRecord is one use of a guarded code, or an attempt, or how often a host was refused further attempts. Its texts are valid UTF-8 and bounded; they hold what a stranger may
// have sent.
type AuditRecord struct {
	At     time.Time
	Code   int32  // of the request
	Action string // the reference's name of the code: "DELETE_TOPIC_IN_NAMESRV"
	Who    string // "key NAME" of a verified access key, "broker" for a broker's own connection, "" for a peer known by address only
	From   string // address of the peer, with that of the proxy in front if there is one; of further attempts that of the host, or "others"
	What   string // what it was about: "topic T in cluster C"; "" for further attempts
	Done   bool   // it was carried out and answered so, even where that changed nothing
	Result string // what came of it, or why nothing did: for people, its wording may change
}

// maxAuditText bounds a text of a record, in bytes.
const maxAuditText = 1024

// guard reports whether the peer may use a guarded code. If not, the request is answered and the attempt audited; if so, the handler
// says with audited what came of it.
func (c *call) guard(what string) bool {
	admin := &c.s.cfg.Admin
	switch key := admin.signer(&c.req); {
	case key != "":
		c.who = "key " + key
		return true
	case c.req.Code == remoting.RegisterTopic && c.s.table.HoldsConn(c.conn.id):
		// Before the network: a broker inside it acts for itself all the same, and no operator had a hand in it.
		c.who = "broker"
		return true
	case c.conn.source.admitted(admin):
		return true
	}
	if c.s.refusals.note(c.conn.host(), c.req.Code) {
		c.audited(what, false, "refused")
		c.s.note("administration refused", "request", c.action(), "from", c.conn.source.String(), "what", bounded(what), "why", c.whyNot())
	}
	c.s.metrics.guarded.Inc()
	c.refuse(remoting.NoPermission, fmt.Sprintf("%s is not allowed from %s: use it from loopback, from a network named by "+
		"--namesrv-admin-allow, or signed with an access key that this name server knows", c.action(), c.conn.source))
	return false
}

// whyNot is the reason of a refusal for our log. The answer does not give it: strangers are not told which access keys there are.
func (c *call) whyNot() string {
	key, signed := c.req.FieldString(accessKeyField)
	switch _, known := c.s.cfg.Admin.AccessKeys[key]; {
	case !signed:
		return "it is not signed, and --namesrv-admin-allow does not name this address"
	case !known:
		return fmt.Sprintf("it is signed with access key %q, which --namesrv-access-keys does not name", bounded(key))
	}
	return fmt.Sprintf("it is signed with access key %q, but not with its secret", bounded(key))
}

// guarded answers a guarded request by what came of it, and audits that.
func (c *call) guarded(what string, err error) {
	var remark *remarkError
	switch {
	case err == nil:
		c.audited(what, true, "done")
		c.ok(nil)
	case errors.As(err, &remark):
		c.failed(what, remark.remark)
		c.refuse(remark.code, remark.remark)
	default:
		c.failed(what, err.Error())
		c.fail(err)
	}
}

// failed tells that a request of somebody who may make it was not carried out.
func (c *call) failed(what, why string) {
	c.audited(what, false, why)
	c.s.note("request refused", "request", c.action(), "from", c.conn.source.String(), "what", bounded(what), "err", bounded(why))
}

// audited tells what came of a guarded request.
func (c *call) audited(what string, done bool, result string) {
	c.s.cfg.Audit(AuditRecord{
		At: c.s.cfg.Now(), Code: c.req.Code, Action: c.action(),
		Who: bounded(c.who), From: c.conn.source.String(), What: bounded(what), Done: done, Result: bounded(result),
	})
}

// by is whom the table remembers for a change.
func (c *call) by() string {
	if c.who == "" {
		return c.conn.source.String()
	}
	return bounded(c.who) + " at " + c.conn.source.String()
}

func bounded(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= maxAuditText {
		return text
	}
	cut := maxAuditText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
