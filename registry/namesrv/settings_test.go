package namesrv_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

// recordedSettings is what the reference shows with code 319, but for values that name its own place.
func recordedSettings(t *testing.T) map[string]string {
	t.Helper()
	scenarios, err := recorded.Load(recordings)
	require.NoError(t, err)
	i := slices.IndexFunc(scenarios, func(sc recorded.Scenario) bool { return sc.Name == "config" })
	c, err := scenarios[i].Steps[1].Command()
	require.NoError(t, err)
	all := make(map[string]string)
	for line := range strings.Lines(string(c.Body)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		require.True(t, ok, line)
		all[key] = value
	}
	return all
}

func TestSettingsAreTheReferencesOwn(t *testing.T) {
	place := []string{"rocketmqHome", "kvConfigPath", "configStorePath", "listenPort", "bindAddress"}
	var text strings.Builder
	for key, value := range recordedSettings(t) {
		if !slices.Contains(place, key) {
			text.WriteString(key + "=" + value + "\n")
		}
	}
	s, notices, err := namesrv.ParseSettings([]byte(text.String()))
	require.NoError(t, err)
	require.Empty(t, notices, "what is said with its default value needs no notice")
	require.Equal(t, namesrv.DefaultSettings(), s, "the defaults are the recorded ones")
}

// TestEverySettingIsHonouredOrSpokenOf gives every key that the reference has another value: it has to arrive in what 319 shows, and
// to bring a notice or a refusal unless it is one of those that are honoured.
func TestEverySettingIsHonouredOrSpokenOf(t *testing.T) {
	honoured := []string{
		"orderMessageEnable", "returnOrderTopicConfigToBroker", "supportActingMaster", "enableAllTopicList", "enableTopicList",
		"notifyMinBrokerIdChanged", "needWaitForService", "waitSecondsForService", "deleteTopicWithBrokerRegistration",
		"scanNotActiveBrokerInterval", "serverChannelMaxIdleTimeSeconds", "serverSocketSndBufSize", "serverSocketRcvBufSize",
		"enableShutdownGracefully", "shutdownWaitTimeSeconds", "configBlackList",
	}
	refused := []string{"clusterTest", "enableControllerInNamesrv"}
	for key, value := range recordedSettings(t) {
		t.Run(key, func(t *testing.T) {
			switch value {
			case "true":
				value = "false"
			case "false":
				value = "true"
			default:
				value = "77"
			}
			_, notices, err := namesrv.ParseSettings([]byte(key + " = " + value))
			switch {
			case slices.Contains(refused, key):
				require.ErrorContains(t, err, key+" \""+value+"\": ")
			case slices.Contains(honoured, key):
				require.NoError(t, err)
				require.Empty(t, notices)
			default:
				require.NoError(t, err)
				require.Len(t, notices, 1)
				require.Equal(t, key, notices[0].Key)
				require.Equal(t, value, notices[0].Value)
				require.NotEmpty(t, notices[0].Reason)
			}
		})
	}
}

func TestParseSettings(t *testing.T) {
	s, notices, err := namesrv.ParseSettings([]byte("# a comment\n! another\nenableTopicList : false\nwaitSecondsForService = 4\\\n  6\n" +
		"tls.server.mode=ENFORCING\nnosuchkey=1\ntls.client.authServer=true\nrocketmqHome=/opt/rocketmq\ntls.client.keyPassword=secret\n"))
	require.NoError(t, err)
	want := namesrv.DefaultSettings()
	want.EnableTopicList = false
	want.WaitSecondsForService = 46
	want.TLSServerMode = "enforcing"
	want.RocketMQHome = "/opt/rocketmq"
	require.Equal(t, want, s)
	var keys []string
	for _, n := range notices {
		require.NotEqual(t, "secret", n.Value)
		keys = append(keys, n.Key)
	}
	require.ElementsMatch(t, []string{"nosuchkey", "tls.client.authServer", "tls.client.keyPassword", "rocketmqHome"}, keys)
}

func TestParseSettingsSaysAllMistakesAtOnce(t *testing.T) {
	_, _, err := namesrv.ParseSettings([]byte("enableTopicList=yes\nwaitSecondsForService=-1\nscanNotActiveBrokerInterval=0\n" +
		"tls.server.mode=sometimes\ntls.server.need.client.auth=maybe\ntls.server.certPath=/c\ntls.config.file=/etc/rocketmq/tls.properties\n" +
		"tls.server.keyPassword=secret\nclusterTest=true\n"))
	for _, part := range []string{
		`enableTopicList "yes"`, `waitSecondsForService "-1"`, `scanNotActiveBrokerInterval "0"`, `tls.server.mode "sometimes"`,
		`tls.server.need.client.auth "maybe"`, `tls.server.certPath "/c": it needs tls.server.keyPath`, "tls.config.file", "tls.server.keyPassword", `clusterTest "true"`,
	} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "secret")

	joined, ok := errors.Unwrap(err).(interface{ Unwrap() []error })
	require.True(t, ok)
	require.Len(t, joined.Unwrap(), 9, "each on its own: %v", joined)

	_, _, err = namesrv.ParseSettings([]byte("# fine\na=\\uZZZZ\n"))
	require.ErrorContains(t, err, "line 2: ")
}

func TestUnknownKeysAreTold(t *testing.T) {
	_, notices, err := namesrv.ParseSettings([]byte("orderMesageEnable=true\nlistenPort=9870\ntls.enable=true\n"))
	require.NoError(t, err)
	unknown := make(map[string]bool)
	for _, n := range notices {
		unknown[n.Key] = n.Unknown
	}
	require.Equal(t, map[string]bool{"orderMesageEnable": true, "listenPort": false, "tls.enable": false}, unknown)
	names := namesrv.SettingNames()
	require.True(t, slices.IsSorted(names))
	require.Subset(t, names, []string{"orderMessageEnable", "tls.server.mode", "tls.enable"})
}

func TestShownSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := namesrv.DefaultSettings()
		settings.BindAddress, settings.ListenPort = "10.9.9.9", 9870
		s := startServer(t, namesrv.Config{Settings: settings})
		body := string(s.dial(t).ask(remoting.GetConfig).Body)
		var keys []string
		for line := range strings.Lines(body) {
			key, _, ok := strings.Cut(line, "=")
			require.True(t, ok, line)
			keys = append(keys, key)
		}
		var want []string
		for key := range recordedSettings(t) {
			want = append(want, key)
		}
		slices.Sort(want)
		require.Equal(t, want, keys, "all keys, sorted, and none of TLS")
		require.True(t, strings.HasPrefix(body, "bindAddress=127.0.0.1\nclientRequestThreadPoolNums=8\n"), "where it listens, whatever the file said")
		require.Contains(t, body, "\nlistenPort=9876\n")
		require.True(t, strings.HasSuffix(body, "\nwriteBufferLowWaterMark=0\n"))
	})
}

func TestSocketBuffers(t *testing.T) {
	for _, size := range []int{0, 12345} {
		synctest.Test(t, func(t *testing.T) {
			settings := namesrv.DefaultSettings()
			settings.ServerSocketRcvBufSize, settings.ServerSocketSndBufSize = size, 2*size
			p := startServer(t, namesrv.Config{Settings: settings}).dial(t)
			p.ask(remoting.GetClusterInfo)
			pipe := p.Conn.(*pipeConn)
			require.Equal(t, size, pipe.out.socket)
			require.Equal(t, 2*size, pipe.in.socket)
		})
	}
}

func TestUpdatedSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		t.Chdir(dir)
		settings := namesrv.DefaultSettings()
		settings.ConfigBlackList = "supportActingMaster"
		settings.ConfigStorePath = dir + "/namesrv.properties"
		var audit auditLog
		s := startServer(t, namesrv.Config{Settings: settings, Audit: audit.add})
		p := s.dial(t)
		update := func(text string) *remoting.Command {
			return p.call(remoting.Command{Code: remoting.UpdateConfig, Body: []byte(text)})
		}
		shown := func(line string) bool {
			return strings.Contains(string(p.ask(remoting.GetConfig).Body), line+"\n")
		}

		require.Equal(t, remoting.Success, update("orderMessageEnable=true\nwaitSecondsForService=nonsense\nnosuchkey=1\nserverChannelMaxIdleTimeSeconds=1").Code)
		require.True(t, shown("orderMessageEnable=true"))
		require.True(t, shown("waitSecondsForService=45"), "a value that does not fit is passed over")
		require.True(t, shown("serverChannelMaxIdleTimeSeconds=120"), "not one of those that can be changed while the server runs")
		require.True(t, s.table.Options().OrderMessage, "the table knows")
		require.Equal(t, "done: orderMessageEnable=true", audit.last().Result)

		for _, key := range []string{"configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome", "supportActingMaster"} {
			c := update("enableTopicList=false\n" + key + "=/x")
			require.Equal(t, remoting.NoPermission, c.Code, key)
			require.Equal(t, "Can not update config in black list.", c.Remark)
			require.True(t, shown("enableTopicList=true"), "nothing of the request is done")
			require.Equal(t, c.Remark, audit.last().Result)
		}
		c := update(`a=\uZZZZ`)
		require.Equal(t, remoting.SystemError, c.Code)
		require.Equal(t, "string2Properties error", c.Remark)
		require.Equal(t, remoting.Success, update("").Code)

		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, files, "no file is ever written")
	})
}
