package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableIsSound(t *testing.T) {
	seen := make(map[string]string)
	for _, o := range options {
		for _, name := range append(o.envNames(), o.key, "--"+o.flagName()) {
			require.Empty(t, seen[name], "%s and %s share %s", seen[name], o.key, name)
			seen[name] = o.key
		}
		require.NotEmpty(t, o.help, o.key)
		require.NotContains(t, strings.TrimSuffix(o.help, "."), ". ", "%s: one sentence; the rest belongs to more", o.key)
		require.NotZero(t, o.scope, o.key)
		require.NotEmpty(t, o.form, o.key)
		var c Config
		if o.preset != "" {
			require.NoError(t, o.set(&c, o.preset), "%s: its own default", o.key)
		}
		if o.example != "" && !strings.HasPrefix(o.example, "[") {
			require.NoError(t, o.set(&c, o.example), "%s: its own example", o.key)
		}
		if !o.flag {
			require.True(t, o.preset != "" || o.example != "", "%s: the example file needs a value", o.key)
		}
	}
}

// A change of one of these names breaks what others have written.
func TestNamesThatScriptsRelyOn(t *testing.T) {
	for _, row := range []struct{ key, flag, env, preset string }{
		{"db.url", "db-url", "ZONEKEEPER_DB_URL", ""},
		{"db.schema", "db-schema", "ZONEKEEPER_DB_SCHEMA", "zonekeeper"},
		{"migrate", "migrate", "ZONEKEEPER_MIGRATE", "auto"},
		{"db.pooler", "db-pooler", "ZONEKEEPER_DB_POOLER", "auto"},
		{"http.listen", "http-listen", "ZONEKEEPER_HTTP_LISTEN", ":8761"},
		{"advertise-url", "advertise-url", "ZONEKEEPER_ADVERTISE_URL", ""},
		{"cluster", "cluster", "ZONEKEEPER_CLUSTER", "default"},
		{"region", "region", "ZONEKEEPER_REGION", "default"},
		{"zone", "zone", "ZONEKEEPER_ZONE", "defaultZone"},
		{"peer.heartbeat", "peer-heartbeat", "ZONEKEEPER_PEER_HEARTBEAT", "3s"},
		{"peer.ttl", "peer-ttl", "ZONEKEEPER_PEER_TTL", "10s"},
		{"peer.poll", "peer-poll", "ZONEKEEPER_PEER_POLL", "2s"},
		{"peer.seeds", "peer-seeds", "ZONEKEEPER_PEER_SEEDS", ""},
		{"drain", "drain", "ZONEKEEPER_DRAIN", "40s"},
		{"eureka.register-self", "eureka-register-self", "ZONEKEEPER_EUREKA_REGISTER_SELF", "true"},
		{"eureka.self-preservation", "eureka-self-preservation", "ZONEKEEPER_EUREKA_SELF_PRESERVATION", "evidence"},
		{"eureka.lease-factor", "eureka-lease-factor", "ZONEKEEPER_EUREKA_LEASE_FACTOR", "1"},
		{"eureka.eviction-interval", "eureka-eviction-interval", "ZONEKEEPER_EUREKA_EVICTION_INTERVAL", "1s"},
		{"eureka.delta", "eureka-delta", "ZONEKEEPER_EUREKA_DELTA", "true"},
		{"eureka.cold-wait", "eureka-cold-wait", "ZONEKEEPER_EUREKA_COLD_WAIT", "30s"},
		{"http.max-body", "http-max-body", "ZONEKEEPER_HTTP_MAX_BODY", "1MiB"},
		{"data-dir", "data-dir", "ZONEKEEPER_DATA_DIR", ""},
		{"namesrv.listen", "namesrv-listen", "ZONEKEEPER_NAMESRV_LISTEN", "off"},
		{"namesrv.advertise", "namesrv-advertise", "ZONEKEEPER_NAMESRV_ADVERTISE", ""},
		{"namesrv.properties", "namesrv-properties", "ZONEKEEPER_NAMESRV_PROPERTIES", ""},
		{"namesrv.admin-allow", "namesrv-admin-allow", "ZONEKEEPER_NAMESRV_ADMIN_ALLOW", "private"},
		{"namesrv.access-keys", "namesrv-access-keys", "ZONEKEEPER_NAMESRV_ACCESS_KEYS", ""},
		{"namesrv.cold-wait", "namesrv-cold-wait", "ZONEKEEPER_NAMESRV_COLD_WAIT", "60s"},
		{"namesrv.drain", "namesrv-drain", "ZONEKEEPER_NAMESRV_DRAIN", "150s"},
		{"namesrv-base-port", "namesrv-base-port", "ZONEKEEPER_NAMESRV_BASE_PORT", "9876"},
	} {
		o, known := optionOf(row.key)
		require.True(t, known, row.key)
		require.Equal(t, row.flag, o.flagName())
		require.Equal(t, row.env, o.envName())
		require.Equal(t, row.preset, o.preset)
	}
}

// dev logs less by default, and its help says so.
func TestDevDefaults(t *testing.T) {
	for s, want := range map[scope]string{onDev | onAny: "warn", onServe | onAny: "info"} {
		flags := flagSet(t, s)
		require.Equal(t, want, flags.Lookup("log-level").DefValue)
		l, wrong := load(sources{flags: flags}, s)
		require.Empty(t, wrong)
		require.Equal(t, want, l.config.Log.Level)
		require.Equal(t, "default", l.origins["log.level"])
	}
}

func TestGeneratedReference(t *testing.T) {
	golden(t, filepath.Join("..", "..", referencePath), reference())
}

func TestGeneratedExample(t *testing.T) {
	golden(t, filepath.Join("..", "..", examplePath), exampleFile())
}

// The example file says what the defaults say.
func TestExampleFileIsTheDefaults(t *testing.T) {
	const scope = onServe | onAny
	plain, wrong := load(sources{flags: flagSet(t, scope)}, scope)
	require.Empty(t, wrong)
	flags := flagSet(t, scope, "--config", filepath.Join("..", "..", examplePath))
	fromFile, wrong := load(sources{flags: flags}, scope)
	require.Empty(t, wrong)
	fromFile.config.File = ""
	require.Equal(t, plain.config, fromFile.config)
}

func TestHelpGolden(t *testing.T) {
	for _, args := range []string{
		"", "serve", "dev", "migrate", "migrate up", "peers", "peers ls", "peers show", "zone print", "topics", "topics ls", "topics route", "topics why", "brokers ls", "preservation", "preservation end", "config", "config print", "version", "completion",
	} {
		name := strings.ReplaceAll("zonekeeper "+args, " ", "-")
		out := command(t, nil, append(strings.Fields(args), "--help")...)
		require.Zero(t, out.code)
		require.Empty(t, out.stderr)
		golden(t, filepath.Join("testdata", "golden", strings.TrimSuffix(name, "-")+".txt"), out.stdout)
	}
}
