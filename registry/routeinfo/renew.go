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
