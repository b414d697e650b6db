package namesrv_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
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

// TestRefusedAdministratorsAreInTheLog, with what is to be mended.
func TestRefusedAdministratorsAreInTheLog(t *testing.T) {
	remove := request(remoting.DeleteTopic, "topic", "T")
	for why, c := range map[string]remoting.Command{
		"it is not signed, and --namesrv-admin-allow does not name this address":          remove,
		`it is signed with access key \"who\", which --namesrv-access-keys does not name`: sign(remove, "who", "12345678"),
		`it is signed with access key \"ops\", but not with its secret`:                   sign(remove, "ops", "87654321"),
	} {
		synctest.Test(t, func(t *testing.T) {
			a := admin(t, "none")
			a.AccessKeys = map[string]string{"ops": "12345678"}
			s := startServer(t, namesrv.Config{Admin: a})
			s.dial(t).send([]byte("GET / HTTP/1.1\r\n\r\n"))
			synctest.Wait()
			p := s.dialFrom(t, "203.0.113.9")
			require.Equal(t, remoting.NoPermission, p.call(c).Code)
			require.Equal(t, remoting.NoPermission, p.call(c).Code)
			log := s.log.String()
			require.Contains(t, log, "connection dropped", "which hides nothing of another kind")
			require.Equal(t, 1, strings.Count(log, "administration refused"), log)
			require.Contains(t, log, "request=DELETE_TOPIC_IN_NAMESRV from=203.0.113.9:")
			require.Contains(t, log, why)
			require.NotContains(t, log, "12345678")

			time.Sleep(time.Minute)
			synctest.Wait()
			require.Contains(t, s.log.String(), `"administration refused again within a minute" skipped=0 times=1 mostly=DELETE_TOPIC_IN_NAMESRV from=203.0.113.9`)
		})
	}
}

// TestRefusedRequestsOfAdministratorsAreInTheLog: brokers do not tell anybody what they were answered.
func TestRefusedRequestsOfAdministratorsAreInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		broker := s.dial(t)
		broker.register(remoting.Registration{}, "T", "U")
		long := strings.Repeat("x", remoting.MaxName+1)
		one := request(remoting.RegisterTopic, "topic", long)
		one.Body = []byte(`{"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"writeQueueNums":4}]}`)
		require.Equal(t, remoting.SystemError, broker.call(one).Code)
		require.Contains(t, s.log.String(), `msg="request refused" skipped=0 request=REGISTER_TOPIC_IN_NAMESRV from=127.0.0.1:`)
		require.Contains(t, s.log.String(), `err="the topic's name is too long"`)
	})
}

// TestTopicsRegisteredWhereTheirBrokerIsNot: the answer and the log say that nothing happened.
func TestTopicsRegisteredWhereTheirBrokerIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		p := s.dial(t)
		p.register(remoting.Registration{}, "T", "U")

		other := routeinfo.New(routeinfo.Config{Self: "other"})
		_, err := other.Register(&remoting.Registration{
			Cluster: "c", Name: "broker-b", Addr: "10.0.0.2:10911", HasTopics: true,
			Topics: []remoting.TopicConfig{{Name: "T", ReadQueues: 8, WriteQueues: 8, Perm: 6}, {Name: "U", ReadQueues: 8, WriteQueues: 8, Perm: 6}},
		}, 1, time.Now())
		require.NoError(t, err)
		s.table.SetHeard("other", true, time.Now())
		require.True(t, s.table.Inherit("other", other.Since(0, 0, false, 1<<20, time.Now()).Items, true, true, time.Now()))
		require.Equal(t, 2, s.table.Stats().Brokers)

		set := func(topic string, queues int, brokers ...string) *remoting.Command {
			var rows []string
			for _, b := range brokers {
				rows = append(rows, fmt.Sprintf(`{"brokerName":%q,"perm":6,"readQueueNums":%d,"writeQueueNums":%d}`, b, queues, queues))
			}
			c := request(remoting.RegisterTopic, "topic", topic)
			c.Body = []byte(`{"queueDatas":[` + strings.Join(rows, ",") + `]}`)
			answer := p.call(c)
			require.Equal(t, remoting.Success, answer.Code, answer.Remark)
			return answer
		}
		require.Empty(t, set("T", 5, "broker-a").Remark)
		require.Empty(t, set("New", 5, "broker-a").Remark)
		require.NotContains(t, s.log.String(), "without effect")

		const why = ": not registered at this name server, or named after one that is not"
		require.Equal(t, "without effect at broker-b"+why, set("T", 5, "broker-a", "broker-b").Remark)
		require.Contains(t, s.log.String(), `"topic registered without effect" skipped=0 topic=T brokers=broker-b`)
		require.Equal(t, "without effect at broker-b"+why, set("New", 5, "broker-b").Remark)
		require.Equal(t, "without effect at nope, broker-a"+why, set("U", 5, "nope", "broker-a").Remark)

		require.Equal(t, remoting.Success, p.ask(remoting.WipeWritePerm, "brokerName", "broker-a").Code)
		require.Empty(t, set("U", 6, "broker-a").Remark, "a wiped permission is another matter")
	})
}
