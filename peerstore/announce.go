package peerstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// An Announcement is how a server without a row introduces itself: the body of POST /api/v1/peer/announce, signed. So servers come
// and go among those who know each other while the database is away.
type Announcement struct {
	ClusterUUID string `json:"clusterUuid"`
	Peer        Peer   `json:"peer"`
}

// An AnnounceAnswer tells the newcomer whom the asked server lists, itself included.
type AnnounceAnswer struct {
	ClusterUUID string `json:"clusterUuid"`
	Peers       []Peer `json:"peers"`
}

// An Announcer delivers an announcement to the server with peer id to at baseURL.
type Announcer interface {
	Announce(ctx context.Context, baseURL, to string, a Announcement) (AnnounceAnswer, error)
}

// Errors of List.Announce.
var (
	// ErrForeign says that the newcomer belongs to another cluster.
	ErrForeign = errors.New("announcement from another cluster")
	// ErrBadAnnouncement says that it cannot be right: wrong sender, phase or address.
	ErrBadAnnouncement = errors.New("bad announcement")
	// ErrTooMany says that too many servers without a row are known already.
	ErrTooMany = errors.New("too many servers without a row in the database")
)

const (
	maxAnnouncementBytes = 64 << 10
	maxAnswerBytes       = 4 << 20
)

// DecodeAnnouncement reads the body of an announcement and checks that its peer is complete and of sane size.
func DecodeAnnouncement(body []byte) (Announcement, error) {
	var a Announcement
	if len(body) > maxAnnouncementBytes {
		return a, fmt.Errorf("%w: %d bytes, limit %d", ErrBadAnnouncement, len(body), maxAnnouncementBytes)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return Announcement{}, fmt.Errorf("%w: %w", ErrBadAnnouncement, err)
	}
	if err := a.Peer.check(); err != nil {
		return Announcement{}, fmt.Errorf("%w: %w", ErrBadAnnouncement, err)
	}
	return a, nil
}

// check reports what is wrong with a peer that came from outside.
func (p Peer) check() error {
	switch {
	case p.ID == "" || p.Cluster == "":
		return errors.New("peer without id or cluster")
	case p.BaseURL() == "":
		return errors.New("peer without a usable address")
	}
	for _, text := range []string{p.ID, p.Cluster, string(p.Phase), string(p.NamesrvPhase), p.Region, p.Zone, p.Host, p.Version} {
		if len(text) > maxNameLen {
			return errors.New("peer with an overlong field")
		}
	}
	for _, text := range []string{p.Addresses.Eureka, p.Addresses.Namesrv, p.Addresses.DNS} {
		if len(text) > maxURLLen {
			return errors.New("peer with an overlong address")
		}
	}
	return nil
}

// announced takes in an announcement whose signature was verified. A stranger is a member from now on, but listed only when a probe
// of its address confirms it.
func (r *roster) announced(caller Caller, a Announcement, self Peer, now time.Time) error {
	switch {
	case r.uuid == "" || a.ClusterUUID != r.uuid || a.Peer.Cluster != r.cluster:
		return ErrForeign
	case a.Peer.ID != caller.PeerID:
		return fmt.Errorf("%w: it is not about its sender", ErrBadAnnouncement)
	case !a.Peer.Phase.Living():
		return fmt.Errorf("%w: phase %q", ErrBadAnnouncement, a.Peer.Phase)
	case a.Peer.ID == self.ID || a.Peer.Addresses.Eureka == self.Addresses.Eureka:
		return fmt.Errorf("%w: this is my address", ErrBadAnnouncement)
	}
	if err := a.Peer.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrBadAnnouncement, err)
	}
	m, known := r.members[a.Peer.ID]
	if !known {
		if r.unverified() >= maxUnverified {
			return ErrTooMany
		}
		m = &member{}
		r.members[a.Peer.ID] = m
	}
	if m.fromDB {
		return nil // its row says more
	}
	m.row.Peer, m.moved = a.Peer, now
	return nil
}

// HTTPAnnouncer announces by signed POSTs.
type HTTPAnnouncer struct {
	Transport http.RoundTripper // nil means http.DefaultTransport
	Signer    *Signer           // required
}

var _ Announcer = HTTPAnnouncer{}

// Announce implements Announcer.
func (h HTTPAnnouncer) Announce(ctx context.Context, baseURL, to string, a Announcement) (AnnounceAnswer, error) {
	fail := func(err error) (AnnounceAnswer, error) {
		return AnnounceAnswer{}, fmt.Errorf("announce to %s: %w", baseURL, err)
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fail(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, baseURL+AnnouncePath, bytes.NewReader(body))
	if err != nil {
		return fail(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if err := h.Signer.Sign(req, body, to); err != nil {
		return fail(err)
	}
	resp, err := transport(h.Transport).RoundTrip(req)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return fail(err)
	}
	if resp.StatusCode != http.StatusOK {
		return fail(fmt.Errorf("status %d: %.200s", resp.StatusCode, text))
	}
	if len(text) > maxAnswerBytes {
		return fail(fmt.Errorf("answer above %d bytes", maxAnswerBytes))
	}
	if err := h.Signer.VerifyAnswer(resp.Header, req, text); err != nil {
		return fail(err)
	}
	var answer AnnounceAnswer
	if err := json.Unmarshal(text, &answer); err != nil {
		return fail(fmt.Errorf("decode answer: %w", err))
	}
	return answer, nil
}

func transport(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		return http.DefaultTransport
	}
	return rt
}
