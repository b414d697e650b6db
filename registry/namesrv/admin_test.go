package namesrv_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// auditLog collects what Config.Audit is told.
type auditLog struct {
	mu  sync.Mutex
	all []namesrv.AuditRecord
}

func (l *auditLog) add(r namesrv.AuditRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r)
}

func (l *auditLog) last() namesrv.AuditRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[len(l.all)-1]
}

func (l *auditLog) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// guardedRequests is one request for every guarded code.
func guardedRequests() []remoting.Command {
	update := request(remoting.UpdateConfig)
	update.Body = []byte("enableTopicList=true")
	return []remoting.Command{
		request(remoting.PutKVConfig, "namespace", "n", "key", "k", "value", "v"),
		request(remoting.DeleteKVConfig, "namespace", "n", "key", "k"),
		request(remoting.WipeWritePerm, "brokerName", "b"),
		request(remoting.DeleteTopic, "topic", "T"),
		request(remoting.RegisterTopic, "topic", "T"),
		update,
		request(remoting.AddWritePerm, "brokerName", "b"),
	}
}

func admin(t *testing.T, words string) namesrv.Admin {
	t.Helper()
	a, err := namesrv.ParseAdminAllow(words)
	require.NoError(t, err)
	return a
}

func TestGuardedCodesByNetwork(t *testing.T) {
	for _, tc := range []struct {
		allow   string
		let     []string
		refused []string
	}{
		{"private", []string{"127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.7.7", "169.254.1.1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"}, []string{"203.0.113.9", "172.32.0.1", "2001:db8::1", "::ffff:203.0.113.10"}},
		{"203.0.113.0/24, 2001:db8::/32,198.51.100.7", []string{"127.0.0.1", "203.0.113.9", "2001:db8::1", "198.51.100.7"}, []string{"10.1.2.3", "198.51.100.8"}},
		{"any", []string{"127.0.0.1", "203.0.113.9", "2001:db8::1"}, nil},
		{"none", nil, []string{"127.0.0.1", "::1", "10.1.2.3"}},
		{"", []string{"127.0.0.1", "::1"}, []string{"10.1.2.3"}},
	} {
		t.Run(tc.allow, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var audit auditLog
				cfg := namesrv.Config{Audit: audit.add}
				if tc.allow != "" { // the zero value is loopback only
					cfg.Admin = admin(t, tc.allow)
				}
				s := startServer(t, cfg)
				for _, host := range slices.Concat(tc.let, tc.refused) {
					p := s.dialFrom(t, host)
					for _, c := range guardedRequests() {
						before := audit.len()
						answer := p.call(c)
						require.Equal(t, before+1, audit.len(), "every use is audited once")
						record := audit.last()
						require.Equal(t, c.Code, record.Code)
						require.Equal(t, remoting.RequestName(c.Code), record.Action)
						require.Empty(t, record.Who)
						require.NotEmpty(t, record.From)
						if slices.Contains(tc.refused, host) {
							require.Equal(t, remoting.NoPermission, answer.Code, host)
							require.Contains(t, answer.Remark, "--namesrv-admin-allow", "the remedy")
							require.Equal(t, "refused", record.Result)
							require.False(t, record.Done)
							continue
						}
						require.Equal(t, remoting.Success, answer.Code, "%s: %s", host, answer.Remark)
						require.True(t, record.Done)
						require.True(t, strings.HasPrefix(record.Result, "done"), record.Result)
					}
				}
				require.InDelta(t, len(tc.refused)*len(guardedRequests()), s.metric(t, "zonekeeper_namesrv_refused_total"), 0)
			})
		})
	}
}

func TestRefusedCodesChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{Admin: admin(t, "none")})
		broker := s.dial(t)
		broker.register(remoting.Registration{}, "T", "U")
		stranger := s.dial(t)
		for _, c := range guardedRequests() {
			require.Equal(t, remoting.NoPermission, stranger.call(c).Code)
		}
		require.True(t, stranger.routed("T"))
		require.Equal(t, remoting.QueryNotFound, stranger.ask(remoting.GetKVConfig, "namespace", "n", "key", "k").Code)
	})
}

func TestParseAdminAllowRefuses(t *testing.T) {
	for _, words := range []string{"", " , ", "everybody", "10.0.0.0/33", "any,none", "any, 10.0.0.0/8", "none,private"} {
		_, err := namesrv.ParseAdminAllow(words)
		require.Error(t, err, words)
	}
}

// TestBrokersRegisterTopics: brokers with enableSingleTopicRegister send code 217 themselves, from wherever they are.
func TestBrokersRegisterTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var audit auditLog
		s := startServer(t, namesrv.Config{Admin: admin(t, "none"), Audit: audit.add})
		one := request(remoting.RegisterTopic, "topic", "New")
		one.Body = []byte(`{"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"writeQueueNums":4,"topicSysFlag":0}]}`)

		broker := s.dialFrom(t, "203.0.113.9")
		require.Equal(t, remoting.NoPermission, broker.call(one).Code)
		broker.register(remoting.Registration{}, "T", "U")
		require.Equal(t, remoting.Success, broker.call(one).Code)
		require.Equal(t, "broker", audit.last().Who)
		require.True(t, broker.routed("New"))
		inside := s.dial(t)
		inside.register(remoting.Registration{Name: "broker-b", Addr: "10.0.0.2:10911"}, "T", "U")
		require.Equal(t, remoting.Success, inside.call(one).Code)
		require.Equal(t, "broker", audit.last().Who)
		require.Equal(t, remoting.NoPermission, broker.ask(remoting.DeleteTopic, "topic", "New").Code, "it is the only code that is")

		require.Equal(t, remoting.Success, broker.ask(remoting.UnregisterBroker, "brokerName", "broker-a", "brokerAddr", "10.0.0.1:10911", "clusterName", "c", "brokerId", "0").Code)
		require.Equal(t, remoting.NoPermission, broker.call(one).Code, "no longer a broker's connection")
	})
}

// sign signs a request as RocketMQ's client does: AclClientRPCHook.java.
func sign(c remoting.Command, key, secret string) remoting.Command {
	c.Fields = append(slices.Clone(c.Fields), remoting.Field{Name: "AccessKey", Value: key})
	sorted := slices.SortedFunc(slices.Values(c.Fields), func(a, b remoting.Field) int { return strings.Compare(a.Name, b.Name) })
	mac := hmac.New(sha1.New, []byte(secret))
	for _, f := range sorted {
		mac.Write([]byte(f.Value))
	}
	mac.Write(c.Body)
	c.Fields = append(c.Fields, remoting.Field{Name: "Signature", Value: base64.StdEncoding.EncodeToString(mac.Sum(nil))})
	return c
}

// TestSignatureIsTheReferences holds the sign of these tests to the value in apache/rocketmq AclSignerTest.java: calSignatureTest.
func TestSignatureIsTheReferences(t *testing.T) {
	mac := hmac.New(sha1.New, []byte("12345678"))
	mac.Write([]byte("RocketMQ"))
	require.Equal(t, "IUc8rrO/0gDch8CjObLQsW2rsiA=", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func TestGuardedCodesBySignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var audit auditLog
		a := admin(t, "none")
		a.AccessKeys = map[string]string{"ops": "12345678", "empty": ""}
		s := startServer(t, namesrv.Config{Admin: a, Audit: audit.add})
		p := s.dialFrom(t, "203.0.113.9")
		for _, codec := range []remoting.Codec{remoting.JSON, remoting.Binary} {
			for _, c := range guardedRequests() {
				c.Codec = codec
				answer := p.call(sign(c, "ops", "12345678"))
				require.Equal(t, remoting.Success, answer.Code, answer.Remark)
				require.Equal(t, "key ops", audit.last().Who)

				zoned := sign(c, "ops", "12345678")
				zoned.Fields = append(zoned.Fields, remoting.Field{Name: "__ZONE_NAME", Value: "z"}, remoting.Field{Name: "__ZONE_MODE", Value: "true"})
				require.Equal(t, remoting.Success, p.call(zoned).Code, "a zone is added after the signature was made")

				require.Equal(t, remoting.NoPermission, p.call(sign(c, "ops", "87654321")).Code, "wrong secret")
				require.Equal(t, remoting.NoPermission, p.call(sign(c, "who", "12345678")).Code, "unknown key")
				require.Equal(t, remoting.NoPermission, p.call(sign(c, "empty", "")).Code, "a key without a secret is none")
				changed := sign(c, "ops", "12345678")
				changed.Body = []byte("deleteTopicWithBrokerRegistration=true")
				require.Equal(t, remoting.NoPermission, p.call(changed).Code, "the body is signed too")
				changed = sign(c, "ops", "12345678")
				changed.Fields = append(changed.Fields, remoting.Field{Name: "clusterName", Value: "x"})
				require.Equal(t, remoting.NoPermission, p.call(changed).Code, "and so is every field")
			}
		}
	})
}

// TestProxiesCannotBeClaimed: anybody can send a PROXY line that says loopback.
func TestProxiesCannotBeClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var audit auditLog
		s := startServer(t, namesrv.Config{Admin: admin(t, "private"), Audit: audit.add})
		for _, tc := range []struct {
			proxy, client string
			let           bool
		}{
			{"203.0.113.9", "127.0.0.1", false},
			{"10.0.0.1", "203.0.113.9", false},
			{"10.0.0.1", "10.0.0.2", true},
		} {
			p := s.dialFrom(t, tc.proxy)
			p.send([]byte("PROXY TCP4 " + tc.client + " 10.0.0.9 4000 9876\r\n"))
			c := p.ask(remoting.WipeWritePerm, "brokerName", "b")
			require.Equal(t, tc.let, c.Code == remoting.Success, c.Remark)
			require.Contains(t, audit.last().From, tc.client+":4000 behind "+tc.proxy+":")
		}
	})
}

func TestAuditTextsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var audit auditLog
		s := startServer(t, namesrv.Config{Audit: audit.add})
		s.dial(t).ask(remoting.DeleteTopic, "topic", strings.Repeat("é", 5000))
		require.Less(t, len(audit.last().What), 1100)
	})
}
