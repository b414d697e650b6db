package peerstore_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func TestSignedAnswer(t *testing.T) {
	from, to := signers()
	call, another := request("body"), request("body")
	require.NoError(t, from.Sign(call, []byte("body"), "to"))
	require.NoError(t, from.Sign(another, []byte("body"), "to"))
	answer := func() http.Header {
		h := http.Header{"Content-Type": {"application/x"}}
		to.SignAnswer(h, call, []byte("answer"))
		return h
	}
	require.NoError(t, from.VerifyAnswer(answer(), call, []byte("answer")))
	require.ErrorIs(t, from.VerifyAnswer(answer(), call, []byte("another")), peerstore.ErrBadAnswer)
	require.ErrorIs(t, from.VerifyAnswer(answer(), another, []byte("answer")), peerstore.ErrBadAnswer, "each answer is for one call")
	for name, tamper := range map[string]func(http.Header){
		"content type":    func(h http.Header) { h.Set("Content-Type", "application/y") },
		"unsigned":        func(h http.Header) { h.Del(peerstore.HeaderAnswer) },
		"no hex":          func(h http.Header) { h.Set(peerstore.HeaderAnswer, "not hex") },
		"wrong":           func(h http.Header) { h.Set(peerstore.HeaderAnswer, strings.Repeat("00", 32)) },
		"call sent back":  func(h http.Header) { h.Set(peerstore.HeaderAnswer, call.Header.Get(peerstore.HeaderSignature)) },
		"signature short": func(h http.Header) { h.Set(peerstore.HeaderAnswer, h.Get(peerstore.HeaderAnswer)[:16]) },
	} {
		h := answer()
		tamper(h)
		require.ErrorIs(t, from.VerifyAnswer(h, call, []byte("answer")), peerstore.ErrBadAnswer, name)
	}
	stranger := peerstore.NewSigner([]byte("another secret of another cluster"))
	h := http.Header{"Content-Type": {"application/x"}}
	stranger.SignAnswer(h, call, []byte("answer"))
	require.ErrorIs(t, from.VerifyAnswer(h, call, []byte("answer")), peerstore.ErrBadAnswer)
	peerstore.NewSigner(nil).SignAnswer(h, call, []byte("answer"))
	require.ErrorIs(t, peerstore.NewSigner(nil).VerifyAnswer(h, call, []byte("answer")), peerstore.ErrBadAnswer, "no secret, no trust")
}
