package routeinfo

import (
	"maps"
	"slices"
	"time"
)

// Unregister takes a broker's goodbye over a connection. It does not count when the broker has registered since over a newer
// connection, or under another name.
func (t *Table) Unregister(k BrokerKey, name string, conn ConnID, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.brokers[k]
	if b == nil || b.best.name != name {
		return
	}
	if own := b.own(); own != nil {
		if conn == 0 || conn >= own.conn || t.cfg.Faults.NoFence {
			t.lose(b, own, now, now)
		}
		return
	}
	t.die(b, now, now)
}

// ConnClosed takes the brokers away whose newest registration came over a connection that is gone: all of them, where
// upstream finds one (apache/rocketmq RouteInfoManager.java: onChannelDestroy). It is to be called after the last request of
// that connection.
func (t *Table) ConnClosed(conn ConnID, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.frozen || conn == 0 {
		return
	}
	for _, b := range sorted(t.byConn[conn]) {
		t.lose(b, b.own(), now, now)
	}
}

// HoldsConn says whether a broker's newest registration came over the connection.
func (t *Table) HoldsConn(conn ConnID) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.byConn[conn]) > 0
}

// Expire takes away what has been silent for too long. It returns the connections of brokers that went, as far as no other
// broker lives on them, to be closed.
func (t *Table) Expire(now time.Time) []ConnID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgetPeers()
	if t.frozen {
		return nil
	}
	var conns []ConnID
	for _, b := range t.sortedBrokers() {
		for _, s := range slices.Clone(b.sources) {
			if s == nil || b.sources[s.slot] != s || !now.After(s.expires(t.heard(s))) {
				continue
			}
			died := s.renewed // silence says no more than that
			if !t.heard(s) {
				died = time.Time{} // nobody saw it
			}
			if s.conn != 0 {
				conns = append(conns, s.conn)
			}
			t.lose(b, s, died, now)
		}
	}
	maps.DeleteFunc(t.deaths, func(_ BrokerKey, died time.Time) bool { return now.Sub(died) > unheardBound }) // nobody passes on what is older
	slices.Sort(conns)
	return slices.DeleteFunc(slices.Compact(conns), func(c ConnID) bool { return len(t.byConn[c]) > 0 })
}

// lose takes one source of a broker away. died is when the broker was seen to go there; zero when it was not.
func (t *Table) lose(b *broker, s *source, died, now time.Time) {
	lowest := t.lowestOf(b)
	g := b.group
	t.drop(b, s, died)
	if died.After(b.died) {
		b.died = died
	}
	t.settle(b)
	t.gone(g, lowest)
	if b.best != nil && !died.IsZero() {
		t.die(b, died, now)
	}
}

// remember keeps when a broker went that is not here. died is zero when nobody saw it.
func (t *Table) remember(k BrokerKey, died time.Time) {
	if !died.After(t.deaths[k]) {
		return
	}
	if len(t.deaths) >= t.limits.brokers {
		clear(t.deaths) // what is passed on of them is believed until it expires
	}
	t.deaths[k] = died
}

// dead says whether nobody that we hear has a broker any more that was heard of last at a time, and one of them saw it go after that.
func (t *Table) dead(k BrokerKey, renewed time.Time) bool {
	died := t.deaths[k]
	if b := t.brokers[k]; b != nil {
		died = b.died
		if slices.ContainsFunc(b.sources, func(s *source) bool { return s != nil && t.heard(s) }) {
			return false
		}
	}
	return !died.IsZero() && !renewed.After(died)
}

// die takes away what servers had said that we do not hear, once the last server that we do hear has seen the broker go
// after that. Else a broker that was killed just after one of our servers would live on until it expires.
func (t *Table) die(b *broker, died, now time.Time) {
	if died.After(b.died) {
		b.died = died
	}
	if t.cfg.Faults.KeepUnheard || slices.ContainsFunc(b.sources, func(s *source) bool { return s != nil && t.heard(s) }) {
		return
	}
	for _, s := range slices.Clone(b.sources) {
		if s != nil && !s.renewed.After(b.died) {
			t.lose(b, s, time.Time{}, now)
		}
	}
}

func (t *Table) sortedBrokers() []*broker {
	all := make([]*broker, 0, len(t.brokers))
	for _, b := range t.brokers {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *broker) int { return a.key.compare(b.key) })
	return all
}

func sorted(set map[*broker]struct{}) []*broker {
	all := make([]*broker, 0, len(set))
	for b := range set {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *broker) int { return a.key.compare(b.key) })
	return all
}
