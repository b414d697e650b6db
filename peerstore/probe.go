package peerstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"
)

// probeTimeout is how long one probe may take.
const probeTimeout = time.Second

// A Prober asks an address who it is. The error says why there was no proper answer; IsRefused tells a closed door from silence.
// Implementations answer by the time ctx ends.
type Prober interface {
	Probe(ctx context.Context, baseURL string) (Identity, error)
}

// IsRefused tells whether err says that nobody listens at the address: an answer, and a definite one.
func IsRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// HTTPProber probes by GET /api/v1/peer. It follows no redirects: an identity elsewhere is not an identity here.
type HTTPProber struct {
	Transport http.RoundTripper // nil means http.DefaultTransport
}

var _ Prober = HTTPProber{}

// Probe implements Prober.
func (h HTTPProber) Probe(ctx context.Context, baseURL string) (Identity, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+IdentityPath, http.NoBody)
	if err != nil {
		return Identity{}, fmt.Errorf("probe %s: %w", baseURL, err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := transport(h.Transport).RoundTrip(req)
	if err != nil {
		return Identity{}, fmt.Errorf("probe %s: %w", baseURL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxIdentityBytes+1))
	if err != nil {
		return Identity{}, fmt.Errorf("probe %s: %w", baseURL, err)
	}
	if resp.StatusCode != http.StatusOK {
		return Identity{}, fmt.Errorf("probe %s: status %d", baseURL, resp.StatusCode)
	}
	id, err := DecodeIdentity(body)
	if err != nil {
		return Identity{}, fmt.Errorf("probe %s: %w", baseURL, err)
	}
	return id, nil
}

// What CheckAddress finds out about our own advertised address.
const (
	AddressMine   AddressCheck = iota // we answer there
	AddressOthers                     // somebody else does: we must not join under it
	AddressSilent                     // nobody does in time; behind some networks one cannot reach oneself: join, and warn
)

// An AddressCheck is the result of CheckAddress.
type AddressCheck uint8

// CheckAddress probes our own advertised address until somebody answers with an identity, at most for patience. The identity is
// the answerer's; the error is the last probe's when the address was silent. It returns AddressSilent when ctx ends.
func CheckAddress(ctx context.Context, p Prober, self Peer, patience time.Duration) (AddressCheck, Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		id, err := probeOnce(ctx, p, self.BaseURL())
		switch {
		case err == nil && id.PeerID == self.ID:
			return AddressMine, id, nil
		case err == nil:
			return AddressOthers, id, nil
		}
		select {
		case <-ctx.Done():
			return AddressSilent, Identity{}, err
		case <-time.After(probeTimeout / 4):
		}
	}
}

func probeOnce(ctx context.Context, p Prober, baseURL string) (Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return p.Probe(ctx, baseURL)
}
