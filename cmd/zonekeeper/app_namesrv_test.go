package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/intent/intenttest"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// withNamesrv gives a server a name server, with waits that tests can bear.
func withNamesrv(t *testing.T) func(*Config, *Deps) {
	t.Helper()
	return func(c *Config, d *Deps) {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		d.Namesrv, c.Namesrv.Advertise = l, l.Addr().String()
		c.Namesrv.Drain, c.Namesrv.ColdWait, c.Drain = 20*time.Second, time.Second, 0
	}
}

// both edits what a server runs with twice.
func both(first, second func(*Config, *Deps)) func(*Config, *Deps) {
	return func(c *Config, d *Deps) {
		first(c, d)
		second(c, d)
	}
}

func (r *running) namesrvServing() *running {
	r.t.Helper()
	r.eventually("name server serving", func() bool { return r.heart.Self().NamesrvPhase == peerstore.PhaseServing })
	return r
}

// dial connects to the server's name server.
func (r *running) dial() *rocketmq {
	r.t.Helper()
	return dialNamesrv(r.t, r.cfg.Namesrv.Advertise)
}

// nameServers starts n servers with name servers, and waits until all are in every list.
func (w world) nameServers(t *testing.T, n int) []*running {
	t.Helper()
	var servers []*running
	for range n {
		servers = append(servers, w.start(t, withNamesrv(t)).serving().namesrvServing())
	}
	for _, s := range servers {
		s.eventually("lists all", func() bool {
			_, list := s.call(http.MethodGet, "/rocketmq/nsaddr", "")
			return strings.Count(list, ";") == n-1 && s.namesrv.routes.Copied()
		})
	}
	return servers
}

func TestBrokerOfOneServerIsRoutedOnAll(t *testing.T) {
	servers := newWorld(t).nameServers(t, 3)
	a := servers[0].dial()
	answer := a.register(brokerA)
	require.NotNil(t, answer.Fields)
	var clients []*rocketmq
	for _, s := range servers {
		c := s.dial()
		s.eventually("routes it", func() bool { return c.routed("TopicA") })
		clients = append(clients, c)
	}
	require.Equal(t, int32(6), clients[2].perm("TopicA", "broker-a"))

	var s status
	servers[1].eventually("they agree", func() bool {
		_, body := servers[1].call(http.MethodGet, "/api/v1/status", "")
		return json.Unmarshal([]byte(body), &s) == nil && s.Namesrv.Agreement == "All 3 name servers show the same routes."
	})
	require.Equal(t, 1, s.Namesrv.Brokers)
	require.Zero(t, s.Namesrv.DirectBrokers)
	require.Equal(t, servers[1].cfg.Namesrv.Advertise, s.Namesrv.Address)
	require.Empty(t, s.Namesrv.Waiting)
	require.Contains(t, servers[1].get("/readyz?verbose"), "[+]namesrv: serving, 1 broker, ")
	metrics := servers[0].get("/metrics")
	for _, line := range []string{"zonekeeper_namesrv_brokers 1", "zonekeeper_namesrv_direct_brokers 1", "zonekeeper_namesrv_serving 1", "zonekeeper_namesrv_words_pending 0"} {
		require.Contains(t, metrics, line)
	}
	servers[0].eventually("rows agree", func() bool {
		view, err := servers[0].deps.Store.Rows(t.Context(), "default")
		require.NoError(t, err)
		digests := make(map[peerstore.Digest]bool)
		for _, r := range view.Rows {
			digests[r.Stats.RoutesDigest] = r.Stats.Brokers == 1
		}
		return len(view.Rows) == 3 && len(digests) == 1 && !digests[0]
	})

	// Commands ask any server; the explanation is the same story from each.
	out := command(t, nil, "topics", "why", "TopicA", "--server", servers[2].base)
	require.Equal(t, exitOK, out.code, out.stdout+out.stderr)
	require.Contains(t, out.stdout, "through "+servers[0].cfg.Namesrv.Advertise)
	out = command(t, nil, "topics", "why", "Nothing", "--server", servers[2].base)
	require.Equal(t, exitFailed, out.code)
	require.Contains(t, out.stdout, `No route info of this topic`)
	require.Empty(t, out.stderr, "the result says it")
	out = command(t, nil, "brokers", "ls", "--server", servers[1].base)
	require.Equal(t, exitOK, out.code, out.stderr)
	require.Regexp(t, `broker-a +0 +10.9.0.1:10911`, out.stdout)
	out = command(t, nil, "topics", "route", "TopicA", "--server", servers[1].base)
	require.Equal(t, exitOK, out.code, out.stderr)
	require.Regexp(t, `broker-a +DefaultCluster +4 +4 +RW- +0=10.9.0.1:10911 +1 of 1`, out.stdout)
	out = command(t, nil, "topics", "ls", "topica", "--server", servers[1].base)
	require.Regexp(t, `TopicA +4 +4 +broker-a +1 of 1`, out.stdout)

	// The end of its connection is the end of the broker, everywhere; who asks is told which it was.
	a.close()
	for i, c := range clients {
		servers[i].eventually("forgets it", func() bool { return !c.routed("TopicA") })
	}
	servers[0].eventually("tells of it", func() bool {
		out = command(t, nil, "topics", "why", "TopicA", "--server", servers[0].base)
		return strings.Contains(out.stdout, "Broker broker-a of cluster DefaultCluster (10.9.0.1:10911, its master) had it")
	})
	require.Equal(t, exitFailed, out.code)
}

// What operators said is known to all servers, and to those that come when all of them are gone.
func TestWordsOutliveTheServers(t *testing.T) {
	w := newWorld(t)
	servers := w.nameServers(t, 2)
	a := servers[0].dial()
	a.register(brokerA)
	other := servers[1].dial()
	servers[1].eventually("routes it", func() bool { return other.routed("TopicA") })

	tool := servers[1].dial()
	tool.done(remoting.PutKVConfig, "namespace", "ORDER_TOPIC_CONFIG", "key", "TopicA", "value", "broker-a:4")
	wiped := tool.done(remoting.WipeWritePerm, "brokerName", "broker-a")
	count, _ := wiped.Field("wipeTopicCount")
	require.Equal(t, "2", count)
	b := broker("broker-b", "10.9.0.2:10911")
	holder := servers[0].dial()
	holder.register(b)
	servers[1].eventually("routes broker-b", func() bool { return other.routed("Topic-broker-b") })
	tool.done(remoting.DeleteTopic, "topic", "Topic-broker-b")
	check := func(c *rocketmq, s *running) {
		t.Helper()
		s.eventually("knows the value", func() bool { return c.kv("ORDER_TOPIC_CONFIG", "TopicA") == "broker-a:4" })
		s.eventually("knows of the wipe", func() bool { return c.perm("TopicA", "broker-a") == 4 })
		s.eventually("knows of the deletion", func() bool { return !c.routed("Topic-broker-b") })
	}
	for _, s := range servers {
		check(s.dial(), s)
	}
	out := command(t, nil, "topics", "why", "TopicA", "--server", servers[0].base)
	require.Contains(t, out.stdout, "Its permission to write was taken away by")
	a.close() // else it would be given the time to read its list
	holder.close()
	for _, s := range servers {
		s.stop()
	}
	for _, s := range servers {
		require.NoError(t, s.wait(), "nobody waits for clients that have nowhere to go")
	}

	again := w.nameServers(t, 2)
	c := again[0].dial()
	c.register(brokerA) // another version would be the broker's newer word for topics, and still no permission to write
	c.register(b)
	for _, s := range again {
		check(s.dial(), s)
	}
	c.done(remoting.AddWritePerm, "brokerName", "broker-a")
	for _, s := range again {
		d := s.dial()
		s.eventually("may be written to again", func() bool { return d.perm("TopicA", "broker-a") == 6 })
	}
}

// While the database is away everything is answered and takes effect; it is written when it is back.
func TestWordsWaitForTheDatabase(t *testing.T) {
	w := newWorld(t)
	var store intenttest.Fake
	use := func(_ *Config, d *Deps) { d.Words, d.Audit = &store, &store }
	a := w.start(t, both(withNamesrv(t), use)).serving().namesrvServing()
	b := w.start(t, both(withNamesrv(t), use)).serving().namesrvServing()
	a.eventually("sees the other", func() bool { return len(a.list.NamesrvClients()) == 2 && a.namesrv.routes.Copied() })

	store.Fail(errors.New("away"))
	tool := a.dial()
	tool.done(remoting.PutKVConfig, "namespace", "N", "key", "k", "value", "v")
	other := b.dial()
	b.eventually("is told", func() bool { return other.kv("N", "k") == "v" })
	var s status
	require.NoError(t, json.Unmarshal([]byte(a.get("/api/v1/status")), &s))
	require.Equal(t, 1, s.Namesrv.PendingWords)
	require.Equal(t, 1, s.Namesrv.PendingAudit)

	store.Fail(nil)
	a.eventually("writes what waited", func() bool { return a.namesrv.words.Pending() == 0 && a.namesrv.audit.Pending() == 0 })
	audit := store.Audit("default")
	require.NotEmpty(t, audit)
	require.Equal(t, "PUT_KV_CONFIG", audit[0].Action)
	require.Equal(t, "done", audit[0].Result)
	require.Equal(t, a.cfg.AdvertiseURL, audit[0].Server)
}

// What is said after a restart of all servers, before the database answers, holds against what it has of earlier days.
func TestWordsSaidBeforeTheStoredOnesAreRead(t *testing.T) {
	w := newWorld(t)
	var store intenttest.Fake
	use := func(_ *Config, d *Deps) { d.Words, d.Audit = &store, &store }
	first := w.start(t, both(withNamesrv(t), use)).serving().namesrvServing()
	tool := first.dial()
	for _, key := range []string{"changed", "deleted", "kept"} {
		tool.done(remoting.PutKVConfig, "namespace", "N", "key", key, "value", "before")
	}
	first.stop()
	require.NoError(t, first.wait())

	store.Fail(errors.New("away"))
	again := w.start(t, both(withNamesrv(t), use)).serving().namesrvServing()
	tool = again.dial()
	tool.done(remoting.PutKVConfig, "namespace", "N", "key", "changed", "value", "after")
	tool.done(remoting.DeleteKVConfig, "namespace", "N", "key", "deleted")
	store.Fail(nil)
	again.eventually("reads what was stored", func() bool { return tool.kv("N", "kept") == "before" })
	again.eventually("writes what waited", func() bool { return again.namesrv.words.Pending() == 0 })
	require.Equal(t, "after", tool.kv("N", "changed"))
	require.Empty(t, tool.kv("N", "deleted"))
	stored, err := again.namesrv.words.Load(t.Context())
	require.NoError(t, err)
	for _, one := range stored {
		require.Equal(t, one.Name == "deleted", one.Deleted, one.Name)
	}
}

// A server that joins is complete before it is shown to clients.
func TestJoiningNameServerIsComplete(t *testing.T) {
	w := newWorld(t)
	a := w.nameServers(t, 1)[0]
	a.dial().register(brokerA)
	b := w.start(t, withNamesrv(t))
	c := b.dial()
	for {
		phase := b.heart.Self().NamesrvPhase
		route, code := c.route("TopicA")
		if phase == peerstore.PhaseServing {
			require.NotNil(t, route, "code %d while it was serving", code)
			break
		}
		require.True(t, route != nil || code == remoting.SystemError, "code %d while it was %s", code, phase)
	}
	require.True(t, c.routed("TopicA"))
}

func TestColdNameServerWaitsForBrokers(t *testing.T) {
	w := newWorld(t)
	a := w.nameServers(t, 1)[0]
	a.dial().register(brokerA)
	a.eventually("row counts it", func() bool {
		view, err := w.store.Rows(t.Context(), "default")
		require.NoError(t, err)
		return view.Rows[0].Stats.Brokers == 1
	})
	a.stop()
	require.NoError(t, a.wait())

	b := w.start(t, both(withNamesrv(t), func(c *Config, _ *Deps) { c.Namesrv.ColdWait = 6 * time.Second })).serving()
	require.Less(t, b.since(), 6*time.Second, "Eureka waits for nobody")
	c := b.dial()
	route, code := c.route("TopicA")
	require.Nil(t, route)
	require.Equal(t, remoting.SystemError, code, "clients keep what they have")
	b.eventually("ready without brokers", func() bool {
		status, ready := b.call(http.MethodGet, "/readyz?verbose", "")
		return status == http.StatusOK && strings.Contains(ready, "[!]namesrv: joining. No other name server knows the routes")
	})
	require.Contains(t, b.get("/rocketmq/nsaddr-broker"), b.cfg.Namesrv.Advertise, "brokers are told at once")
	status, _ := b.call(http.MethodGet, "/rocketmq/nsaddr", "")
	require.NotEqual(t, http.StatusOK, status, "clients are not")
	c.register(brokerA)
	route, _ = c.route("TopicA")
	require.Nil(t, route, "other brokers may be missing")
	b.namesrvServing()
	require.GreaterOrEqual(t, b.since(), 6*time.Second)
	require.True(t, c.routed("TopicA"))
}

// Clients leave first, then brokers; and what brokers close meanwhile is not taken for their death.
func TestNameServerDrains(t *testing.T) {
	servers := newWorld(t).nameServers(t, 2)
	a, b := servers[0], servers[1]
	holder := a.dial()
	holder.register(brokerA)
	other, client := b.dial(), a.dial()
	b.eventually("routes it", func() bool { return other.routed("TopicA") })
	require.True(t, client.routed("TopicA"))

	a.stop()
	a.eventually("leaves the clients' list everywhere", func() bool {
		return a.get("/rocketmq/nsaddr") == b.cfg.Namesrv.Advertise+"\n" && b.get("/rocketmq/nsaddr") == b.cfg.Namesrv.Advertise+"\n"
	})
	require.Contains(t, b.get("/rocketmq/nsaddr-broker"), a.cfg.Namesrv.Advertise, "brokers stay while clients do")
	require.True(t, client.routed("TopicA"), "who is left is answered")
	_, ready := a.call(http.MethodGet, "/readyz", "")
	require.Contains(t, ready, "[-]namesrv: draining. It stops: clients are told of other name servers")
	client.close()
	b.eventually("leaves the brokers' list", func() bool { return b.get("/rocketmq/nsaddr-broker") == b.cfg.Namesrv.Advertise+"\n" })
	late := a.dial()
	holder.close() // as a broker does when its chosen server leaves its list
	a.eventually("the connection is gone", func() bool { return a.namesrv.server.Connections().Brokers == 0 })
	require.True(t, late.routed("TopicA"), "late lookups get whole routes")
	late.close()
	require.NoError(t, a.wait())
	require.True(t, other.routed("TopicA"), "the broker was not dead")
}

func TestNameServerWithoutConnectionsStopsAtOnce(t *testing.T) {
	servers := newWorld(t).nameServers(t, 2)
	a := servers[0]
	began := time.Now()
	a.stop()
	require.NoError(t, a.wait())
	require.Less(t, time.Since(began), 5*time.Second)
}

// Without an option of RocketMQ there is nothing of it, and the list of the others is handed out all the same.
func TestServerWithoutNameServer(t *testing.T) {
	w := newWorld(t)
	a := w.start(t, nil).serving()
	status, body := a.call(http.MethodGet, "/rocketmq/nsaddr", "")
	require.Equal(t, http.StatusNotFound, status, body)
	require.NotContains(t, a.get("/readyz?verbose"), "namesrv")
	require.NotContains(t, a.get("/api/v1/status"), `"namesrv":`)
	b := w.nameServers(t, 1)[0]
	a.eventually("tells of the other's name server", func() bool {
		_, list := a.call(http.MethodGet, "/rocketmq/nsaddr", "")
		return list == b.cfg.Namesrv.Advertise+"\n"
	})
	out := command(t, nil, "topics", "ls", "--server", a.base)
	require.Equal(t, exitFailed, out.code)
	require.Contains(t, out.stderr, "--namesrv-listen")
}
