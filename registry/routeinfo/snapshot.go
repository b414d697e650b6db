package routeinfo

import (
	"slices"
	"strings"
	"time"
)

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
	Digest  uint64
	Brokers []BrokerStatus
}

// Snapshot describes all brokers, by cluster, name and id.
func (t *Table) Snapshot(now time.Time) Snapshot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := Snapshot{Brokers: []BrokerStatus{}}
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

// TopicSummary is one topic for people: its queues as clients see them, summed up over the broker names that have it.
type TopicSummary struct {
	Name                    string
	ReadQueues, WriteQueues int
	Brokers                 []string
}

// FindTopics returns the topics with a route whose name contains a text, case aside: how many there are, and in order of their names
// as many of them as the limit says.
func (t *Table) FindTopics(contains string, limit int) (matching int, first []TopicSummary) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	contains = strings.ToLower(contains)
	var found []*topic
	for tp := range t.shapes.topics {
		if strings.Contains(strings.ToLower(tp.name), contains) && len(t.view(tp).rows) > 0 {
			found = append(found, tp)
		}
	}
	slices.SortFunc(found, func(a, b *topic) int { return strings.Compare(a.name, b.name) })
	for _, tp := range found[:min(len(found), limit)] {
		s := TopicSummary{Name: tp.name, Brokers: []string{}}
		for _, q := range t.route(tp, nil).Queues {
			s.ReadQueues += int(q.ReadQueues)
			s.WriteQueues += int(q.WriteQueues)
			s.Brokers = append(s.Brokers, q.Broker)
		}
		first = append(first, s)
	}
	return len(found), first
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
