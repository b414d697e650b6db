package routeinfo

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Touch takes a broker's heartbeat. It is false when the broker is not registered here, which a heartbeat does not change.
func (t *Table) Touch(k BrokerKey, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.touch(k, now) != nil
}

// RegisterAgain takes what a broker registered last over a connection, which says it again word for word. It is false when that
// would be more than a sign of life, since something else has been said meanwhile: then Register is to take it.
func (t *Table) RegisterAgain(k BrokerKey, conn ConnID, now time.Time) (RegisterAnswer, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.brokers[k]
	if b == nil || b.own() == nil {
		return RegisterAnswer{}, false
	}
	own := b.own()
	if own.conn != conn || conn == 0 || own.payload == 0 || b.group.holder(own.id) != b {
		return RegisterAnswer{}, false
	}
	own.renewed = now
	t.feed.renewed(own)
	return t.registered(b, own.id), true
}

// QueryDataVersion tells a broker which version of its topics is registered here, and whether that is another than v. It
// counts as a heartbeat in any case (apache/rocketmq DefaultRequestProcessor.java: queryBrokerTopicConfig, since 5.0).
//
// A broker that only other servers know is not known: it is to register here too.
func (t *Table) QueryDataVersion(k BrokerKey, v remoting.DataVersion, now time.Time) (stored remoting.DataVersion, known, changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.touch(k, now)
	if own == nil {
		return stored, false, true
	}
	return own.version, true, own.version != v
}

func (t *Table) touch(k BrokerKey, now time.Time) *source {
	b := t.brokers[k]
	if b == nil || b.own() == nil {
		return nil
	}
	own := b.own()
	if now.After(own.renewed) {
		own.renewed = now
		t.feed.renewed(own)
	}
	return own
}
