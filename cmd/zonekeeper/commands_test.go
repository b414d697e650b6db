package main

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// sampleStatus is what a server of three would say.
func sampleStatus() status {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	peer := func(id string, epoch int64, phase peerstore.Phase, url string) peerstore.Peer {
		return peerstore.Peer{
			ID: id, Cluster: "default", Epoch: epoch, Phase: phase, Addresses: peerstore.Addresses{Eureka: url}, Region: "default", Zone: "defaultZone",
			Host: "host-" + id[:1], Version: "1.0.0", ProtoMin: 1, ProtoMax: 1, StartedAt: at, PhaseSince: at.Add(time.Second), Reachable: true,
		}
	}
	s := status{Version: "1.0.0", Phase: peerstore.PhaseServing, Ready: true}
	s.Preservation = preservationStatus{
		Active: true, Kept: 28, Expected: 80, Actual: 24,
		Sentence: "Keeping 28 instances whose leases are over: 70% of the renewals expected in the last 60 s are missing.",
	}
	s.Peer = peer("aaaaaaaa-0000-4000-8000-000000000001", 1, peerstore.PhaseServing, "http://10.0.0.1:8761/eureka/")
	s.Peer.Addresses.Namesrv, s.Peer.NamesrvPhase = "10.0.0.1:9876", peerstore.PhaseServing
	s.Peers = []peerStatus{
		{Peer: s.Peer, Self: true, Verdict: "this server", Silent: "0s", Age: "0.4s", Stats: peerstore.Stats{Applications: 2, Instances: 5, Digest: 0xfeed, RegistryVersion: 9}},
		{
			Peer: peer("bbbbbbbb-0000-4000-8000-000000000002", 2, peerstore.PhaseDraining, "http://10.0.0.2:8761/eureka/"), Verdict: "live", Silent: "1.2s", Age: "1.6s",
			Stats: peerstore.Stats{Applications: 2, Instances: 5, Digest: 0xfeed, PeersOK: 1, PeersTotal: 2, Unreachable: []string{"cccccccc"}},
			Copy:  &copyStatus{Connected: true, Hears: true, Agrees: true},
		},
		{Peer: peer("cccccccc-0000-4000-8000-000000000003", 3, peerstore.PhaseExpired, "http://10.0.0.3:8761/eureka/"), Verdict: "expired"},
	}
	return s
}

// fakeServer answers what commands ask.
func fakeServer(t *testing.T, s status) string {
	t.Helper()
	list, err := clientcfg.ServerList{Cluster: "default", Servers: []clientcfg.Server{
		{URL: "http://10.0.0.1:8761/eureka/", Zone: "a", Region: "default", ID: "aaaaaaaa-0000-4000-8000-000000000001"},
		{URL: "http://10.0.0.2:8761/eureka/", Zone: "b", Region: "default", ID: "bbbbbbbb-0000-4000-8000-000000000002"},
	}}.Normalize()
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s) })
	mux.HandleFunc("POST /api/v1/self-preservation/end", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ended":true}`)) })
	mux.HandleFunc("GET /zone.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(list.Render(clientcfg.JSON, "")) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestCommandOutputGolden(t *testing.T) {
	server := fakeServer(t, sampleStatus())
	for _, args := range []string{
		"peers ls", "peers ls -o json", "peers ls -o yaml", "peers show aaaa", "peers show bbbb", "peers show 10.0.0.1:8761 -o yaml",
		"zone print", "zone print --zone b -o json", "preservation show", "preservation end", "preservation end -o json",
	} {
		t.Run(args, func(t *testing.T) {
			out := command(t, []string{"ZONEKEEPER_SERVER=" + server}, strings.Fields(args)...)
			require.Zero(t, out.code, out.stderr)
			require.Empty(t, out.stderr)
			name := strings.NewReplacer(" ", "-", ":", "-", "--", "-").Replace(args)
			golden(t, filepath.Join("testdata", "golden", "output-"+name+".txt"), out.stdout)
		})
	}
}

// A server that cannot read the database says since when, and does not pass old heartbeats off as new.
func TestPeersWhileTheDatabaseIsAwayGolden(t *testing.T) {
	s := sampleStatus()
	then := time.Date(2026, 11, 1, 12, 30, 0, 0, time.UTC)
	s.Database = databaseStatus{State: "away", AsOf: &then}
	s.Peers[1].Verdict, s.Peers[1].Age = "unreachable", "2m10s"
	server := fakeServer(t, s)
	for _, args := range []string{"peers ls", "peers ls -o json"} {
		out := command(t, []string{"ZONEKEEPER_SERVER=" + server}, strings.Fields(args)...)
		require.Zero(t, out.code, out.stderr)
		golden(t, filepath.Join("testdata", "golden", "output-"+strings.ReplaceAll(args, " ", "-")+"-away.txt"), out.stdout)
	}
}

func TestConfigPrintGolden(t *testing.T) {
	out := command(t, []string{"ZONEKEEPER_ZONE=a", "DATABASE_URL=postgres://zk:hush@db/zk"}, "config", "print", "--origin", "--drain=10s")
	require.Zero(t, out.code, out.stderr)
	require.NotContains(t, out.stdout, "hush")
	golden(t, filepath.Join("testdata", "golden", "output-config-print-origin.txt"), out.stdout)
}

// rocketmqPort is the URL of a port where no HTTP is spoken: what it gets it takes for a frame of forbidden length, and hangs up.
func rocketmqPort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn)) // all of it: bytes left unread make a reset of the end
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return "http://" + l.Addr().String()
}

func TestExitCodes(t *testing.T) {
	server, mute := fakeServer(t, sampleStatus()), rocketmqPort(t)
	for name, row := range map[string]struct {
		args           string
		code           int
		stdout, stderr string // fragments
	}{
		"help":                  {"--help", exitOK, "zonekeeper [command]", ""},
		"no command":            {"", exitOK, "zonekeeper [command]", ""},
		"version":               {"version", exitOK, "zonekeeper ", ""},
		"configuration right":   {"config check --db-url=postgres://db/zk", exitOK, "The configuration is right.", ""},
		"unknown command":       {"sevre", exitUsage, "", `unknown command "sevre" for "zonekeeper"; did you mean serve?`},
		"unknown subcommand":    {"peers lst", exitUsage, "", `unknown command "lst" for "zonekeeper peers"; did you mean ls?`},
		"version as JSON":       {"version -o json", exitOK, `"platform": "`, ""},
		"version as YAML":       {"version --output=yaml", exitOK, "platform: ", ""},
		"nothing to find":       {"config check --data-dir=-", exitUsage, "", "nothing says where the other servers are"},
		"unknown flag":          {"version --colour", exitUsage, "", "--colour: no such flag of this command"},
		"an argument too many":  {"serve now", exitUsage, "", `unknown command "now"`},
		"an argument missing":   {"peers show", exitUsage, "", "zonekeeper: name the peer: zonekeeper peers show PEER\n"},
		"configuration wrong":   {"config check --peer-ttl=1s", exitUsage, "", "must be at least three heartbeats"},
		"nobody to ask":         {"peers ls", exitUsage, "", "whom to ask?"},
		"no database":           {"migrate up", exitUsage, "", "which database?"},
		"nothing to serve from": {"serve --http-listen=127.0.0.1:0 --data-dir=-", exitUsage, "", "nothing says where the other servers are"},
		"no such peer":          {"peers show zzz --server " + server, exitFailed, "", "not found"},
		"several peers":         {"peers show 10.0.0. --server " + server, exitUsage, "", "fit"},
		"server away":           {"peers ls --server http://127.0.0.1:1", exitFailed, "", "connection refused"},
		"database away":         {"peers ls --db-url postgres://u:hush@127.0.0.1:1/db", exitFailed, "", "the database cannot be reached"},
		"another way":           {"topics ls --db-url postgres://u:hush@127.0.0.1:1/db", exitFailed, "", "); or ask a server: --server http://HOST:8761\n"},
		"no HTTP there":         {"topics ls --server " + mute, exitFailed, "", "/api/v1/status: EOF: nothing speaks HTTP there; --server wants a server's HTTP address, such as http://127.0.0.1:8761\n"},
		"one port for both":     {"serve --db-url=postgres://db/zk --http-listen=:8761 --namesrv-listen=127.0.0.1:8761", exitUsage, "", "--http-listen (:8761) and --namesrv-listen (127.0.0.1:8761) are the same port"},
		"one port, checked":     {"config check --db-url=postgres://db/zk --http-listen=127.0.0.1:9876 --namesrv-listen=127.0.0.1:9876", exitUsage, "", "are the same port"},
		"two addresses":         {"config check --db-url=postgres://db/zk --http-listen=127.0.0.1:9876 --namesrv-listen=127.0.0.2:9876", exitOK, "The configuration is right.", ""},
		"ports that overlap":    {"dev --base-port=9875 --namesrv-base-port=9877", exitUsage, "", "--base-port 9875 and --namesrv-base-port 9877 overlap: each takes 3 ports"},
		"an unknown shell":      {"completion tcsh", exitUsage, "", "tcsh"},
		"another's cluster":     {"peers ls --cluster nope --server " + server, exitUsage, "", `belongs to cluster "default"`},
		"another's zone":        {"zone print --cluster nope --server " + server, exitUsage, "", `belongs to cluster "default"`},
		"its cluster":           {"peers ls --cluster default --server " + server, exitOK, "As http://10.0.0.1", ""},
		"a shell":               {"completion bash", exitOK, "__start_zonekeeper", ""},
	} {
		t.Run(name, func(t *testing.T) {
			out := command(t, nil, strings.Fields(row.args)...)
			require.Equal(t, row.code, out.code, out.stderr)
			require.Contains(t, out.stdout, row.stdout)
			require.Contains(t, out.stderr, row.stderr)
			require.NotContains(t, out.stderr, "hush")
		})
	}
}

// Of two listeners only those are refused that the system would refuse. Ours take 0.0.0.0 for every address of both families.
func TestPortsDiffer(t *testing.T) {
	for _, row := range []struct {
		web, namesrv string
		differ       bool
	}{
		{"127.0.0.1:", "127.0.0.1:", false},
		{"127.0.0.1:", "0.0.0.0:", false},
		{"127.0.0.1:", "[::]:", false},
		{"0.0.0.0:", "[::1]:", false},
		{":", "[::1]:", false},
		{"127.0.0.1:", "[::1]:", true},
		{"127.0.0.1:", "127.0.0.2:", true},
		{"[fe80::1%lo]:", "[fe80::1%eth0]:", true},
		{"[fe80::1%lo]:", "[fe80::1%lo]:", false},
	} {
		var c Config
		c.HTTP.Listen, c.Namesrv.Listen = row.web+"8761", row.namesrv+"8761"
		require.Equal(t, row.differ, c.portsDiffer() == nil, "%+v", row)
		if row.differ || runtime.GOOS != "linux" || strings.Contains(row.web, "%") {
			continue
		}
		first, err := net.Listen("tcp", row.web+"0")
		require.NoError(t, err)
		_, port, err := net.SplitHostPort(first.Addr().String())
		require.NoError(t, err)
		second, err := net.Listen("tcp", row.namesrv+port)
		require.Error(t, err, "%+v: refused, though the system takes it", row)
		require.Nil(t, second)
		require.NoError(t, first.Close())
	}
}

func TestMigrateCommands(t *testing.T) {
	_, schema := pgtest.EmptyPool(t)
	environ := []string{"ZONEKEEPER_DB_URL=" + pgtest.URL(t), "ZONEKEEPER_DB_SCHEMA=" + schema, "ZONEKEEPER_LOG_LEVEL=error"}
	migrate := func(args ...string) outcome { return command(t, environ, append([]string{"migrate"}, args...)...) }

	before := migrate("status")
	require.Zero(t, before.code, before.stderr)
	require.Regexp(t, `00001_create_peers.sql +no\n`, before.stdout)
	refused := command(t, environ, "peers", "ls")
	require.Equal(t, exitFailed, refused.code)
	require.Contains(t, refused.stderr, "zonekeeper migrate up")

	for range 2 {
		up := migrate("up")
		require.Zero(t, up.code, up.stderr)
		require.Contains(t, up.stdout, "Schema "+schema+" is at version")
	}
	require.NotContains(t, migrate("status").stdout, " no\n")
	for _, ask := range [][]string{{"peers", "ls"}, {"zone", "print"}} {
		nobody := command(t, environ, append(ask, "--cluster", "nope")...)
		require.Equal(t, exitFailed, nobody.code)
		require.Contains(t, nobody.stderr, `cluster "nope": not found; no server ever registered`)
	}

	for range migrations.Latest() {
		require.Zero(t, migrate("down").code)
	}
	require.Regexp(t, `00001_create_peers.sql +no\n`, migrate("status").stdout)

	for _, what := range []string{"sql", "roles"} {
		text := migrate(what)
		require.Zero(t, text.code, text.stderr)
		require.Contains(t, text.stdout, schema)
	}
}
