package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// flagSet is the flags of a scope after parsing args.
func flagSet(t *testing.T, s scope, args ...string) *pflag.FlagSet {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	addFlags(flags, s)
	require.NoError(t, flags.Parse(args))
	return flags
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestLaterSourcesWin(t *testing.T) {
	const scope = onServe | onAny
	file := writeFile(t, "zk.yaml", "zone: from-file\npeer:\n  heartbeat: 2s\n  ttl: 8s\ndrain: 1m\n")
	l, wrong := load(sources{
		flags:   flagSet(t, scope, "--config", file, "--zone=from-flag"),
		environ: []string{"ZONEKEEPER_ZONE=from-environment", "ZONEKEEPER_PEER_TTL=9s", "ZONEKEEPER_REGION="},
	}, scope)
	require.Empty(t, wrong)
	require.Equal(t, "from-flag", l.config.Zone)
	require.Equal(t, 9*time.Second, l.config.Peer.TTL)
	require.Equal(t, 2*time.Second, l.config.Peer.Heartbeat)
	require.Equal(t, "default", l.config.Region, "an empty variable counts as not set")
	require.Equal(t, int64(1<<20), l.config.HTTP.MaxBody)
	want := map[string]string{
		"zone": "--zone", "peer.ttl": "environment ZONEKEEPER_PEER_TTL", "peer.heartbeat": file + ":3", "drain": file + ":5", "region": "default",
	}
	got := make(map[string]string)
	for key := range want {
		got[key] = l.origins[key]
	}
	require.Empty(t, cmp.Diff(want, got))
}

func TestDatabaseURLSources(t *testing.T) {
	secret := writeFile(t, "url", "postgres://u:p@filed/db\n")
	for name, row := range map[string]struct {
		environ      []string
		scope        scope
		url, origin  string
		mistakeAbout string
	}{
		"ours":            {environ: []string{"ZONEKEEPER_DB_URL=postgres://ours/db", "DATABASE_URL=postgres://theirs/db"}, url: "postgres://ours/db", origin: "environment ZONEKEEPER_DB_URL"},
		"a file":          {environ: []string{"ZONEKEEPER_DB_URL_FILE=" + secret}, url: "postgres://u:p@filed/db", origin: "environment ZONEKEEPER_DB_URL_FILE"},
		"both":            {environ: []string{"ZONEKEEPER_DB_URL_FILE=" + secret, "ZONEKEEPER_DB_URL=postgres://ours/db"}, mistakeAbout: "ZONEKEEPER_DB_URL_FILE"},
		"no such file":    {environ: []string{"ZONEKEEPER_DB_URL_FILE=/does/not/exist"}, mistakeAbout: "ZONEKEEPER_DB_URL_FILE"},
		"the usual one":   {environ: []string{"DATABASE_URL=postgres://theirs/db"}, url: "postgres://theirs/db", origin: "environment DATABASE_URL"},
		"libpq's":         {environ: []string{"PGHOST=elsewhere"}, url: "postgres://", origin: "environment PGHOST"},
		"password alone":  {environ: []string{"PGPASSWORD=x"}, url: "", origin: "default"},
		"not ours in dev": {environ: []string{"DATABASE_URL=postgres://theirs/db"}, scope: onDev | onAny, url: "", origin: "default"},
	} {
		t.Run(name, func(t *testing.T) {
			s := row.scope
			if s == 0 {
				s = onServe | onAny
			}
			l, wrong := load(sources{flags: flagSet(t, s), environ: row.environ}, s)
			if row.mistakeAbout != "" {
				require.Len(t, wrong, 1)
				require.Equal(t, row.mistakeAbout, wrong[0].Key)
				return
			}
			require.Empty(t, wrong)
			require.Equal(t, row.url, l.config.Database.URL)
			require.Equal(t, row.origin, l.origins["db.url"])
		})
	}
}

func TestMistakes(t *testing.T) {
	for name, row := range map[string]struct {
		args    []string
		environ []string
		file    string
		want    []string // one fragment per mistake, in any order
	}{
		"a duration without unit": {args: []string{"--drain=40"}, want: []string{`drain = "40" (--drain): must be a time from 0s to 1h, such as 1500ms, 30s or 5m; write the unit: 40s`}},
		"a short ttl":             {args: []string{"--peer-ttl=5s"}, want: []string{`peer.ttl = "5s" (--peer-ttl): must be at least three heartbeats (peer.heartbeat = 3s), so that one lost heartbeat does no harm; set it to 9s or more, or shorten peer.heartbeat`}},
		"a word too many":         {environ: []string{"ZONEKEEPER_MIGRATE=atuo"}, want: []string{`migrate = "atuo" (environment ZONEKEEPER_MIGRATE): must be one of auto, check, off; did you mean auto?`}},
		"a port for an address":   {args: []string{"--http-listen", "8761"}, want: []string{`write :8761`}},
		"a URL without a path":    {args: []string{"--advertise-url=http://10.0.0.1:8761"}, want: []string{`did you mean http://10.0.0.1:8761/eureka/?`}},
		"a URL without a scheme":  {args: []string{"--peer-seeds=zk1:8761/eureka/"}, want: []string{`did you mean http://zk1:8761/eureka/?`}},
		"a size":                  {args: []string{"--http-max-body=big"}, want: []string{`must be a size from 4KiB to 64MiB`}},
		"an unknown variable":     {environ: []string{"ZONEKEEPER_DB_ULR=x"}, want: []string{`ZONEKEEPER_DB_ULR: no such variable; did you mean ZONEKEEPER_DB_URL?`}},
		"an unknown key":          {file: "db:\n  urll: x\n", want: []string{`db.urll (FILE:2): no such key; did you mean db.url?`}},
		"a key twice":             {file: "zone: a\nregion: b\nzone: c\n", want: []string{`mapping key "zone" already defined`}},
		"a section for a value":   {file: "zone:\n  name: a\n", want: []string{`zone (FILE:`}},
		"a value for a section":   {file: "peer: 3s\n", want: []string{`peer (FILE:1): must hold keys and values`}},
		"a flag in the file":      {file: "server: http://x\n", want: []string{`server (FILE:1): cannot be set in a file, only by --server or ZONEKEEPER_SERVER`}},
		"not YAML":                {file: "a: [\n", want: []string{`FILE: is not YAML`}},
		"everything at once": {
			args: []string{"--peer-heartbeat=never", "--zone=a/b"}, environ: []string{"ZONEKEEPER_DRAIN=-1s"}, file: "eureka:\n  lease-factor: 3\n  colour: red\n",
			want: []string{
				`eureka.colour (FILE:3): no such key`, `peer.heartbeat = "never" (--peer-heartbeat)`, `zone = "a/b" (--zone)`,
				`drain = "-1s" (environment ZONEKEEPER_DRAIN)`, `eureka.lease-factor = "3" (FILE:2): must be a whole number from 1 to 2`,
			},
		},
		"a database URL keeps its password to itself": {
			environ: []string{"ZONEKEEPER_DB_URL=postgres://u:hush@h:port/db"}, want: []string{`db.url = "postgres://u:xxxxx@h:port/db" (environment ZONEKEEPER_DB_URL)`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			const scope = onServe | onAny
			args := row.args
			if row.file != "" {
				args = append(args, "--config", writeFile(t, "zk.yaml", row.file))
			}
			_, wrong := load(sources{flags: flagSet(t, scope, args...), environ: row.environ}, scope)
			require.Len(t, wrong, len(row.want), wrong.report())
			report := wrong.report()
			if row.file != "" {
				report = strings.ReplaceAll(report, args[len(args)-1], "FILE")
			}
			for _, fragment := range row.want {
				require.Contains(t, report, fragment)
			}
			require.NotContains(t, report, "hush")
		})
	}
}

// Variables that Kubernetes sets because a Service is called zonekeeper are not mistakes, nor is what tests and tools of ours use.
func TestForeignVariablesAreLeftAlone(t *testing.T) {
	const scope = onServe | onAny
	_, wrong := load(sources{flags: flagSet(t, scope), environ: []string{
		"ZONEKEEPER_SERVICE_HOST=10.0.0.1", "ZONEKEEPER_SERVICE_PORT=8761", "ZONEKEEPER_SERVICE_PORT_HTTP=8761", "ZONEKEEPER_PORT=tcp://10.0.0.1:8761",
		"ZONEKEEPER_PORT_8761_TCP=tcp://10.0.0.1:8761", "ZONEKEEPER_PORT_8761_TCP_PROTO=tcp", "ZONEKEEPER_PORT_8761_TCP_PORT=8761",
		"ZONEKEEPER_ZONE_SERVICE_PORT=1", "ZONEKEEPER_BIN=bin/zonekeeper", "ZONEKEEPER_SOAK=1",
	}}, scope)
	require.Empty(t, wrong)
}

func TestListsComeInBothForms(t *testing.T) {
	const scope = onServe | onAny
	want := []string{"http://a:1/eureka/", "http://b:2/eureka/"}
	for name, content := range map[string]string{
		"list":  "peer:\n  seeds: [http://a:1/eureka/, \"http://b:2/eureka\"]\n",
		"lines": "peer:\n  seeds:\n    - http://a:1/eureka/\n    - http://b:2/eureka/\n",
		"text":  "peer:\n  seeds: http://a:1/eureka/,http://b:2/eureka/\n",
	} {
		l, wrong := load(sources{flags: flagSet(t, scope, "--config", writeFile(t, "zk.yaml", content))}, scope)
		require.Empty(t, wrong, name)
		require.Equal(t, want, l.config.Peer.Seeds, name)
	}
}

func TestUnknownFlagsAreAllNamed(t *testing.T) {
	out := command(t, nil, "serve", "--db-ulr", "postgres://x", "--zonne=a", "--peer-ttl=1h", "--colour")
	require.Equal(t, exitUsage, out.code)
	require.Contains(t, out.stderr, "4 mistakes")
	require.Contains(t, out.stderr, "--db-ulr: no such flag of this command; did you mean --db-url?")
	require.Contains(t, out.stderr, "--zonne: no such flag of this command; did you mean --zone?")
	require.Contains(t, out.stderr, "--colour: no such flag of this command; see --help")
	require.Contains(t, out.stderr, "peer.ttl")
}

func TestRedacted(t *testing.T) {
	for secret, shown := range map[string]string{
		"":                                        "",
		"postgres://u:p@h/db":                     "postgres://u:xxxxx@h/db",
		"postgres://u@h/db":                       "postgres://u@h/db",
		"postgres://h/db?password=p":              "postgres://h/db?password=xxxxx",
		"host=h user=u password=p dbname=d":       "host=h user=u password=xxxxx dbname=d",
		"host=h password='p q\\' r' dbname=d":     "host=h password=xxxxx dbname=d",
		"user:password":                           "xxxxx",
		"postgresql://[::1]:5432/db":              "postgresql://[::1]:5432/db",
		"postgres:///db?host=/run&password=p&x=y": "postgres:///db?host=/run&password=xxxxx&x=y",
		"host=h password=p&q user=u":              "host=h password=xxxxx user=u",
		"host=h password=p\\ q user=u":            "host=h password=xxxxx user=u",

		// Where the password is, is anybody's guess.
		"postgres://u:s3/cret@h:1/db":          "xxxxx",
		"postgres://u:s3?cret@h/db":            "xxxxx",
		"postgres://u:s3#cret@h/db":            "xxxxx",
		"postgres://u:s3@cret@h/db":            "xxxxx",
		"postgres//u:p@h/db?sslmode=x":         "xxxxx",
		"postgres:/u:p@h/db?sslmode=x":         "xxxxx",
		"u:p@h/db?sslmode=x":                   "xxxxx",
		"jdbc:postgresql://h/db?password=p":    "xxxxx",
		"mysql://u:p@h/db":                     "xxxxx",
		"password = p q":                       "xxxxx",
		"postgres://u:p%40ss@h1:1,h2:2/db?x=y": "postgres://u:xxxxx@h1:1,h2:2/db?x=y",
	} {
		require.Equal(t, shown, redacted(secret))
	}
}

func TestNearest(t *testing.T) {
	known := []string{"db-url", "db-schema", "zone", "region"}
	for wrong, want := range map[string]string{
		"db-uri": "db-url", "dburl": "db-url", "zones": "zone", "reigon": "region", "x": "", "completely-else": "", "": "",
	} {
		require.Equal(t, want, nearest(wrong, known), wrong)
	}
}
