package peerstore_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

func signers() (from, to *peerstore.Signer) {
	from, to = peerstore.NewSigner(secret), peerstore.NewSigner(secret)
	from.SetSelf(peerstore.Caller{PeerID: "from", Epoch: 7})
	to.SetSelf(peerstore.Caller{PeerID: "to", Epoch: 9})
	return from, to
}

func request(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://host/api/v1/peer/stream?a=b", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x")
	r.Header.Set("Zonekeeper-Stream", "s1")
	r.Header.Set("User-Agent", "any")
	return r
}

func TestSignedCall(t *testing.T) {
	from, to := signers()
	r := request("body")
	require.NoError(t, from.Sign(r, []byte("body"), "to"))
	caller, err := to.Verify(r, []byte("body"))
	require.NoError(t, err)
	require.Equal(t, peerstore.Caller{PeerID: "from", Epoch: 7}, caller)
	_, err = to.Verify(r, []byte("body"))
	require.ErrorIs(t, err, peerstore.ErrReplayed)
}

func TestTamperedCalls(t *testing.T) {
	from, to := signers()
	for name, tamper := range map[string]func(*http.Request){
		"method":          func(r *http.Request) { r.Method = http.MethodPut },
		"path":            func(r *http.Request) { r.URL.Path = "/api/v1/peer/announce" },
		"query":           func(r *http.Request) { r.URL.RawQuery = "" },
		"content type":    func(r *http.Request) { r.Header.Set("Content-Type", "application/y") },
		"header of ours":  func(r *http.Request) { r.Header.Set("Zonekeeper-Stream", "s2") },
		"header dropped":  func(r *http.Request) { r.Header.Del("Zonekeeper-Stream") },
		"header added":    func(r *http.Request) { r.Header.Add("Zonekeeper-Stream", "s1") },
		"new header":      func(r *http.Request) { r.Header.Set("Zonekeeper-Other", "") },
		"caller":          func(r *http.Request) { r.Header.Set(peerstore.HeaderPeer, "other") },
		"epoch":           func(r *http.Request) { r.Header.Set(peerstore.HeaderEpoch, "8") },
		"receiver":        func(r *http.Request) { r.Header.Set(peerstore.HeaderTo, "from") },
		"nonce":           func(r *http.Request) { r.Header.Set(peerstore.HeaderNonce, "x-1") },
		"signature":       func(r *http.Request) { r.Header.Set(peerstore.HeaderSignature, strings.Repeat("00", 32)) },
		"short signature": func(r *http.Request) { r.Header.Set(peerstore.HeaderSignature, "00") },
	} {
		t.Run(name, func(t *testing.T) {
			r := request("body")
			require.NoError(t, from.Sign(r, []byte("body"), "to"))
			tamper(r)
			_, err := to.Verify(r, []byte("body"))
			require.ErrorIs(t, err, peerstore.ErrBadSignature)
		})
	}
	r := request("body")
	require.NoError(t, from.Sign(r, []byte("body"), "to"))
	_, err := to.Verify(r, []byte("ydob"))
	require.ErrorIs(t, err, peerstore.ErrBadSignature)
	for _, none := range []string{"", "not hex"} {
		r.Header.Set(peerstore.HeaderSignature, none)
		_, err = to.Verify(r, []byte("body"))
		require.ErrorIs(t, err, peerstore.ErrUnsigned)
	}
	r = request("body")
	r.Header.Set("User-Agent", "before")
	require.NoError(t, from.Sign(r, []byte("body"), "to"))
	r.Header.Set("User-Agent", "a proxy's")
	_, err = to.Verify(r, []byte("body"))
	require.NoError(t, err, "headers that are not ours may change on the way")
}

func TestCallForAnotherIncarnation(t *testing.T) {
	from, to := signers()
	r := request("")
	require.NoError(t, from.Sign(r, nil, "to before"))
	_, err := to.Verify(r, nil)
	require.ErrorIs(t, err, peerstore.ErrNotForMe)

	r = request("")
	require.NoError(t, from.Sign(r, nil, "to"))
	to.SetSelf(peerstore.Caller{PeerID: "to again", Epoch: 12})
	_, err = to.Verify(r, nil)
	require.NoError(t, err, "callers hear of a new incarnation a little late")

	recorded := request("")
	require.NoError(t, from.Sign(recorded, nil, "to"))
	restarted := peerstore.NewSigner(secret)
	restarted.SetSelf(peerstore.Caller{PeerID: "to after", Epoch: 13})
	_, err = restarted.Verify(recorded, nil)
	require.ErrorIs(t, err, peerstore.ErrNotForMe, "what was recorded before a restart is good for nothing after")
}

func TestSecrets(t *testing.T) {
	_, to := signers()
	from := peerstore.NewSigner(nil)
	from.SetSelf(peerstore.Caller{PeerID: "from"})
	r := request("")
	require.ErrorIs(t, from.Sign(r, nil, "to"), peerstore.ErrNoSecret)
	from.SetSecret([]byte("another secret of another cluster"))
	require.NoError(t, from.Sign(r, nil, "to"))
	_, err := to.Verify(r, nil)
	require.ErrorIs(t, err, peerstore.ErrBadSignature)
	_, err = peerstore.NewSigner(nil).Verify(r, nil)
	require.ErrorIs(t, err, peerstore.ErrNoSecret)
	from.SetSecret(secret)
	r = request("")
	require.NoError(t, from.Sign(r, nil, "to"))
	_, err = to.Verify(r, nil)
	require.NoError(t, err)
}

func BenchmarkSignAndVerify(b *testing.B) {
	from, to := signers()
	body := []byte(strings.Repeat("x", 4096))
	r := request("")
	b.ReportAllocs()
	for b.Loop() {
		if err := from.Sign(r, body, "to"); err != nil {
			b.Fatal(err)
		}
		if _, err := to.Verify(r, body); err != nil {
			b.Fatal(err)
		}
	}
}
