package peerstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
)

// HeaderAnswer is the hex HMAC-SHA256 of an answer to a signed call.
const HeaderAnswer = "Zonekeeper-Answer"

// ErrBadAnswer means that an answer does not come from a server of this cluster, or is not the answer to this call.
var ErrBadAnswer = errors.New("answer between servers without a right signature")

// SignAnswer adds the signature of the answer to a call that Verify let through to the answer's headers, of which Content-Type must
// be set before. It covers the call's own signature, and with that its nonce, so no answer is good for another call. Without a
// secret, when Verify lets nothing through, it adds none.
func (s *Signer) SignAnswer(header http.Header, call *http.Request, body []byte) {
	if sum := s.answerMAC(header, call, body); sum != nil {
		header.Set(HeaderAnswer, hex.EncodeToString(sum))
	}
}

// VerifyAnswer checks the answer, with status 200, to a call that Sign has signed. The only error is ErrBadAnswer.
func (s *Signer) VerifyAnswer(header http.Header, call *http.Request, body []byte) error {
	given, err := hex.DecodeString(header.Get(HeaderAnswer))
	if sum := s.answerMAC(header, call, body); err != nil || sum == nil || !hmac.Equal(given, sum) {
		return ErrBadAnswer
	}
	return nil
}

func (s *Signer) answerMAC(header http.Header, call *http.Request, body []byte) []byte {
	s.mu.Lock()
	secret := slices.Clone(s.secret)
	s.mu.Unlock()
	if len(secret) == 0 {
		return nil
	}
	// One write: through the interface of a hash each one would be copied to the heap.
	text := part(nil, "zonekeeper-peer-answer-1")
	text = part(text, call.Header.Get(HeaderSignature))
	text = part(text, header.Get("Content-Type"))
	sum := sha256.Sum256(body)
	h := hmac.New(sha256.New, secret)
	h.Write(append(text, sum[:]...))
	return h.Sum(nil)
}
