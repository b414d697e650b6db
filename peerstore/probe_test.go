package peerstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

var me = peerstore.Peer{
	ID: "me", Cluster: "test", Epoch: 4, Phase: peerstore.PhaseServing, NamesrvPhase: peerstore.PhaseJoining,
	Addresses: peerstore.Addresses{Eureka: "http://me:8761/eureka/", Namesrv: "10.0.0.1:9876"},
}

func TestHTTPProber(t *testing.T) {
	var answer func(w http.ResponseWriter, r *http.Request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	prober := peerstore.HTTPProber{Transport: transport}

	want := peerstore.IdentityOf(me, "uuid")
	answer = func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "GET /api/v1/peer", r.Method+" "+r.URL.Path)
		_ = json.NewEncoder(w).Encode(want)
	}
	got, err := prober.Probe(t.Context(), server.URL)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, me.NamesrvPhase, got.NamesrvPhase)
	require.Equal(t, me.Addresses.Namesrv, got.Namesrv)

	for name, bad := range map[string]func(http.ResponseWriter, *http.Request){
		"status":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"huge":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat(" ", 1<<20)) },
		"nobody":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
		"overlong": func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(peerstore.Identity{Cluster: "c", PeerID: strings.Repeat("x", 300)})
		},
		"overlong address": func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(peerstore.Identity{Cluster: "c", PeerID: "p", Namesrv: strings.Repeat("x", 3000)})
		},
	} {
		answer = bad
		_, err := prober.Probe(t.Context(), server.URL)
		require.Error(t, err, name)
		require.False(t, peerstore.IsRefused(err), name)
	}

	address := server.Listener.Addr().String()
	server.Close()
	_, err = prober.Probe(t.Context(), "http://"+address)
	require.True(t, peerstore.IsRefused(err), "%v", err)
	_, err = prober.Probe(t.Context(), "http://%zz")
	require.Error(t, err)
}

func TestProbeEndsWithItsContext(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	prober := peerstore.HTTPProber{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil },
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := prober.Probe(ctx, "http://me:8761")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

type proberFunc func() (peerstore.Identity, error)

func (f proberFunc) Probe(context.Context, string) (peerstore.Identity, error) { return f() }

func TestCheckAddress(t *testing.T) {
	noAnswer := errors.New("no answer")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		check := func(f proberFunc) (peerstore.AddressCheck, peerstore.Identity, error) {
			return peerstore.CheckAddress(t.Context(), f, me, 10*time.Second)
		}
		result, _, err := check(func() (peerstore.Identity, error) { return peerstore.IdentityOf(me, ""), nil })
		require.NoError(t, err)
		require.Equal(t, peerstore.AddressMine, result)
		require.Zero(t, time.Since(start))

		result, who, err := check(func() (peerstore.Identity, error) { return peerstore.Identity{PeerID: "other"}, nil })
		require.NoError(t, err)
		require.Equal(t, peerstore.AddressOthers, result)
		require.Equal(t, "other", who.PeerID)

		result, _, err = check(func() (peerstore.Identity, error) {
			if time.Since(start) < 5*time.Second {
				return peerstore.Identity{}, noAnswer
			}
			return peerstore.IdentityOf(me, ""), nil
		})
		require.NoError(t, err)
		require.Equal(t, peerstore.AddressMine, result, "our listener may need a moment")

		start = time.Now()
		result, _, err = check(func() (peerstore.Identity, error) { return peerstore.Identity{}, noAnswer })
		require.ErrorIs(t, err, noAnswer)
		require.Equal(t, peerstore.AddressSilent, result)
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestHTTPAnnouncer(t *testing.T) {
	from, to := signers()
	want := peerstore.AnnounceAnswer{ClusterUUID: "uuid", Peers: []peerstore.Peer{me}}
	status, signed := http.StatusOK, true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		caller, err := to.Verify(r, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		require.Equal(t, "from", caller.PeerID)
		a, err := peerstore.DecodeAnnouncement(body)
		require.NoError(t, err)
		require.Equal(t, me, a.Peer)
		text, err := json.Marshal(want)
		require.NoError(t, err)
		w.Header().Set("Content-Type", "application/json")
		if signed {
			to.SignAnswer(w.Header(), r, text)
		}
		w.WriteHeader(status)
		_, _ = w.Write(text)
	}))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	announcer := peerstore.HTTPAnnouncer{Transport: transport, Signer: from}
	a := peerstore.Announcement{ClusterUUID: "uuid", Peer: me}

	got, err := announcer.Announce(t.Context(), server.URL, "to", a)
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = announcer.Announce(t.Context(), server.URL, "somebody else", a)
	require.ErrorContains(t, err, "401")
	signed = false
	_, err = announcer.Announce(t.Context(), server.URL, "to", a)
	require.ErrorIs(t, err, peerstore.ErrBadAnswer)
	status = http.StatusForbidden
	_, err = announcer.Announce(t.Context(), server.URL, "to", a)
	require.ErrorContains(t, err, "403")
	announcer.Signer = peerstore.NewSigner(nil)
	_, err = announcer.Announce(t.Context(), server.URL, "to", a)
	require.ErrorIs(t, err, peerstore.ErrNoSecret)
}
