package replication

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/eureka/recorded"
)

// javaServer stands in for a Eureka server: it takes batches item by item and answers each as told.
type javaServer struct {
	mu       sync.Mutex
	requests []*http.Request
	items    []string // raw JSON, in order of arrival
	answer   func(i int, item string) string
	fail     func() (*http.Response, error) // nil: do not
	apps     string
}

func (s *javaServer) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, req)
	reply := func(code int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
	if req.Method == http.MethodGet {
		if s.apps == "" {
			return reply(http.StatusServiceUnavailable, "")
		}
		return reply(http.StatusOK, s.apps)
	}
	if s.fail != nil {
		return s.fail()
	}
	var batch struct{ ReplicationList []json.RawMessage }
	if err := json.NewDecoder(req.Body).Decode(&batch); err != nil {
		return nil, err
	}
	var answers []string
	for _, item := range batch.ReplicationList {
		s.items = append(s.items, string(item))
		a := `{"statusCode":200}`
		if s.answer != nil {
			a = s.answer(len(s.items)-1, string(item))
		}
		answers = append(answers, a)
	}
	return reply(http.StatusOK, `{"responseList":[`+strings.Join(answers, ",")+`]}`)
}

func (s *javaServer) setFail(f func() (*http.Response, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *javaServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.items...)
}

const noApps = `{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}`

// besideJava runs a test with one server that has a Java server for a peer.
func besideJava(t *testing.T, s *javaServer, test func(t *testing.T, n *node)) {
	inWorld(t, func(c *Config) {
		c.JavaPeers = []string{"http://peer:s3cret@java.example.com:8761/eureka"}
		c.Transport = s
	}, func(t *testing.T, w *world) {
		n := w.start("a")
		w.within(2*time.Second, "asked", n.rep.Synced)
		test(t, n)
	})
}

// clientsPeerServer is what a real Spring Eureka server sent to its peer, and the answers.
func clientsPeerServer(t *testing.T) (items, answers []string) {
	all, err := recorded.Load("../eureka/testdata/recorded")
	require.NoError(t, err)
	for _, s := range all {
		if s.Scenario != "clients-peer-server" {
			continue
		}
		for _, e := range s.Exchanges {
			var request struct{ ReplicationList []json.RawMessage }
			var response struct{ ResponseList []json.RawMessage }
			require.NoError(t, json.Unmarshal(e.Request.Body(), &request))
			require.NoError(t, json.Unmarshal([]byte(e.Response.Body), &response))
			require.Len(t, response.ResponseList, len(request.ReplicationList))
			for i := range request.ReplicationList {
				items, answers = append(items, string(request.ReplicationList[i])), append(answers, string(response.ResponseList[i]))
			}
			decoded, err := eureka.DecodeReplicationAnswers([]byte(e.Response.Body), len(response.ResponseList))
			require.NoError(t, err)
			require.Len(t, decoded, len(response.ResponseList))
		}
	}
	require.NotEmpty(t, items)
	return items, answers
}

// The same deeds as in the recording make us send, item by item and byte by byte, what the recorded server sent, but for the
// timestamps of its own clock; and its peer's answers, a 404 and a 409 among them, make us do what it did.
func TestJavaServerIsToldWhatARecordedPeerTold(t *testing.T) {
	items, answers := clientsPeerServer(t)
	java := &javaServer{apps: noApps, answer: func(i int, _ string) string { return answers[min(i, len(answers)-1)] }}
	besideJava(t, java, func(t *testing.T, n *node) {
		sent := func(count int) {
			t.Helper()
			n.w.within(2*time.Second, fmt.Sprintf("%d items sent", count), func() bool { return len(java.got()) >= count })
		}
		orders := func(i int, dirty int64) *eureka.Instance {
			host := fmt.Sprintf("orders-%d.example.com", i)
			return &eureka.Instance{
				InstanceID: host + ":orders:8080", HostName: host, App: "ORDERS", IPAddr: fmt.Sprintf("10.0.0.%d", i), Status: eureka.Up,
				Port: eureka.Port{Number: 8080, Enabled: true}, SecurePort: eureka.Port{Number: 443}, CountryID: 1,
				DataCenterInfo: &eureka.DataCenterInfo{Class: "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", Name: "MyOwn"},
				LeaseInfo:      eureka.LeaseInfo{RenewalIntervalInSecs: 30, DurationInSecs: 90}, Metadata: eureka.Metadata{{Key: "management.port", Value: "8081"}},
				HomePageURL: "http://" + host + ":8080/", StatusPageURL: "http://" + host + ":8080/actuator/info", HealthCheckURL: "http://" + host + ":8080/actuator/health",
				VIPAddress: "orders", SecureVIPAddress: "orders", LastDirtyTimestamp: dirty,
			}
		}
		key := func(i int) registry.Key {
			return registry.Key{App: "ORDERS", ID: fmt.Sprintf("orders-%d.example.com:orders:8080", i)}
		}
		const born = 1700000000000
		require.NoError(t, n.reg.Register(orders(1, born), registry.FromClient))
		sent(1)
		n.renew(key(1), born)
		sent(2)
		require.NoError(t, n.reg.SetStatus(key(1), eureka.OutOfService, born+1, registry.FromClient))
		sent(3)
		n.renew(key(1), born+1)
		sent(4)
		require.NoError(t, n.reg.ClearStatus(key(1), eureka.Up, born+2, registry.FromClient))
		sent(5)
		require.NoError(t, n.reg.SetMetadata(key(1), eureka.Metadata{{Key: "colour", Value: "blue"}}, registry.FromClient))
		sent(6)
		require.NoError(t, n.reg.Register(orders(2, born), registry.FromJavaPeer)) // not sent on
		n.renew(key(2), born)
		sent(8) // 404, so registered there
		n.renew(key(2), born)
		sent(9) // 409, so taken from there
		n.w.within(time.Second, "adopted", func() bool {
			in, _ := n.reg.Instance(key(2))
			newer, _ := in.Metadata.Get("newer")
			return in.LastDirtyTimestamp == born+50 && newer == "yes"
		})
		n.renew(key(1), born+2)
		n.renew(key(2), born+50)
		sent(11)
		require.NoError(t, n.reg.Register(orders(3, born), registry.FromClient))
		n.renew(key(3), born)
		sent(13)
		for i := range 3 {
			require.NoError(t, n.reg.Cancel(key(i+1), registry.FromClient))
		}
		sent(16)
		time.Sleep(time.Minute)

		got := java.got()
		require.Len(t, got, len(items))
		masked := recorded.Exchange{Volatile: []string{
			`"registrationTimestamp":(\d+)`, `"lastRenewalTimestamp":(\d+)`, `"serviceUpTimestamp":(\d+)`, `"lastUpdatedTimestamp":"(\d+)"`,
		}}
		for i := range items {
			want, err := masked.Normal(items[i])
			require.NoError(t, err)
			have, err := masked.Normal(got[i])
			require.NoError(t, err)
			require.Equal(t, want, have, "item %d", i)
		}
	})
}

func TestJavaServerIsCalledAsRecorded(t *testing.T) {
	java := &javaServer{apps: noApps}
	besideJava(t, java, func(t *testing.T, n *node) {
		n.register("ORDERS", "1", 1000)
		n.w.within(time.Second, "sent", func() bool { return len(java.got()) > 0 })
		req := java.requests[len(java.requests)-1]
		require.Equal(t, "http://java.example.com:8761/eureka/peerreplication/batch/", req.URL.String())
		require.Equal(t, http.MethodPost, req.Method)
		require.Equal(t, "application/json", req.Header.Get("Accept"))
		require.Equal(t, "application/json", req.Header.Get("Content-Type"))
		require.Equal(t, "DefaultServer", req.Header.Get("DiscoveryIdentity-Name"))
		require.Equal(t, "1.0", req.Header.Get("DiscoveryIdentity-Version"))
		require.Equal(t, "a", req.Header.Get("DiscoveryIdentity-Id"))
		require.Empty(t, req.Header.Get("x-netflix-discovery-replication"), "as the recorded peer: the path says it")
		user, password, ok := req.BasicAuth()
		require.True(t, ok)
		require.Equal(t, "peer s3cret", user+" "+password)
		require.NotContains(t, n.rep.Status()[0].URL, "s3cret")
	})
}

func TestJavaServerThatFails(t *testing.T) {
	status := func(code int) func() (*http.Response, error) {
		return func() (*http.Response, error) {
			return &http.Response{StatusCode: code, Header: http.Header{}, Body: http.NoBody}, nil
		}
	}
	for name, c := range map[string]struct {
		fail    func() (*http.Response, error)
		down    time.Duration
		arrives bool
	}{
		"network error, then back":       {func() (*http.Response, error) { return nil, errors.New("connection reset") }, 20 * time.Second, true},
		"overload, then back":            {status(http.StatusServiceUnavailable), 20 * time.Second, true},
		"network error until it expired": {func() (*http.Response, error) { return nil, errors.New("connection reset") }, 31 * time.Second, false},
		"refused for good":               {status(http.StatusBadRequest), time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			java := &javaServer{apps: noApps}
			besideJava(t, java, func(t *testing.T, n *node) {
				java.setFail(c.fail)
				k := n.register("ORDERS", "1", 1000)
				time.Sleep(c.down)
				require.False(t, n.rep.Status()[0].Connected)
				require.NotEmpty(t, n.rep.Status()[0].LastError)
				java.setFail(nil)
				time.Sleep(2 * time.Second)
				require.Equal(t, c.arrives, len(java.got()) == 1)
				// Whatever was lost: the next heartbeat finds out.
				java.mu.Lock()
				java.answer = func(i int, item string) string {
					if i == len(java.items)-1 && strings.Contains(item, "Heartbeat") {
						return `{"statusCode":404}`
					}
					return `{"statusCode":200}`
				}
				java.mu.Unlock()
				n.renew(k, 1000)
				time.Sleep(2 * time.Second)
				got := java.got()
				require.Contains(t, got[len(got)-1], `"action":"Register"`)
				require.True(t, n.rep.Status()[0].Connected)
			})
		})
	}
}

func TestJavaServerThatAnswersNonsense(t *testing.T) {
	for name, body := range map[string]string{
		"another number": `{"responseList":[]}`,
		"no list":        `{}`,
		"no JSON":        `<html>`,
		"foreign entity": `{"responseList":[{"statusCode":409,"responseEntity":{"instanceId":"other","app":"ORDERS","hostName":"h"}}]}`,
		"odd entity":     `{"responseList":[{"statusCode":409,"responseEntity":7}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			java := &javaServer{apps: noApps}
			besideJava(t, java, func(t *testing.T, n *node) {
				k := n.register("ORDERS", "1", 1000)
				java.setFail(func() (*http.Response, error) {
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(body)))}, nil
				})
				n.renew(k, 1000)
				time.Sleep(10 * time.Second)
				require.True(t, n.has(k))
				require.Equal(t, 1, n.reg.Stats().Instances)
			})
		})
	}
}

func TestWhatAJavaServerHasIsTakenUnlessKnown(t *testing.T) {
	known := `"app":"ORDERS","ipAddr":"10.0.0.1","status":"UP","port":{"$":1,"@enabled":"true"},"dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"}`
	java := &javaServer{}
	besideJavaAsked := func(t *testing.T, n *node) {
		n.register("ORDERS", "known", 2000)
		java.mu.Lock()
		java.apps = `{"applications":{"versions__delta":"1","apps__hashcode":"UP_2_","application":[{"name":"ORDERS","instance":[` +
			`{"instanceId":"known","hostName":"h",` + known + `,"lastDirtyTimestamp":"1000"},` +
			`{"instanceId":"new","hostName":"h",` + known + `,"lastDirtyTimestamp":"1000"},` +
			`{"instanceId":"invalid",` + known + `}]}]}}`
		java.mu.Unlock()
		n.w.within(time.Minute, "taken", func() bool { return n.has(registry.Key{App: "ORDERS", ID: "new"}) })
		require.False(t, n.has(registry.Key{App: "ORDERS", ID: "invalid"}))
		in, ok := n.reg.Instance(registry.Key{App: "ORDERS", ID: "known"})
		require.True(t, ok)
		require.EqualValues(t, 2000, in.LastDirtyTimestamp)
		time.Sleep(time.Second)
		for _, item := range java.got() {
			require.NotContains(t, item, `"id":"new"`, "never sent on")
		}
	}
	besideJava(t, java, besideJavaAsked)
}

func TestFlushWaitsForJavaServers(t *testing.T) {
	java := &javaServer{apps: noApps}
	besideJava(t, java, func(t *testing.T, n *node) {
		k := n.register("ORDERS", "1", 1000)
		n.w.within(time.Second, "sent", func() bool { return len(java.got()) == 1 })
		n.renew(k, 1000)
		require.NoError(t, n.rep.Flush(t.Context()))
		require.Len(t, java.got(), 2, "heartbeats do not wait for company then")
		synctest.Wait()
	})
}
