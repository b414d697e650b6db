package rocketmq

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scale takes the name servers from one to three and down to two, the first one being the one that goes: at the end, none
// of the addresses is left that anybody knew at the start. Nothing that runs is restarted or told.
func (w *world) scale(clients []*client) []*client {
	w.t.Helper()
	first := w.servers[0]
	mark, before := len(w.ledger.failures()), w.ledger.count()
	began := time.Now()
	watch := w.watch()

	w.startServer()
	w.startServer()
	w.listed("nsaddr-broker", w.addrs(), patience)
	w.listed("nsaddr", w.addrs(), patience)
	w.saw("1 to 3: both new name servers serve and are on the clients' list after %s", short(time.Since(began)))

	found := time.Now()
	w.until(2*brokerPoll+patience, "5.x brokers are connected to all name servers", func() bool {
		return !slices.ContainsFunc(w.brokers[:2], func(b *broker) bool { return !w.connectedToAll(b) })
	})
	w.saw("1 to 3: the 5.x brokers are connected to all three %s later", short(time.Since(found)))

	if testing.Short() {
		// New clients in the place of those that would learn of the new servers two minutes later.
		old := clients
		clients = w.startClients(2)
		w.pause(old)
		w.delivered(patience)
		w.stop(old)
	} else {
		w.sleep(time.Until(found.Add(clientPoll + brokerPoll)))
		w.until(2*brokerPoll, "the 4.9 broker is connected to all name servers", func() bool { return w.connectedToAll(w.brokers[2]) })
		w.saw("1 to 3: clients have asked for the list again, and the 4.9 broker is connected to all three")
	}

	leaving := time.Now()
	w.leave(first)
	w.saw("3 to 2: the first name server left and ended %s after SIGTERM", short(time.Since(leaving)))
	w.listed("nsaddr", w.addrs(), patience)
	w.listed("nsaddr-broker", w.addrs(), patience)

	// What clients know already needs no name server: a topic that they never heard of does.
	w.createTopic("Fresh")
	// The 4.9 broker looks for name servers as seldom as clients do.
	w.until(clientPoll+2*brokerPoll, "the fresh topic has a route", func() bool { return w.carried("Fresh", w.brokers...) })
	for _, cl := range clients {
		message := onDemand + cl.library.name
		cl.say(w.t, "send", "Fresh", message)
		w.until(patience, cl.library.title+" sends to a topic it has to look up", func() bool {
			return strings.HasPrefix(w.ledger.saidOf(message), "sent ")
		})
	}
	w.sleep(2 * brokerPoll) // what the server that left held alone would be missed by now
	w.delivered(patience)
	looks, servers := watch.check()
	w.unhurt(mark)
	for _, b := range w.brokers {
		require.False(w.t, b.ended(), "%s ended\n%s", b, b.tail())
	}
	w.saw("scale: in %s %d messages were sent by running clients, none failed, all arrived; %d of %d looks at %d name servers found whole routes; no broker was restarted",
		short(time.Since(began)), w.ledger.count()-before, looks, looks, servers)
	return clients
}

func (w *world) connectedToAll(b *broker) bool {
	return !slices.ContainsFunc(w.servers, func(s *server) bool { return !connected(b.cmd.Process.Pid, s.namesrv) })
}

// leave ends a server as an operator does, runs mqadmin's commands at the others meanwhile, and waits for the end.
func (w *world) leave(s *server) {
	w.t.Helper()
	w.forget(s)
	s.terminate()
	w.administer()
	w.roundTrips()
	require.NoError(w.t, s.wait(5*time.Minute), "%s did not end well", s)
}
