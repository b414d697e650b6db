package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// sampleView is what the nth of three name servers says of itself. Its clock is its own.
func sampleView(n int) nameServerView {
	ids := []string{"aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002", "cccccccc-0000-4000-8000-000000000003"}
	addrs := []string{"10.0.0.1:9876", "10.0.0.2:9876", "10.0.0.3:9876"}
	v := nameServerView{
		Server: "http://10.0.0.1:8761/eureka/", Peer: ids[n-1], Address: addrs[n-1], Phase: peerstore.PhaseServing, Answers: true,
		At: time.Date(2026, 11, 1, 12, n, 0, 0, time.UTC), Peers: map[string]string{},
	}
	for i, id := range ids {
		v.Peers[id] = addrs[i]
	}
	return v
}

// source is how a server knows a broker: through the server with this id, or itself.
func (v nameServerView) source(server string, ago time.Duration) routeinfo.SourceExplanation {
	return routeinfo.SourceExplanation{Server: server, Heard: true, Version: remoting.DataVersion{Counter: 7}, LastHeard: v.At.Add(-ago), Carries: true}
}

// routedGroup is broker-a with a master that registers with the first server.
func (v nameServerView) routedGroup() routeinfo.GroupExplanation {
	master := v.source("aaaaaaaa-0000-4000-8000-000000000001", 12*time.Second)
	if v.Address == "10.0.0.1:9876" {
		master = v.source("", 12*time.Second)
	}
	return routeinfo.GroupExplanation{
		Cluster: "DefaultCluster", Name: "broker-a", Routed: true, Provider: "10.9.0.1:10911", ReadQueues: 4, WriteQueues: 4, Registered: 6, Effective: 6,
		Brokers: []routeinfo.BrokerExplanation{{Addr: "10.9.0.1:10911", Carries: true, Sources: []routeinfo.SourceExplanation{master}}},
	}
}

func answered(v nameServerView, e routeinfo.Explanation) reply[topicView] {
	return reply[topicView]{Server: v.Server, Name: v.Address, Answer: topicView{nameServerView: v, Explanation: e}}
}

func TestAccountsOfTopicsGolden(t *testing.T) {
	one, two, three := sampleView(1), sampleView(2), sampleView(3)
	at := time.Date(2026, 11, 1, 11, 30, 0, 0, time.UTC)
	deletion := routeinfo.DeletionNote{Cluster: "DefaultCluster", Brokers: []string{"broker-a"}, By: "key ops at 10.0.0.9:50000", At: at}
	routed := func(v nameServerView, edit ...func(*routeinfo.GroupExplanation)) routeinfo.Explanation {
		g := v.routedGroup()
		for _, e := range edit {
			e(&g)
		}
		return routeinfo.Explanation{Topic: "ORDERS", Routed: g.Routed, Brokers: 2, Groups: []routeinfo.GroupExplanation{g}}
	}
	joining := three
	joining.Phase, joining.Answers = peerstore.PhaseJoining, false
	joining.Waiting = "It copies routes from http://10.0.0.1:8761."
	died := func(v nameServerView, cluster string, ago time.Duration) reply[topicView] {
		r := answered(v, routeinfo.Explanation{Topic: "ORDERS", Brokers: 1})
		r.Answer.Gone = []goneBroker{{Cluster: cluster, Name: "broker-a", Addr: "10.9.0.1:10911", LastHeard: v.At.Add(-ago - 10*time.Second), Went: v.At.Add(-ago)}}
		return r
	}
	var b strings.Builder
	for _, row := range []struct {
		what  string
		views []reply[topicView]
		whole bool
	}{
		{"routed everywhere", []reply[topicView]{answered(one, routed(one)), answered(two, routed(two)), answered(three, routed(three))}, true},
		{"one server asked", []reply[topicView]{answered(one, routed(one))}, true},
		{"a server joins, another is silent", []reply[topicView]{
			answered(one, routed(one)), {Name: two.Address, Err: "connection refused"}, answered(joining, routed(joining)),
		}, false},
		{"missing on one", []reply[topicView]{answered(one, routed(one)), answered(two, routeinfo.Explanation{Topic: "ORDERS", Brokers: 1})}, false},
		{"nobody has it", []reply[topicView]{answered(one, routeinfo.Explanation{Brokers: 2}), answered(two, routeinfo.Explanation{Brokers: 2})}, false},
		{"no brokers", []reply[topicView]{answered(one, routeinfo.Explanation{})}, false},
		{"wiped", []reply[topicView]{answered(one, routed(one, func(g *routeinfo.GroupExplanation) {
			g.Effective, g.Reduced = 4, []routeinfo.Reduction{{Why: routeinfo.ReducedByWipe, By: "10.0.0.9:50000", At: &at}}
		}))}, true},
		{"no master, and its server is gone", []reply[topicView]{answered(two, routed(two, func(g *routeinfo.GroupExplanation) {
			g.Effective, g.Reduced = 4, []routeinfo.Reduction{{Why: routeinfo.ReducedWithoutMaster}}
			g.Brokers = []routeinfo.BrokerExplanation{
				{Addr: "10.9.0.2:10911", ID: 1, Carries: true, Sources: []routeinfo.SourceExplanation{two.source("dddddddd-0000", 95*time.Second)}},
				{Addr: "10.9.0.3:10911", ID: 2, Sources: []routeinfo.SourceExplanation{two.source("", time.Second)}},
			}
		}))}, true},
		{"read only by the broker", []reply[topicView]{answered(one, routed(one, func(g *routeinfo.GroupExplanation) { g.Registered, g.Effective = 4, 4 }))}, true},
		{"deleted", []reply[topicView]{answered(one, routed(one, func(g *routeinfo.GroupExplanation) {
			g.Routed, g.SuppressedBy = false, &deletion
		})), answered(two, routed(two, func(g *routeinfo.GroupExplanation) { g.Routed, g.SuppressedBy = false, &deletion }))}, false},
		{"its broker is gone", []reply[topicView]{died(one, "DefaultCluster", time.Minute), died(two, "DefaultCluster", time.Hour)}, false},
		{"deleted, and its broker is gone", []reply[topicView]{answered(one, routeinfo.Explanation{Brokers: 1, Deletions: []routeinfo.DeletionNote{deletion}})}, false},
	} {
		account := accountFor("ORDERS", row.views)
		require.Equal(t, row.whole, account.Routed, row.what)
		b.WriteString("== " + row.what + "\n" + strings.Join(account.Sentences, "\n") + "\n\n")
	}
	golden(t, filepath.Join("testdata", "golden", "topics-why.txt"), b.String())
}

// fakeNamesrv answers what commands about routes ask, as the first of three.
func fakeNamesrv(t *testing.T) string { return fakeNamesrvAs(t, sampleView(1)) }

func fakeNamesrvAs(t *testing.T, v nameServerView) string {
	t.Helper()
	g := v.routedGroup()
	slave := routeinfo.BrokerStatus{
		Cluster: "DefaultCluster", Name: "broker-a", Addr: "10.9.0.2:10911", ID: 1, Topics: 3, Wiped: true,
		Sources: []routeinfo.SourceExplanation{v.source("bbbbbbbb-0000-4000-8000-000000000002", 30*time.Second)},
	}
	master := slave
	master.Addr, master.ID, master.HAAddr, master.Provider = "10.9.0.1:10911", 0, "10.9.0.1:10912", true
	master.Sources = g.Brokers[0].Sources
	route := &remoting.TopicRoute{
		Queues:  []remoting.QueueData{{Broker: "broker-a", ReadQueues: 4, WriteQueues: 4, Perm: 4}},
		Brokers: []remoting.BrokerData{{Cluster: "DefaultCluster", Name: "broker-a", Addrs: []remoting.BrokerAddr{{Addr: "10.9.0.1:10911"}, {ID: 1, Addr: "10.9.0.2:10911"}}}},
	}
	mux := http.NewServeMux()
	give := func(path string, document any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) })
	}
	give("/api/v1/status", statusOf(v))
	give("/api/v1/topics", httpapi.TopicPage{Matching: 2, Topics: []httpapi.Topic{
		{Name: "%RETRY%g", ReadQueues: 1, WriteQueues: 1, Brokers: []string{"broker-a"}}, {Name: "ORDERS", ReadQueues: 8, WriteQueues: 8, Brokers: []string{"broker-a", "broker-b"}},
	}})
	mux.HandleFunc("GET /api/v1/topics/ORDERS", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(route.AppendJSON(nil, remoting.Quoted)) })
	give("/api/v1/topics/ORDERS/why", answered(v, routeinfo.Explanation{Topic: "ORDERS", Routed: true, Brokers: 2, Groups: []routeinfo.GroupExplanation{g}}).Answer)
	give("/api/v1/brokers", brokersView{v, 0xfeed, []routeinfo.BrokerStatus{slave, master}})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// statusOf is the status of a server with this name server.
func statusOf(v nameServerView) status {
	s := sampleStatus()
	s.Namesrv = &namesrvStatus{Address: v.Address, Phase: v.Phase, Waiting: v.Waiting}
	return s
}

// emptyNamesrv is a name server that knows neither brokers nor topics.
func emptyNamesrv(t *testing.T, v nameServerView) string {
	t.Helper()
	mux := http.NewServeMux()
	give := func(path string, document any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) })
	}
	give("/api/v1/status", statusOf(v))
	give("/api/v1/topics", httpapi.TopicPage{Topics: []httpapi.Topic{}})
	give("/api/v1/topics/ORDERS/why", answered(v, routeinfo.Explanation{Topic: "ORDERS"}).Answer)
	give("/api/v1/brokers", brokersView{nameServerView: v, Brokers: []routeinfo.BrokerStatus{}})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// Who has no route because no broker is there is told so, and how brokers find the servers.
func TestWithoutBrokers(t *testing.T) {
	const ways = "No broker is registered at any name server. Brokers find them by namesrvAddr=10.0.0.1:9876 in broker.conf, or at http://10.0.0.1:8761/rocketmq/nsaddr-broker " +
		"by fetchNamesrvAddrByAddressServer=true, rmqAddressServerDomain=10.0.0.1:8761 and rmqAddressServerSubGroup=nsaddr-broker.\n"
	server := emptyNamesrv(t, sampleView(1))
	for args, code := range map[string]int{"topics ls": exitOK, "topics ls ORD": exitOK, "brokers ls": exitOK, "topics why ORDERS": exitFailed} {
		out := command(t, nil, append(strings.Fields(args), "--server", server)...)
		require.Equal(t, code, out.code, args)
		require.Contains(t, out.stdout, "\n"+ways, args)
		require.Empty(t, out.stderr, args)
	}
	out := command(t, nil, "topics", "route", "ORDERS", "--server", server)
	require.Equal(t, exitFailed, out.code)
	require.Equal(t, `zonekeeper: topic "ORDERS": not found on 10.0.0.1:9876. `+ways, out.stderr)

	for _, args := range []string{"topics ls NOTHING", "topics route NOTHING"} {
		out := command(t, nil, append(strings.Fields(args), "--server", fakeNamesrv(t))...)
		require.NotContains(t, out.stdout+out.stderr, "No broker", args)
	}
	out = command(t, nil, "topics", "ls", "--server", fakeServer(t, sampleStatus()))
	require.Equal(t, exitFailed, out.code)
	require.Contains(t, out.stderr, "runs no RocketMQ name server: start it with --namesrv-listen=:9876, or ask one that does\n")
}

// A server that still joins may not know every route, or broker: its answers come with that warning, apart from the result.
func TestJoiningNameServerIsTold(t *testing.T) {
	v := sampleView(1)
	v.Phase, v.Answers, v.Waiting = peerstore.PhaseJoining, false, "It copies routes from http://10.0.0.2:8761."
	server, empty := fakeNamesrvAs(t, v), emptyNamesrv(t, v)
	const warning = "10.0.0.1:9876 is still joining: its routes may be incomplete. It copies routes from http://10.0.0.2:8761.\n"
	for _, args := range []string{"topics ls", "topics ls -o json", "topics route ORDERS", "brokers ls", "brokers ls -o json"} {
		out := command(t, nil, append(strings.Fields(args), "--server", server)...)
		require.Zero(t, out.code, args)
		require.Equal(t, warning, out.stderr, args)
		require.NotContains(t, out.stdout, "copies routes", args)
	}
	out := command(t, nil, "topics", "route", "NOTHING", "--server", empty)
	require.Equal(t, exitFailed, out.code)
	require.Equal(t, warning+`zonekeeper: topic "NOTHING": not found on 10.0.0.1:9876. No broker is known yet.`+"\n", out.stderr)
	out = command(t, nil, "topics", "why", "ORDERS", "--server", server)
	require.Empty(t, out.stderr, "it is among the sentences")
	require.Contains(t, out.stdout, "10.0.0.1:9876 is joining. It copies routes")
}

// Without --server the database says whom to ask. A name server without the route has answered.
func TestRouteOnSomeNameServersOnly(t *testing.T) {
	pool, schema := pgtest.Pool(t)
	store, err := pgstore.New(pool, pgstore.Config{Schema: schema})
	require.NoError(t, err)
	ids := []string{"aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002", "cccccccc-0000-4000-8000-000000000003"}
	for i, server := range []string{fakeNamesrv(t), emptyNamesrv(t, sampleView(2)), "http://127.0.0.1:1"} {
		_, err := store.Register(t.Context(), peerstore.Peer{
			ID: ids[i], Cluster: "default", Phase: peerstore.PhaseServing, NamesrvPhase: peerstore.PhaseJoining,
			Addresses: peerstore.Addresses{Eureka: server + "/eureka/", Namesrv: sampleView(i + 1).Address}, Region: "r", Zone: "z", StartedAt: time.Now(),
		}, time.Minute)
		require.NoError(t, err)
		if i != 1 {
			require.NoError(t, store.SetNamesrvPhase(t.Context(), ids[i], peerstore.PhaseServing))
		}
	}
	environ := []string{"ZONEKEEPER_DB_URL=" + pgtest.URL(t), "ZONEKEEPER_DB_SCHEMA=" + schema}
	out := command(t, environ, "topics", "route", "ORDERS")
	require.Zero(t, out.code, out.stderr)
	require.Contains(t, out.stdout, "1 of 2\n10.0.0.3:9876 did not answer: ")
	require.Contains(t, out.stdout, "\nIt is not routed on 10.0.0.2:9876: `zonekeeper topics why ORDERS` explains it.\n")
	require.Equal(t, "10.0.0.2:9876 is still joining: its routes may be incomplete.\n", out.stderr)
	require.NotContains(t, out.stdout, "10.0.0.2:9876 did not answer")

	out = command(t, environ, "topics", "route", "NOTHING")
	require.Equal(t, exitFailed, out.code)
	require.Contains(t, out.stderr, `topic "NOTHING": not found on 10.0.0.1:9876 and 10.0.0.2:9876; `+"`zonekeeper topics why NOTHING` explains it (10.0.0.3:9876 did not answer: ")
}

func TestRouteCommandsGolden(t *testing.T) {
	server := fakeNamesrv(t)
	for _, args := range []string{
		"topics ls", "topics ls -o json", "topics route ORDERS", "topics route ORDERS -o yaml", "topics why ORDERS", "topics why ORDERS -o json", "brokers ls", "brokers ls -o json",
	} {
		t.Run(args, func(t *testing.T) {
			out := command(t, []string{"ZONEKEEPER_SERVER=" + server}, strings.Fields(args)...)
			require.Zero(t, out.code, out.stderr)
			golden(t, filepath.Join("testdata", "golden", "output-"+strings.ReplaceAll(args, " ", "-")+".txt"), strings.ReplaceAll(out.stdout, server, "http://10.0.0.1:8761"))
		})
	}
	unknown := command(t, nil, "topics", "route", "NOTHING", "--server", server)
	require.Equal(t, exitFailed, unknown.code)
	require.Contains(t, unknown.stderr, "zonekeeper topics why NOTHING")
	nobody := command(t, nil, "topics", "why", "X")
	require.Equal(t, exitUsage, nobody.code)
	require.Contains(t, nobody.stderr, "whom to ask?")
}
