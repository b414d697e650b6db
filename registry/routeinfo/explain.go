package routeinfo

import (
	"cmp"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Explanation says for people where a topic's route on this server comes from, or why it has none.
type Explanation struct {
	Topic     string             `json:"topic"`
	Routed    bool               `json:"routed"`  // a lookup finds it
	Groups    []GroupExplanation `json:"groups"`  // those that have it, or had it until it was deleted
	Brokers   int                `json:"brokers"` // known here, whatever their topics
	Deletions []DeletionNote     `json:"deletions,omitempty"`
	OrderConf string             `json:"orderTopicConf,omitempty"`
}

// GroupExplanation is one broker group's part in a topic.
type GroupExplanation struct {
	Cluster      string              `json:"cluster"`
	Name         string              `json:"name"`
	Routed       bool                `json:"routed"`
	Provider     string              `json:"provider,omitempty"` // address of the broker whose topics are the group's
	ReadQueues   int32               `json:"readQueueNums"`
	WriteQueues  int32               `json:"writeQueueNums"`
	Registered   int32               `json:"registeredPerm"` // as the broker said
	Effective    int32               `json:"perm"`           // as clients see it
	Reduced      []Reduction         `json:"reduced,omitempty"`
	Brokers      []BrokerExplanation `json:"brokers"`
	SuppressedBy *DeletionNote       `json:"suppressedBy,omitempty"`
}

// Reduction is why the effective permission is less than the registered one.
type Reduction struct {
	Why string     `json:"why"` // ReducedByWipe or ReducedWithoutMaster
	By  string     `json:"by,omitempty"`
	At  *time.Time `json:"at,omitempty"`
}

// The reasons of a Reduction.
const (
	ReducedByWipe        = "wiped"
	ReducedWithoutMaster = "no master"
)

// DeletionNote is an operator's deletion of a topic.
type DeletionNote struct {
	Cluster string    `json:"cluster"`
	Brokers []string  `json:"brokers"` // names of the groups it was deleted at
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// BrokerExplanation is one broker of a group.
type BrokerExplanation struct {
	Addr    string              `json:"addr"`
	ID      int64               `json:"id"`
	Carries bool                `json:"carries"` // its registrations have the topic
	Sources []SourceExplanation `json:"sources"`
}

// SourceExplanation is one way in which this server knows a broker.
type SourceExplanation struct {
	Server     string               `json:"server,omitempty"` // peer id; empty for this server's own connection
	Heard      bool                 `json:"heard"`
	Version    remoting.DataVersion `json:"dataVersion"`
	LastHeard  time.Time            `json:"lastHeard"` // last registration or heartbeat there
	Expires    time.Time            `json:"expires"`
	Overdue    bool                 `json:"overdue,omitempty"` // past Expires: the next look takes it away
	Registered time.Time            `json:"registered"`        // since when it is held there without a break
	Carries    bool                 `json:"carries"`
}

// Explain says of one topic what there is to say.
func (t *Table) Explain(name string, now time.Time) Explanation {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := Explanation{Topic: name, Brokers: len(t.brokers), Groups: []GroupExplanation{}}
	e.OrderConf, _ = t.words.kv[orderNamespace].get(name)
	for _, d := range t.words.deletions[name] {
		e.Deletions = append(e.Deletions, *d.note())
	}
	slices.SortFunc(e.Deletions, func(a, b DeletionNote) int { return cmp.Compare(a.Cluster, b.Cluster) })
	tp := t.topics[name]
	for _, g := range t.sortedGroups() {
		if x := t.explainGroup(g, tp, name, now); x != nil {
			e.Routed = e.Routed || x.Routed
			e.Groups = append(e.Groups, *x)
		}
	}
	return e
}

// explainGroup is nil for a group that has nothing to do with the topic.
func (t *Table) explainGroup(g *group, tp *topic, name string, now time.Time) *GroupExplanation {
	x := &GroupExplanation{Cluster: g.key.cluster, Name: g.key.name, Provider: g.provider().key.Addr}
	concerned := false
	if d := t.deleted(name, g.key.cluster); d != nil && len(d.groups[g.key.name].versions) > 0 {
		concerned = true
		x.SuppressedBy = d.note()
	}
	for _, b := range g.members {
		x.Brokers = append(x.Brokers, t.explainBroker(b, tp, now))
		concerned = concerned || x.Brokers[len(x.Brokers)-1].Carries
	}
	if !concerned {
		return nil
	}
	if tp != nil {
		for _, v := range t.view(tp).rows {
			if v.g == g {
				x.Routed, x.SuppressedBy = true, nil
				x.ReadQueues, x.WriteQueues, x.Registered, x.Effective = v.read, v.write, v.queues.perm, v.perm
				x.Reduced = t.reductions(g, v)
			}
		}
	}
	return x
}

func (t *Table) reductions(g *group, v visible) []Reduction {
	var why []Reduction
	if v.perm == v.queues.perm {
		return nil
	}
	if w := t.words.wipes[g.key.name]; w != nil {
		at := w.At // the word changes when it is said again, and explanations are read without the lock
		why = append(why, Reduction{Why: ReducedByWipe, By: w.By, At: &at})
	}
	if g.acting && !g.hasMaster() {
		why = append(why, Reduction{Why: ReducedWithoutMaster})
	}
	return why
}

func (t *Table) explainBroker(b *broker, tp *topic, now time.Time) BrokerExplanation {
	x := BrokerExplanation{Addr: b.key.Addr, ID: b.best.id, Sources: t.explainSources(b, now)}
	at := 0
	for _, s := range b.sources {
		if s == nil {
			continue
		}
		if tp != nil && carries(tp.shape, b, s.slot) {
			x.Sources[at].Carries, x.Carries = true, true
		}
		at++
	}
	return x
}

func (t *Table) explainSources(b *broker, now time.Time) []SourceExplanation {
	var all []SourceExplanation
	for _, s := range b.sources {
		if s != nil {
			expires := s.expires(t.heard(s))
			all = append(all, SourceExplanation{
				Server: s.server, Heard: t.heard(s), Version: s.version,
				Registered: s.since, LastHeard: s.renewed, Expires: expires, Overdue: now.After(expires),
			})
		}
	}
	return all
}

func (d *deletion) note() *DeletionNote {
	return &DeletionNote{Cluster: d.word.Scope, Brokers: d.groups.groups(), By: d.word.By, At: d.word.At}
}
