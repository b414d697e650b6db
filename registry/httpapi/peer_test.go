package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/replication"
)

// What the server wires in here fits.
var (
	_ httpapi.PeerProtocol = (*replication.Replicator)(nil)
	_ httpapi.PeerList     = (*peerstore.List)(nil)

	_ func(*replication.Routes, http.ResponseWriter, *http.Request, peerstore.Caller) = (*replication.Routes).Serve
)

// protocol records what gets through to the protocol between servers.
type protocol struct{ streams, vouches []string }

func (p *protocol) ServeStream(w http.ResponseWriter, r *http.Request, from peerstore.Caller) {
	body, _ := io.ReadAll(r.Body)
	p.streams = append(p.streams, from.PeerID+":"+string(body))
	_, _ = w.Write([]byte("frames"))
}

func (p *protocol) ServeVouch(w http.ResponseWriter, r *http.Request, from peerstore.Caller) {
	p.vouches = append(p.vouches, from.PeerID)
}

// cluster is one server with everything that calls between servers need, and the signer of another.
type cluster struct {
	handler  *httpapi.Server
	protocol *protocol
	routes   []string // bodies of the name servers' calls
	metrics  *prometheus.Registry
	other    *peerstore.Signer
	taken    []string
}

func newCluster(t *testing.T, change ...func(*httpapi.Deps)) *cluster {
	c := &cluster{protocol: &protocol{}, metrics: prometheus.NewRegistry()}
	secret := bytes.Repeat([]byte{7}, 32)
	mine := peerstore.NewSigner(secret)
	mine.SetSelf(peerstore.Caller{PeerID: "me", Epoch: 1})
	c.other = peerstore.NewSigner(secret)
	c.other.SetSelf(peerstore.Caller{PeerID: "other", Epoch: 2})
	reg, err := registry.New(registry.Config{})
	require.NoError(t, err)
	deps := httpapi.Deps{
		Registry: reg, Signer: mine, Peers: c.protocol, PeerRoutes: c.serveRoutes, Registerer: c.metrics, Gatherer: c.metrics,
		Identity: func() peerstore.Identity { return peerstore.IdentityOf(peer(1, serving, true), "uuid") },
		Announce: func(from peerstore.Caller, a peerstore.Announcement) (peerstore.AnnounceAnswer, error) {
			if a.ClusterUUID != "uuid" {
				return peerstore.AnnounceAnswer{}, errors.New("another cluster")
			}
			c.taken = append(c.taken, from.PeerID+"="+a.Peer.ID)
			return peerstore.AnnounceAnswer{ClusterUUID: "uuid", Peers: []peerstore.Peer{peer(1, serving, true)}}, nil
		},
	}
	for _, f := range change {
		f(&deps)
	}
	c.handler, err = httpapi.New(deps)
	require.NoError(t, err)
	return c
}

func (c *cluster) serveRoutes(w http.ResponseWriter, r *http.Request, from peerstore.Caller) {
	body, _ := io.ReadAll(r.Body)
	c.routes = append(c.routes, from.PeerID+":"+string(body))
	_, _ = w.Write([]byte("routes"))
}

func (c *cluster) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

func (c *cluster) signed(t *testing.T, path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/vnd.zonekeeper.peer.v1")
	require.NoError(t, c.other.Sign(r, []byte(body), "me"))
	return r
}

// refused is how many calls between servers were refused for a reason.
func (c *cluster) refused(t *testing.T, reason string) float64 {
	families, err := c.metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "zonekeeper_http_peer_calls_refused_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestIdentity(t *testing.T) {
	c := newCluster(t)
	w := c.do(httptest.NewRequest(http.MethodGet, "/api/v1/peer", nil))
	require.Equal(t, http.StatusOK, w.Code)
	id, err := peerstore.DecodeIdentity(w.Body.Bytes())
	require.NoError(t, err)
	require.Equal(t, peerstore.IdentityOf(peer(1, serving, true), "uuid"), id)
}

func TestSignedCallsGetThrough(t *testing.T) {
	c := newCluster(t)
	w := c.do(c.signed(t, "/api/v1/peer/stream", "hello"))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "frames", w.Body.String())
	require.Equal(t, []string{"other:hello"}, c.protocol.streams)
	c.do(c.signed(t, "/api/v1/peer/vouch", ""))
	require.Equal(t, []string{"other"}, c.protocol.vouches)
	w = c.do(c.signed(t, "/api/v1/peer/routes", "what is new?"))
	require.Equal(t, "routes", w.Body.String())
	require.Equal(t, []string{"other:what is new?"}, c.routes)
}

// The calls of name servers are guarded as the stream is, and small.
func TestRefusedCallsForRoutes(t *testing.T) {
	c := newCluster(t)
	const path = "/api/v1/peer/routes"
	unsigned := httptest.NewRequest(http.MethodPost, path, strings.NewReader("x"))
	require.Equal(t, http.StatusUnauthorized, c.do(unsigned).Code)
	stranger := c.signed(t, path, "x")
	stranger.Header.Set(peerstore.HeaderSignature, strings.Repeat("00", 32))
	require.Equal(t, http.StatusForbidden, c.do(stranger).Code)
	require.Equal(t, http.StatusRequestEntityTooLarge, c.do(c.signed(t, path, strings.Repeat(" ", 70_000))).Code)
	again := c.signed(t, path, "x")
	again.URL.Path = "/api/v1/peer/vouch"
	require.Equal(t, http.StatusForbidden, c.do(again).Code, "a signature is for one path")
	require.Empty(t, c.routes)

	off := newCluster(t, func(d *httpapi.Deps) { d.PeerRoutes = nil })
	require.Equal(t, http.StatusNotFound, off.do(off.signed(t, path, "x")).Code, "a server without a name server")
}

func TestRefusedCallsApplyNothingAndAreCounted(t *testing.T) {
	for _, tc := range []struct {
		name   string
		spoil  func(r *http.Request)
		status int
		reason string
	}{
		{"unsigned", func(r *http.Request) { r.Header.Del(peerstore.HeaderSignature) }, http.StatusUnauthorized, "unsigned"},
		{"no hex", func(r *http.Request) { r.Header.Set(peerstore.HeaderSignature, "zz") }, http.StatusUnauthorized, "unsigned"},
		{"wrongly signed", func(r *http.Request) { r.Header.Set(peerstore.HeaderSignature, strings.Repeat("00", 32)) }, http.StatusForbidden, "signature"},
		{"another body", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("HELLO")) }, http.StatusForbidden, "signature"},
		{"another path", func(r *http.Request) { r.URL.Path = "/api/v1/peer/vouch" }, http.StatusForbidden, "signature"},
		{"another epoch", func(r *http.Request) { r.Header.Set(peerstore.HeaderEpoch, "3") }, http.StatusForbidden, "signature"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t)
			r := c.signed(t, "/api/v1/peer/stream", "hello")
			tc.spoil(r)
			w := c.do(r)
			require.Equal(t, tc.status, w.Code)
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.Empty(t, c.protocol.streams)
			require.Empty(t, c.protocol.vouches)
			require.Equal(t, 1.0, c.refused(t, tc.reason))
		})
	}
}

// An answer may be held back longer than a body may take to arrive, and the connection lives on: net/http lifts the body's deadline
// when the body is here.
func TestCallsForRoutesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := 0
		c := newCluster(t, func(d *httpapi.Deps) {
			d.PeerRoutes = func(w http.ResponseWriter, r *http.Request, _ peerstore.Caller) {
				select {
				case <-time.After(7 * time.Second):
					held++
					_, _ = w.Write([]byte("nothing new"))
				case <-r.Context().Done():
				}
			}
		})
		listener := newMemoryListener()
		server := &http.Server{Handler: c.handler, WriteTimeout: 9 * time.Second, ReadHeaderTimeout: 5 * time.Second}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		conn := listener.dial()
		answers := bufio.NewReader(conn)
		for n := range 3 {
			call := c.signed(t, "/api/v1/peer/routes", "what is new?")
			go func() { _ = call.Write(conn) }()
			resp, err := http.ReadResponse(answers, call)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, "nothing new", string(body))
			require.Equal(t, n+1, held)
		}
		require.NoError(t, conn.Close())
		require.NoError(t, server.Close())
		serving.Wait()
	})
}

func TestACallIsTakenOnce(t *testing.T) {
	c := newCluster(t)
	first := c.signed(t, "/api/v1/peer/stream", "hello")
	second := first.Clone(t.Context())
	second.Body = io.NopCloser(strings.NewReader("hello"))
	require.Equal(t, http.StatusOK, c.do(first).Code)
	require.Equal(t, http.StatusForbidden, c.do(second).Code)
	require.Len(t, c.protocol.streams, 1)
	require.Equal(t, 1.0, c.refused(t, "replayed"))
}

func TestAnnounce(t *testing.T) {
	c := newCluster(t)
	body, err := json.Marshal(peerstore.Announcement{ClusterUUID: "uuid", Peer: peer(2, joining, true)})
	require.NoError(t, err)
	w := c.do(c.signed(t, peerstore.AnnouncePath, string(body)))
	require.Equal(t, http.StatusOK, w.Code)
	var answer peerstore.AnnounceAnswer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Len(t, answer.Peers, 1)
	require.Equal(t, []string{"other=p2"}, c.taken)

	unsigned := httptest.NewRequest(http.MethodPost, peerstore.AnnouncePath, bytes.NewReader(body))
	require.Equal(t, http.StatusUnauthorized, c.do(unsigned).Code)
	require.Equal(t, http.StatusForbidden, c.do(c.signed(t, peerstore.AnnouncePath, `{"clusterUuid":"x"}`)).Code)
	require.Equal(t, http.StatusBadRequest, c.do(c.signed(t, peerstore.AnnouncePath, `{`)).Code)
	require.Equal(t, http.StatusRequestEntityTooLarge, c.do(c.signed(t, peerstore.AnnouncePath, strings.Repeat(" ", 70_000))).Code)
	require.Len(t, c.taken, 1)
}

func TestWithoutSecretNothingIsTaken(t *testing.T) {
	for _, signer := range []*peerstore.Signer{nil, peerstore.NewSigner(nil)} {
		c := newCluster(t, func(d *httpapi.Deps) { d.Signer = signer })
		require.Equal(t, http.StatusForbidden, c.do(c.signed(t, "/api/v1/peer/stream", "hello")).Code)
		require.Empty(t, c.protocol.streams)
		require.Equal(t, 1.0, c.refused(t, "no secret"))
	}
}

func TestReplicationCredentials(t *testing.T) {
	c := newCluster(t, func(d *httpapi.Deps) { d.ReplicationAuth = httpapi.BasicAuth("eureka", "secret") })
	const batch = `{"replicationList":[]}`
	post := func(user, password string) int {
		r := httptest.NewRequest(http.MethodPost, "/eureka/peerreplication/batch/", strings.NewReader(batch))
		r.Header.Set("Content-Type", "application/json")
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		w := c.do(r)
		if w.Code != http.StatusOK {
			require.Empty(t, w.Body.String())
			require.NotEmpty(t, w.Header().Get("WWW-Authenticate"))
		}
		return w.Code
	}
	require.Equal(t, http.StatusUnauthorized, post("", ""))
	require.Equal(t, http.StatusUnauthorized, post("eureka", "wrong"))
	require.Equal(t, http.StatusUnauthorized, post("other", "secret"))
	require.Equal(t, http.StatusOK, post("eureka", "secret"))
	require.Equal(t, 3.0, c.refused(t, "replication credentials"))

	// What is marked as copied is held to the same; clients are not.
	r := httptest.NewRequest(http.MethodPut, "/eureka/apps/A/b", nil)
	require.Equal(t, http.StatusNotFound, c.do(r).Code)
	r = httptest.NewRequest(http.MethodPut, "/eureka/apps/A/b", nil)
	r.Header.Set("x-netflix-discovery-replication", "true")
	require.Equal(t, http.StatusUnauthorized, c.do(r).Code)
}
