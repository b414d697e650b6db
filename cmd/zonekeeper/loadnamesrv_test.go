package main

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

func TestNamesrvMistakes(t *testing.T) {
	for name, row := range map[string]struct {
		args       []string
		environ    []string
		properties string
		want       []string // one fragment per mistake
	}{
		"a port for an address": {args: []string{"--namesrv-listen=9876"}, want: []string{`write :9876`}},
		"a name in a list":      {args: []string{"--namesrv-advertise=ns1:9876"}, want: []string{`namesrv.advertise = "ns1:9876" (--namesrv-advertise): must be a literal IP and a port, such as 10.1.2.3:9876, that brokers and clients can reach; RocketMQ's Go client refuses host names in a list: name the IP address of ns1, or leave it out`}},
		"every address":         {args: []string{"--namesrv-advertise=0.0.0.0:9876"}, want: []string{`nobody can connect to every address: name the one of this host`}},
		"every address, short":  {args: []string{"--namesrv-advertise=:9876"}, want: []string{`nobody can connect to every address`}},
		"no port":               {args: []string{"--namesrv-advertise=10.0.0.1"}, want: []string{`write 10.0.0.1:9876`}},
		"port 0":                {args: []string{"--namesrv-advertise=10.0.0.1:0"}, want: []string{`the port is a number from 1 to 65535`}},
		"no network":            {args: []string{"--namesrv-admin-allow=10.0.0.0/33"}, want: []string{`namesrv.admin-allow = "10.0.0.0/33"`}},
		"words together":        {args: []string{"--namesrv-admin-allow=any,10.0.0.0/8"}, want: []string{`stand alone`}},
		"a key without secret":  {environ: []string{"ZONEKEEPER_NAMESRV_ACCESS_KEYS=ops:a=b,hush"}, want: []string{`namesrv.access-keys = "xxxxx" (environment ZONEKEEPER_NAMESRV_ACCESS_KEYS): must be key:secret, several separated by commas or lines; entry 2 is not`}},
		"a key twice":           {environ: []string{"ZONEKEEPER_NAMESRV_ACCESS_KEYS=hush:a\nhush:b"}, want: []string{`entry 2 names a key for the second time`}},
		"half a pair":           {args: []string{"--namesrv-tls-cert=/tls.crt"}, want: []string{`needs namesrv.tls-cert and namesrv.tls-key together`}},
		"no such mode":          {args: []string{"--namesrv-tls-mode=enforce"}, want: []string{`did you mean enforcing?`}},
		"no such file":          {args: []string{"--namesrv-properties=/does/not/exist"}, want: []string{`must be a file that can be read`}},
		"properties for nobody": {properties: "listenPort=9870\n", want: []string{`is about a name server that no option opens; set --namesrv-listen :9870, or off`}},
		"values that do not go together": {
			args: []string{"--namesrv-listen=:9876"}, properties: "scanNotActiveBrokerInterval=0\ntls.server.keyPath=/k\ntls.server.mode=sometimes\nenableControllerInNamesrv=true\n",
			want: []string{
				`scanNotActiveBrokerInterval = "0" (FILE:1): at least 1 millisecond`, `tls.server.keyPath = "/k" (FILE:2): it needs tls.server.certPath beside it`,
				`tls.server.mode = "sometimes" (FILE:3): it is disabled`, `enableControllerInNamesrv = "true" (FILE:4): there is no controller here: run the controllers`,
			},
		},
		"no properties": {args: []string{"--namesrv-listen=:9876"}, properties: "# ours\na=\\uZZZZ\n", want: []string{`namesrv.properties = "FILE" (--namesrv-properties): line 2: `}},
		"values that are none": {
			args: []string{"--namesrv-listen=:9876"}, properties: "# ours\norderMessageEnable=yes\nscanNotActiveBrokerInterval=5s\nclusterTest = true\n",
			want: []string{
				`orderMessageEnable = "yes" (FILE:2): it is true or false`, `scanNotActiveBrokerInterval = "5s" (FILE:3): it is a whole number`, `clusterTest = "true" (FILE:4): in the reference it sends every request to the route query, so that no broker can register: leave it out`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			const scope = onServe | onAny
			args, file := row.args, ""
			if row.properties != "" {
				file = writeFile(t, "namesrv.properties", row.properties)
				args = append(args, "--namesrv-properties", file)
			}
			_, wrong := load(sources{flags: flagSet(t, scope, args...), environ: row.environ}, scope)
			require.Len(t, wrong, len(row.want), wrong.report())
			report := wrong.report()
			if file != "" {
				report = strings.ReplaceAll(report, file, "FILE")
			}
			for _, fragment := range row.want {
				require.Contains(t, report, fragment)
			}
			require.NotContains(t, report, "hush")
		})
	}
}

// What the original passes over keeps nothing from starting: `config check` and `serve` say the same of it.
func TestNamesrvWarnings(t *testing.T) {
	for name, row := range map[string]struct {
		args       []string
		properties string
		want       []string
	}{
		"misspelt keys": {
			properties: "# ours\norderMesageEnable=true\nlistenPort = 9870\nnosuch: 1\ntls.sever.mode=enforcing\n",
			want: []string{
				`orderMesageEnable = "true" (FILE:2): has no effect: a name server has no such key; did you mean orderMessageEnable?`,
				`nosuch = "1" (FILE:4): has no effect: a name server has no such key`,
				`tls.sever.mode = "enforcing" (FILE:5): has no effect: a name server has no such key; did you mean tls.server.mode?`,
				`listenPort = "9870" (FILE:3): has no effect: --namesrv-listen says where to listen`,
			},
		},
		"keys with escapes": {
			properties: "listen\\u0050ort=9870\norder\\ MessageEnable=true\n",
			want: []string{
				`listenPort = "9870" (FILE): has no effect: --namesrv-listen says where to listen`,
				`order MessageEnable = "true" (FILE): has no effect: a name server has no such key; did you mean orderMessageEnable?`,
			},
		},
		"nobody administers": {
			args: []string{"--namesrv-admin-allow=none"},
			want: []string{`namesrv.admin-allow = "none" (--namesrv-admin-allow): lets nobody at all change topics, permissions and configuration of the name server; set namesrv.access-keys`},
		},
		"keys administer": {args: []string{"--namesrv-admin-allow=none", "--namesrv-access-keys=ops:hush"}},
		"all right":       {properties: "orderMessageEnable=true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, "namesrv.properties", row.properties)
			args := append([]string{"--namesrv-listen=127.0.0.1:0", "--namesrv-properties", file}, row.args...)

			check := command(t, nil, append([]string{"config", "check", "--db-url=postgres://db/zk"}, args...)...)
			require.Equal(t, exitOK, check.code, check.stderr)
			require.Contains(t, check.stdout, "The configuration is right.")
			require.Equal(t, len(row.want), strings.Count(check.stderr, "zonekeeper: warning: "), check.stderr)

			l, wrong := load(sources{flags: flagSet(t, onServe|onAny, args...)}, onServe|onAny)
			require.Empty(t, wrong)
			var log bytes.Buffer
			p := &program{log: slog.New(slog.NewJSONHandler(&log, nil)), loaded: l}
			p.sayNamesrv(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9876}, l.config.Namesrv)
			served := strings.ReplaceAll(log.String(), `\"`, `"`)
			require.Equal(t, len(row.want), strings.Count(served, "may not be meant"), served)

			for _, warning := range row.want {
				warning = strings.ReplaceAll(warning, "FILE", file)
				require.Contains(t, check.stderr, "zonekeeper: warning: "+warning)
				require.Contains(t, served, warning)
			}
		})
	}
}

func TestNamesrvOptions(t *testing.T) {
	const scope = onServe | onAny
	properties := writeFile(t, "namesrv.properties", "orderMessageEnable=true\nlistenPort=9870\ntls.server.mode=disabled\nkvConfigPath=/tmp/kv.json\n")
	keys := writeFile(t, "keys", "ops:c2Vj=\n\nci:x\n")
	l, wrong := load(sources{
		flags:   flagSet(t, scope, "--namesrv-listen=:9876", "--namesrv-properties", properties, "--namesrv-tls-mode=enforcing", "--namesrv-tls-client-ca=ca.pem", "--namesrv-admin-allow=10.0.0.0/8"),
		environ: []string{"ZONEKEEPER_NAMESRV_ACCESS_KEYS_FILE=" + keys, "ZONEKEEPER_NAMESRV_ADVERTISE=[2001:DB8::1]:9876"},
	}, scope)
	require.Empty(t, wrong)
	c := l.config.Namesrv
	require.Equal(t, ":9876", c.Listen)
	require.Equal(t, "[2001:db8::1]:9876", c.Advertise, "in the one form that lists have")
	require.Equal(t, map[string]string{"ops": "c2Vj=", "ci": "x"}, c.Admin.AccessKeys)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, c.Admin.Allow)
	require.True(t, c.Settings.OrderMessageEnable)
	require.Equal(t, "enforcing", c.Settings.TLSServerMode, "an option wins over the properties")
	require.Equal(t, "ca.pem", c.Settings.TLSServerTrustCertPath)
	require.Equal(t, "require", c.Settings.TLSServerNeedClientAuth)
	var warned []string
	for _, w := range c.Warnings {
		warned = append(warned, w.Key)
	}
	require.ElementsMatch(t, []string{"listenPort", "kvConfigPath"}, warned)

	plain, wrong := load(sources{flags: flagSet(t, scope)}, scope)
	require.Empty(t, wrong)
	require.Empty(t, plain.config.Namesrv.Listen, "off unless it is asked for")
	require.Equal(t, namesrv.DefaultSettings(), plain.config.Namesrv.Settings)

	dev := onDev | onAny
	l, wrong = load(sources{flags: flagSet(t, dev, "--namesrv-base-port=off")}, dev)
	require.Empty(t, wrong)
	require.Zero(t, l.config.Dev.NamesrvBasePort)
	_, wrong = load(sources{flags: flagSet(t, dev, "--namesrv-base-port=65534")}, dev)
	require.Len(t, wrong, 1)
	require.Contains(t, wrong.report(), "must leave room for 3 ports")
}

// Files that an option names are looked at before anything starts.
func TestUnreadableCertificatesAreAMistake(t *testing.T) {
	broken := writeFile(t, "tls.crt", "no certificate")
	tls := []string{"--db-url=postgres://127.0.0.1:1/db", "--namesrv-listen=127.0.0.1:0", "--namesrv-tls-cert", broken, "--namesrv-tls-key", broken}
	for _, args := range [][]string{{"config", "check"}, {"serve", "--http-listen=127.0.0.1:0"}} {
		out := command(t, nil, append(args, tls...)...)
		require.Equal(t, exitUsage, out.code, out.stderr)
		require.Contains(t, out.stderr, broken)
	}
	out := command(t, nil, "config", "check", "--db-url=postgres://db/zk", "--namesrv-listen=:9876", "--namesrv-tls-mode=enforcing")
	require.Zero(t, out.code, out.stderr)
}

// Secrets are hidden whole, whatever they look like.
func TestSecretsAreNeverPrinted(t *testing.T) {
	out := command(t, []string{"ZONEKEEPER_NAMESRV_ACCESS_KEYS=ops:hush=", "ZONEKEEPER_PEER_REPLICATION_AUTH=peer:hush=x"}, "config", "print", "-o", "json")
	require.Zero(t, out.code, out.stderr)
	require.NotContains(t, out.stdout, "hush")
}

func TestAdvertiseNamesrv(t *testing.T) {
	tcp := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	for name, row := range map[string]struct {
		listener, eureka, want string
	}{
		"bound to one address":    {"10.0.0.7:9876", "http://10.1.1.1:8761/eureka/", "10.0.0.7:9876"},
		"where Eureka is":         {"0.0.0.0:9876", "http://10.1.1.1:8761/eureka/", "10.1.1.1:9876"},
		"where Eureka is, by IP6": {"[::]:9877", "http://[2001:db8::1]:8761/eureka/", "[2001:db8::1]:9877"},
	} {
		require.Equal(t, row.want, advertiseNamesrv(tcp(row.listener), row.eureka, ""), name)
	}
	found, err := netip.ParseAddrPort(advertiseNamesrv(tcp("[::]:9876"), "http://zk1.example:8761/eureka/", ""))
	require.NoError(t, err, "a name is no address: the machine is asked")
	require.False(t, found.Addr().IsUnspecified())
	require.Equal(t, uint16(9876), found.Port())
}

func TestPropertiesAreNamedInTheirFile(t *testing.T) {
	content := []byte("# x\na=1\n b : 2\nab=3\na 4\n")
	require.Equal(t, 5, lineOf(content, "a"), "the last one counts")
	require.Equal(t, 3, lineOf(content, "b"))
	require.Zero(t, lineOf(content, "c"))
	whole := mistake{Key: "namesrv.properties", Value: filepath.Join("d", "f")}
	require.Equal(t, `namesrv.properties = "d/f": line 3: bad escape`, propertyMistake(whole, content, "line 3: bad escape").String())
}
