package routeinfo

import (
	"slices"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// syncPrefix begins the names of topics that brokers watch their own group by: they must see true ids there
// (apache/rocketmq TopicValidator.java: SYNC_BROKER_MEMBER_GROUP_PREFIX).
const syncPrefix = "rmq_sys_SYNC_BROKER_MEMBER_"

// A topic is a name and what is said of it.
type topic struct {
	name    string
	shape   *shape
	special *answers // its own, where the name matters too; nil where those of the shape will do
	hash    uint64   // its part of the digest as reckoned last; 0 without a route
	place   int32    // in shape.topics
	dirty   bool     // in Table.dirty
}

func (tp *topic) answers() *answers {
	if tp.special != nil {
		return tp.special
	}
	return &tp.shape.answers
}

// tell takes one source's word about one topic. It says whether that source says something else than before.
func (t *Table) tell(name string, e telling) bool {
	tp := t.topics[name]
	if tp == nil {
		if e.drop {
			return false
		}
		tp = t.addTopic(name)
	}
	return t.reshape(tp, e)
}

func (t *Table) addTopic(name string) *topic {
	// The name may be a piece of a whole frame, which would be kept with it.
	tp := &topic{name: strings.Clone(name)}
	t.shapes.none.add(tp)
	t.topics[tp.name] = tp
	t.classify(tp.name)
	return tp
}

func (t *Table) reshape(tp *topic, e telling) bool {
	to, changed := t.shapes.after(tp.shape, e)
	if to == tp.shape {
		return changed
	}
	if changed {
		s := e.b.sources[e.slot]
		more := count(!e.drop && !carries(tp.shape, e.b, e.slot)) - count(e.drop)
		s.topics += more
		s.names += more * len(tp.name)
	}
	t.shapes.move(tp, to)
	if tp.special != nil {
		tp.special = &answers{}
	}
	t.soil(tp)
	if len(to.rows) == 0 {
		t.removeTopic(tp)
	}
	return changed
}

func (t *Table) removeTopic(tp *topic) {
	tp.shape.remove(tp)
	delete(t.topics, tp.name)
	delete(t.buried, tp)
	t.digest.subtract(tp)
}

// room says whether as many topics more as these may be kept.
func (t *Table) room(more []remoting.TopicConfig) bool {
	room := t.limits.topics - len(t.topics)
	if len(more) <= room {
		return true
	}
	for i := range more {
		room -= count(t.topics[more[i].Name] == nil)
	}
	return room >= 0
}

// classify decides whether the topic of this name can share the answers of its shape.
func (t *Table) classify(name string) {
	tp := t.topics[name]
	if tp == nil {
		return
	}
	buried := t.words.deletions[name] != nil
	if buried {
		t.buried[tp] = struct{}{}
	} else {
		delete(t.buried, tp)
	}
	if buried || strings.HasPrefix(name, syncPrefix) || t.mapped[name] > 0 || t.ordered(name) {
		tp.special = &answers{}
	} else {
		tp.special = nil
	}
	t.soil(tp)
}

// unbury looks again at what deletions hide, after a source has got another version.
func (t *Table) unbury() {
	for tp := range t.buried {
		tp.special = &answers{}
		t.soil(tp)
	}
}

// ordered says whether routes of the topic carry an order configuration.
func (t *Table) ordered(name string) bool {
	_, ok := t.words.kv[orderNamespace].get(name)
	return ok && t.options.OrderMessage
}

func carries(s *shape, b *broker, slot int) bool {
	for i := range s.rows {
		if s.rows[i].b == b && s.rows[i].told(slot) {
			return true
		}
	}
	return false
}

// carried goes over the topics that a source tells of. The body may change that topic, but not so that the source tells
// something else of it.
func (t *Table) carried(b *broker, slot int) func(yield func(*topic, queues) bool) {
	return func(yield func(*topic, queues) bool) {
		for _, s := range t.shapes.of(b) {
			at := slices.IndexFunc(s.rows, func(r row) bool { return r.b == b && r.told(slot) })
			if at < 0 {
				continue
			}
			for i := len(s.topics) - 1; i >= 0; i-- {
				if !yield(s.topics[i], s.rows[at].queues) {
					return
				}
			}
		}
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
