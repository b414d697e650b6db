package main

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// departures remembers brokers that registered here and are gone, with their topics, for a day: whoever asks why a topic has no route asks
// about a broker that the routes have forgotten. It reads the same feed as other servers, and costs eight bytes a topic of each broker.
type departures struct {
	table *routeinfo.Table
	now   func() time.Time
	seed  maphash.Seed

	mu       sync.Mutex
	here     map[routeinfo.BrokerKey]*heldBroker
	gone     []goneBroker // in the order in which they went
	goneSize int          // topics of all of them
}

// Bounds of what is remembered, and of how often the feed is read.
const (
	goneTime    = 24 * time.Hour
	goneMost    = 1_000   // brokers
	goneTopics  = 1 << 20 // of all of them together
	feedPause   = 200 * time.Millisecond
	feedPortion = 1 << 20 // bytes
)

// heldBroker is a broker that registers here. Topics are hashed and sorted.
type heldBroker struct {
	name   string
	id     int64
	topics []uint64
	heard  time.Time
}

// goneBroker is one that does not any more.
type goneBroker struct {
	Cluster   string    `json:"cluster"`
	Name      string    `json:"name"`
	Addr      string    `json:"addr"`
	ID        int64     `json:"id"`
	LastHeard time.Time `json:"lastHeard"`
	Went      time.Time `json:"went"`
	topics    []uint64
}

func newDepartures(table *routeinfo.Table, now func() time.Time) *departures {
	return &departures{table: table, now: now, seed: maphash.MakeSeed(), here: make(map[routeinfo.BrokerKey]*heldBroker)}
}

// Run reads the feed until ctx ends. A broker that comes and goes between two looks is missed.
func (d *departures) Run(ctx context.Context) error {
	var feed, cursor uint64
	var before map[routeinfo.BrokerKey]*heldBroker // what was here when the feed began anew
	for {
		changed := d.table.Changed()
		for more := true; more; {
			batch := d.table.Since(feed, cursor, false, feedPortion, d.now())
			feed, cursor, more = batch.Feed, batch.Next, batch.More
			before = d.take(batch, before)
		}
		if !rest(ctx, feedPause) { // news that come fast are read together
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// take notes what a piece of the feed tells. A feed that begins anew tells everything; whatever it did not name at its end is gone.
func (d *departures) take(batch routeinfo.Batch, before map[routeinfo.BrokerKey]*heldBroker) map[routeinfo.BrokerKey]*heldBroker {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if batch.Reset {
		before, d.here = d.here, make(map[routeinfo.BrokerKey]*heldBroker)
	}
	for _, item := range batch.Items {
		held := d.here[item.Key]
		switch {
		case item.Kind == routeinfo.Content && (held != nil || item.Broker.Full):
			d.here[item.Key] = d.held(item.Broker, held, now.Add(-item.Age))
		case item.Kind == routeinfo.Renewed && held != nil:
			held.heard = now.Add(-item.Age)
		case item.Kind == routeinfo.Gone && held != nil:
			delete(d.here, item.Key)
			d.remember(item.Key, held, now.Add(-item.Age))
		}
	}
	if batch.More {
		return before
	}
	for key, held := range before {
		if d.here[key] == nil {
			d.remember(key, held, now)
		}
	}
	d.forget(now)
	return nil
}

// held is a broker after a change of it.
func (d *departures) held(b *routeinfo.Broker, before *heldBroker, heard time.Time) *heldBroker {
	after := &heldBroker{name: b.Name, id: b.ID, heard: heard}
	if !b.Full {
		after.topics = before.topics
		for _, topic := range b.Removed {
			if i, has := slices.BinarySearch(after.topics, d.hash(topic)); has {
				after.topics = slices.Delete(after.topics, i, i+1)
			}
		}
	}
	for _, topic := range b.Topics {
		after.topics = append(after.topics, d.hash(topic.Name))
	}
	slices.Sort(after.topics)
	after.topics = slices.Compact(after.topics)
	return after
}

func (d *departures) hash(topic string) uint64 { return maphash.String(d.seed, topic) }

func (d *departures) remember(key routeinfo.BrokerKey, held *heldBroker, went time.Time) {
	d.gone = append(d.gone, goneBroker{
		Cluster: key.Cluster, Name: held.name, Addr: key.Addr, ID: held.id, LastHeard: held.heard.UTC(), Went: went.UTC(), topics: held.topics,
	})
	d.goneSize += len(held.topics)
}

// forget drops what is too old or too much, the oldest first.
func (d *departures) forget(now time.Time) {
	for len(d.gone) > 0 && (len(d.gone) > goneMost || d.goneSize > goneTopics || now.Sub(d.gone[0].Went) > goneTime) {
		d.goneSize -= len(d.gone[0].topics)
		d.gone[0].topics = nil
		d.gone = d.gone[1:]
	}
}

// with are the brokers that had a topic when they went, each as it went last; those that registered again are left out.
func (d *departures) with(topic string) []goneBroker {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hash(topic)
	seen := make(map[routeinfo.BrokerKey]bool)
	var found []goneBroker
	for _, g := range slices.Backward(d.gone) {
		key := routeinfo.BrokerKey{Cluster: g.Cluster, Addr: g.Addr}
		if seen[key] || d.here[key] != nil {
			continue
		}
		seen[key] = true
		if _, has := slices.BinarySearch(g.topics, h); has {
			found = append(found, g)
		}
	}
	return found
}
