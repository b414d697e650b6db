package rocketmq

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// steady is the topic of the stream that runs through most of the test, on both broker names.
	steady = "Steady"
	// patience bounds waiting for what depends on the machine: JVMs start, servers start.
	patience = 90 * time.Second
	// brokerPoll is how often brokers here ask the address server and register; the scan for available servers adds 3 s.
	brokerPoll = 10 * time.Second
	// clientPoll is how often Java and Go clients and 4.9 brokers ask the address server; no setting changes it.
	clientPoll = 120 * time.Second
	// gone bounds the time from a broker's death until no name server names it.
	gone = time.Second
)

func TestRocketMQ(t *testing.T) {
	limit := 14 * time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	w := newWorld(t, ctx)

	w.startServer()
	five, four := w.software.five, w.software.four
	master := w.newBroker(five, cluster5, "broker-a", 0)
	w.newBroker(five, cluster5, "broker-a", 1)
	old := w.newBroker(four, cluster4, "broker-b", 0)
	w.brokersFindServer()
	w.admin = w.startAdmin()
	w.createTopics()

	clients := w.startClients(1)
	w.produceAndConsume()
	clients = w.scale(clients)
	w.orderTopic()
	w.brokersDie(master, old)
	w.wipedPermission(old)
	w.everythingArrived(clients)
}

// brokersFindServer starts the brokers, which know nothing but the address server.
func (w *world) brokersFindServer() {
	w.t.Helper()
	began := time.Now()
	for _, b := range w.brokers {
		b.start(w)
	}
	w.until(patience, "all brokers are registered", func() bool {
		a, err := ask(w.ctx, w.servers[0].addr(), queryCluster, nil)
		return err == nil && a.Code == success && !slices.ContainsFunc(w.brokers, func(b *broker) bool {
			return !strings.Contains(string(a.body), `"`+b.addr()+`"`)
		})
	})
	w.saw("brokers: %v found the name server through the address server and registered; all were there after %s", w.brokers, short(time.Since(began)))
}

// createTopics makes the stream's topic on all brokers and one topic on each broker name alone.
func (w *world) createTopics() {
	w.t.Helper()
	w.createTopic(steady)
	for _, b := range w.brokers {
		if b.id == 0 {
			w.admin.must("success", "updateTopic", "-b", b.addr(), "-t", only(b), "-r", "2", "-w", "2")
		}
	}
	began := time.Now()
	w.until(patience, "topics have routes", func() bool {
		for _, b := range w.brokers {
			if !w.carried(only(b), b) {
				return false
			}
		}
		return w.carried(steady, w.brokers...)
	})
	w.saw("topics: made by mqadmin updateTopic, with whole routes %s later", short(time.Since(began)))
}

func (w *world) createTopic(topic string, args ...string) {
	w.t.Helper()
	for _, c := range []string{cluster5, cluster4} {
		w.admin.must("success", append([]string{"updateTopic", "-c", c, "-t", topic, "-r", "4", "-w", "4"}, args...)...)
	}
}

// only is the topic that a broker name has to itself.
func only(b *broker) string { return "Only-" + b.name }

// produceAndConsume waits until each library has sent to both broker names and got from everybody.
func (w *world) produceAndConsume() {
	w.t.Helper()
	for _, lib := range libraries() {
		w.until(patience, lib.title+" sends to both brokers", func() bool { return len(w.ledger.sentVia(lib.name)) == 2 })
	}
	w.delivered(patience)
	for _, lib := range libraries() {
		w.saw("produce and consume: %s sent %v and got every message of all libraries", lib.title, w.ledger.sentVia(lib.name))
	}
}

// everythingArrived ends the stream: what was acknowledged must have arrived, whatever happened meanwhile.
func (w *world) everythingArrived(clients []*client) {
	w.t.Helper()
	w.pause(clients)
	w.delivered(patience)
	w.until(patience, "the view route_agreement shows one content on all name servers", func() bool {
		return w.count("SELECT count(*) FROM route_agreement WHERE agree AND servers = $1", len(w.servers)) == 1
	})
	w.saw("agreement: all %d name servers' rows show the same digest of their routes", len(w.servers))
	w.saw("in all: %d messages sent, each got by all three libraries; %d sends failed, while a broker was dead", w.ledger.count(), len(w.ledger.failures()))
	w.stop(clients)
}

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
