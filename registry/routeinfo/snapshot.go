package routeinfo

import "time"

// BrokerStatus is one broker for people.
type BrokerStatus struct {
	Cluster  string              `json:"cluster"`
	Name     string              `json:"name"`
	Addr     string              `json:"addr"`
	ID       int64               `json:"id"`
	HAAddr   string              `json:"haAddr,omitempty"`
	Zone     string              `json:"zone,omitempty"`
	Timeout  time.Duration       `json:"timeoutNanos"`
	Topics   int                 `json:"topics"`
	Provider bool                `json:"provider"` // the group's topics are this broker's
	Wiped    bool                `json:"wiped"`
	Sources  []SourceExplanation `json:"sources"`
}

// Snapshot is the table for people.
type Snapshot struct {
	Version uint64         `json:"version"`
	Digest  uint64         `json:"digest"`
	Brokers []BrokerStatus `json:"brokers"`
	Topics  []string       `json:"topics"`
}

// Snapshot describes all brokers, by cluster, name and id, and names all topics that have a route.
func (t *Table) Snapshot(now time.Time) Snapshot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := Snapshot{Version: t.version, Brokers: []BrokerStatus{}, Topics: t.names(nil)}
	s.Digest, _ = t.reckon()
	for _, g := range t.sortedGroups() {
		for _, b := range g.members {
			s.Brokers = append(s.Brokers, BrokerStatus{
				Cluster: b.key.Cluster, Name: b.best.name, Addr: b.key.Addr, ID: b.best.id, HAAddr: b.best.haAddr, Zone: b.best.zone,
				Timeout: b.best.timeout, Topics: t.told(b), Provider: g.provider() == b, Wiped: g.wiped, Sources: t.explainSources(b, now),
			})
		}
	}
	return s
}

// told counts the topics that any source of a broker tells of.
func (t *Table) told(b *broker) int {
	most := 0
	for _, s := range b.sources {
		if s != nil {
			most = max(most, s.topics)
		}
	}
	return most
}
