package routeinfo

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// ItemKind says what an Item is.
type ItemKind uint8

// The kinds of items.
const (
	Content ItemKind = iota + 1 // Broker, in full or what has changed of it
	Renewed                     // the broker is alive
	Gone                        // the sender does not hold the broker any more
	Said                        // Word
)

// Item is one entry of a feed.
type Item struct {
	Kind   ItemKind
	Key    BrokerKey     // of all but Said
	Age    time.Duration // since the broker's last registration or heartbeat, or since it went
	Source string        // peer id of the server that holds the broker, as far as the sender knows; "" for the sender itself
	Broker *Broker
	Word   *Word
}

// Broker is what one server holds of one broker.
type Broker struct {
	Key           BrokerKey
	Name          string
	HAAddr, Zone  string
	ID            int64
	ActingMaster  remoting.ActingMaster
	Timeout       time.Duration // of silence until the broker counts as gone
	Version       remoting.DataVersion
	Since         time.Duration          // how long that server has held it without a break
	Topics        []remoting.TopicConfig // permissions as registered; all topics when Full, else those that changed
	Removed       []string               // topics that it does not have any more; none when Full
	Full          bool
	Mappings      []remoting.QueueMapping // all
	FilterServers []string                // all
}

// Batch is a piece of a feed.
type Batch struct {
	Items []Item
	Feed  uint64 // for the next call
	Next  uint64 // cursor for the next call, never less than the one of this call unless Reset
	Reset bool   // a full copy begins with this batch
	More  bool   // there is more at once; a full copy ends with the first batch that has it not
}

// A cursor is where a puller stands: at which number, and what it had seen when it began to catch up. Both are needed, for
// what changes while it catches up moves on to a later place with all that it has not seen of it. It is complete once it has
// seen everything at least once.
type cursor struct {
	at, from uint64
	complete bool
}

func (c cursor) encode() uint64 { return c.at<<32 | c.from<<1 | uint64(count(c.complete)) }

func decodeCursor(n uint64) cursor {
	return cursor{at: n >> 32, from: n & (1<<32 - 1) >> 1, complete: n&1 == 1}
}

// Since returns what is new in this server's feed: the brokers that it holds directly, and words. A feed that is not ours, 0
// at the beginning, gets a full copy, which with withInherited also tells what we know of other servers' brokers. The batch
// ends soon after so many bytes, by estimate, with More set.
func (t *Table) Since(feed, at uint64, withInherited bool, limit int, now time.Time) Batch {
	t.ripen(now)
	t.mu.RLock()
	defer t.mu.RUnlock()
	c := decodeCursor(at)
	b := Batch{Feed: t.feed.id}
	if feed != t.feed.id || c.at > t.feed.seq || c.from > c.at {
		b.Reset, c = true, cursor{}
	}
	size := 0
	for n := t.feed.after(c.at); n != nil && n != &t.feed.ring; n = n.next {
		// What a server said before another one saw the broker go is not passed on: if it still holds, that server says so itself.
		if n.s != nil && !n.s.direct() && (c.complete || !withInherited || !n.s.renewed.After(n.b.died)) {
			continue
		}
		if size >= limit && len(b.Items) > 0 {
			b.More = true
			b.Next = cursor{at: n.prev.seq, from: c.from, complete: c.complete}.encode()
			return b
		}
		item, bytes := t.item(n, c, now)
		b.Items = append(b.Items, item)
		size += bytes
	}
	b.Next = cursor{at: t.feed.seq, from: t.feed.seq, complete: true}.encode()
	return b
}

// ripen puts the renewals into the feed that are due by now.
func (t *Table) ripen(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.brokers {
		if own := b.own(); own != nil {
			t.feed.ripe(own, now)
		}
	}
}

// item tells a puller about one node, and estimates the bytes that takes.
func (t *Table) item(n *node, c cursor, now time.Time) (Item, int) {
	const header = 64
	switch {
	case n.word != nil:
		w := n.word.Word
		return Item{Kind: Said, Word: &w}, header + len(w.Scope) + len(w.Name) + len(w.Value) + len(w.By)
	case n.departure != nil:
		return Item{Kind: Gone, Key: n.departure.key, Age: since(now, n.departure.at)}, header
	}
	item := Item{Kind: Renewed, Key: n.b.key, Age: since(now, n.s.renewed), Source: n.s.server}
	if c.complete && c.from >= n.content {
		return item, header
	}
	item.Kind = Content
	item.Broker = n.s.tell(n.b.key, now)
	switch {
	case c.complete && n.s.direct() && c.from >= n.full:
		item.Broker.Topics, item.Broker.Removed = t.changes(n, c.from)
	default:
		item.Broker.Full = true
		item.Broker.Topics = t.allTopics(n.b, n.s)
	}
	return item, header + item.Broker.size()
}

// changes are the topics that a puller has not seen as they are now.
func (t *Table) changes(n *node, seen uint64) (set []remoting.TopicConfig, removed []string) {
	done := make(map[string]bool)
	for _, d := range n.deltas {
		if d.seq <= seen || done[d.topic] {
			continue
		}
		done[d.topic] = true
		if q, ok := t.toldBy(n.b, n.s.slot, d.topic); ok {
			set = append(set, q.config(d.topic))
		} else {
			removed = append(removed, d.topic)
		}
	}
	return set, removed
}

func (t *Table) allTopics(b *broker, s *source) []remoting.TopicConfig {
	all := make([]remoting.TopicConfig, 0, s.topics)
	for tp, q := range t.carried(b, s.slot) {
		all = append(all, q.config(tp.name))
	}
	return all
}

func (t *Table) toldBy(b *broker, slot int, topic string) (queues, bool) {
	tp := t.topics[topic]
	if tp == nil {
		return queues{}, false
	}
	for _, r := range tp.shape.rows {
		if r.b == b && r.told(slot) {
			return r.queues, true
		}
	}
	return queues{}, false
}

// tell describes a source without its topics.
func (s *source) tell(k BrokerKey, now time.Time) *Broker {
	b := &Broker{
		Key: k, Name: s.name, HAAddr: s.haAddr, Zone: s.zone, ID: s.id, ActingMaster: s.acting,
		Timeout: s.timeout, Version: s.version, Since: since(now, s.since), FilterServers: s.filters,
	}
	for _, m := range s.mappings {
		b.Mappings = append(b.Mappings, *m)
	}
	return b
}

func (b *Broker) size() int {
	n := 128 + len(b.Name) + len(b.HAAddr) + len(b.Zone)
	for i := range b.Topics {
		n += 16 + len(b.Topics[i].Name)
	}
	for _, name := range b.Removed {
		n += 4 + len(name)
	}
	for i := range b.Mappings {
		n += 32 + 2*len(b.Mappings[i].Topic) + 8*len(b.Mappings[i].Current)
	}
	for _, addr := range b.FilterServers {
		n += 4 + len(addr)
	}
	return n
}

func (q queues) config(topic string) remoting.TopicConfig {
	return remoting.TopicConfig{Name: topic, ReadQueues: q.read, WriteQueues: q.write, Perm: q.perm, SysFlag: q.flag}
}

// since is how long ago something was, never negative.
func since(now, then time.Time) time.Duration { return max(now.Sub(then), 0) }
