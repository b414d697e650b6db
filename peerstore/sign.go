package peerstore

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Headers of a signed call. Every other header that begins with HeaderPrefix is covered by the signature too, and so is
// Content-Type.
const (
	HeaderPrefix    = "Zonekeeper-"
	HeaderPeer      = "Zonekeeper-Peer"      // who calls: peer id
	HeaderEpoch     = "Zonekeeper-Epoch"     // and epoch
	HeaderTo        = "Zonekeeper-To"        // who is called: peer id
	HeaderNonce     = "Zonekeeper-Nonce"     // session of the caller's process and number in it
	HeaderSignature = "Zonekeeper-Signature" // hex HMAC-SHA256 of all of that
)

// A Caller is who signed a call.
type Caller struct {
	PeerID string
	Epoch  int64
}

// Errors of Sign and Verify. All but ErrNoSecret mean: refuse, count, apply nothing.
var (
	ErrNoSecret     = errors.New("the cluster's secret is not known yet")
	ErrUnsigned     = errors.New("call between servers without a signature")
	ErrBadSignature = errors.New("call between servers with a wrong signature")
	ErrNotForMe     = errors.New("signed call is meant for another incarnation")
	ErrReplayed     = errors.New("signed call was seen before")
)

// A Signer signs our calls to other servers and verifies theirs with the cluster's secret. It is safe for concurrent use.
//
// A signature covers method, path, query, content type, all headers of ours, the body, and for whom the call is meant. The last
// binds it to one incarnation of one server, so a recorded call is good for nothing after a restart, and a running server
// refuses every number of a session that it has seen. No clock is asked, so no clock can be wrong.
type Signer struct {
	mu      sync.Mutex
	secret  []byte
	self    Caller
	session string   // random per Signer, that is per process start
	number  uint64   // of the last call signed
	mine    []string // my recent peer ids: callers learn of a new incarnation a little late
	guard   replayGuard
}

// maxOwnIDs is how many earlier incarnations of this process may still be addressed.
const maxOwnIDs = 4

// NewSigner returns a Signer that uses a copy of secret. An empty secret makes it refuse everything until SetSecret.
func NewSigner(secret []byte) *Signer {
	var session [12]byte
	_, _ = rand.Read(session[:]) // crypto/rand.Read never fails: it ends the process instead
	return &Signer{secret: slices.Clone(secret), session: hex.EncodeToString(session[:]), guard: newReplayGuard()}
}

// SetSecret replaces the secret, as when the first registration brings it.
func (s *Signer) SetSecret(secret []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = slices.Clone(secret)
}

// SetSelf tells the Signer who we are now. Calls meant for one of our last incarnations are still accepted.
func (s *Signer) SetSelf(self Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.self = self
	if !slices.Contains(s.mine, self.PeerID) {
		s.mine = append(s.mine, self.PeerID)
		s.mine = s.mine[max(0, len(s.mine)-maxOwnIDs):]
	}
}

// Sign adds the headers of a signed call from us to the server whose peer id is to. All headers of ours and the content type must
// be set before. The only error is ErrNoSecret.
func (s *Signer) Sign(r *http.Request, body []byte, to string) error {
	s.mu.Lock()
	secret, self := s.secret, s.self
	s.number++
	number := s.number
	s.mu.Unlock()
	if len(secret) == 0 {
		return ErrNoSecret
	}
	r.Header.Set(HeaderPeer, self.PeerID)
	r.Header.Set(HeaderEpoch, strconv.FormatInt(self.Epoch, 10))
	r.Header.Set(HeaderTo, to)
	r.Header.Set(HeaderNonce, s.session+"-"+strconv.FormatUint(number, 10))
	r.Header.Set(HeaderSignature, hex.EncodeToString(mac(secret, r, body)))
	return nil
}

// Verify checks a call that came in and returns who made it. Body is the whole body as received. A call verifies once: the second
// time it is ErrReplayed.
func (s *Signer) Verify(r *http.Request, body []byte) (Caller, error) {
	given, err := hex.DecodeString(r.Header.Get(HeaderSignature))
	if err != nil || len(given) == 0 {
		return Caller{}, ErrUnsigned
	}
	s.mu.Lock()
	secret, forMe := s.secret, slices.Contains(s.mine, r.Header.Get(HeaderTo))
	s.mu.Unlock()
	switch {
	case len(secret) == 0:
		return Caller{}, ErrNoSecret
	case !hmac.Equal(given, mac(secret, r, body)):
		return Caller{}, ErrBadSignature
	case !forMe:
		return Caller{}, ErrNotForMe
	}
	// From here on a holder of the secret speaks; the rest guards against what an onlooker could record.
	epoch, err := strconv.ParseInt(r.Header.Get(HeaderEpoch), 10, 64)
	if err != nil {
		return Caller{}, fmt.Errorf("%w: epoch: %w", ErrBadSignature, err)
	}
	session, text, ok := strings.Cut(r.Header.Get(HeaderNonce), "-")
	number, err := strconv.ParseUint(text, 10, 64)
	if !ok || err != nil || len(session) > maxNameLen {
		return Caller{}, fmt.Errorf("%w: nonce", ErrBadSignature)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.guard.admit(session, number) {
		return Caller{}, ErrReplayed
	}
	return Caller{PeerID: r.Header.Get(HeaderPeer), Epoch: epoch}, nil
}

// mac computes the signature. Every part is preceded by its length, so that no two calls look alike.
func mac(secret []byte, r *http.Request, body []byte) []byte {
	text := make([]byte, 0, 768)
	text = part(text, "zonekeeper-peer-call-1")
	text = part(text, r.Method)
	text = part(text, r.URL.EscapedPath())
	text = part(text, r.URL.RawQuery)
	text = part(text, r.Header.Get("Content-Type"))
	names := make([]string, 0, 8)
	for name := range r.Header {
		if strings.HasPrefix(name, HeaderPrefix) && name != HeaderSignature {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		text = part(text, name)
		for _, value := range r.Header[name] {
			text = part(text, value)
		}
	}
	sum := sha256.Sum256(body)
	h := hmac.New(sha256.New, secret)
	h.Write(append(text, sum[:]...))
	return h.Sum(nil)
}

func part(dst []byte, text string) []byte {
	dst = strconv.AppendInt(dst, int64(len(text)), 10)
	return append(append(dst, ':'), text...)
}
