package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// maxAnnouncement bounds the body of an announcement, which has some 600 bytes, maxRoutesCall that of a question for routes, which
// has fewer: neither is ever a large one, of which only a few may be held at a time.
const (
	maxAnnouncement = 64 << 10
	maxRoutesCall   = 64 << 10
)

// identity answers GET /api/v1/peer: who this is. It is not secret; probes compare it.
func (s *Server) identity(c echo.Context) error {
	if s.deps.Identity == nil {
		return errNotFound
	}
	return answerJSON(c, s.deps.Identity())
}

// peerCall answers one verified call between our servers.
type peerCall = func(w http.ResponseWriter, r *http.Request, from peerstore.Caller)

// signed wraps a call between our servers: the body is read whole, at most limit bytes, the signature verified over it, and only
// then anything is looked at.
func (s *Server) signed(serve peerCall, limit int64) echo.HandlerFunc {
	return func(c echo.Context) error {
		if serve == nil {
			return errNotFound
		}
		from, body, err := s.verify(c, limit)
		if err != nil {
			return err
		}
		defer s.doneWith(body)
		req := c.Request()
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
		serve(c.Response(), req, from)
		return nil
	}
}

// announce answers POST /api/v1/peer/announce: a server without a row introduces itself.
func (s *Server) announce(c echo.Context) error {
	if s.deps.Announce == nil {
		return errNotFound
	}
	from, body, err := s.verify(c, maxAnnouncement) // never a large one
	if err != nil {
		return err
	}
	var a peerstore.Announcement
	if err := json.Unmarshal(body, &a); err != nil {
		return &statusError{http.StatusBadRequest, "the announcement does not decode: " + err.Error()}
	}
	known, err := s.deps.Announce(from, a)
	if err != nil {
		s.refusedPeer(c, "announcement", err)
		return &statusError{http.StatusForbidden, "the announcement is refused: " + err.Error()}
	}
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Type", typeJSON)
	s.deps.Signer.SignAnswer(c.Response().Header(), c.Request(), text)
	return answer(c, http.StatusOK, typeJSON, text)
}

// verify reads the body and checks who signed it. Every failure is counted, and nothing was applied. A body returned goes to
// doneWith.
func (s *Server) verify(c echo.Context, limit int64) (peerstore.Caller, []byte, error) {
	req := c.Request()
	if s.deps.Signer == nil {
		s.refusedPeer(c, "no secret", peerstore.ErrNoSecret)
		return peerstore.Caller{}, nil, &statusError{http.StatusForbidden, "this server takes no calls of other servers"}
	}
	if req.Header.Get(peerstore.HeaderSignature) == "" {
		// Before the body is read: who cannot sign does not get to send megabytes.
		s.refusedPeer(c, "unsigned", peerstore.ErrUnsigned)
		return peerstore.Caller{}, nil, &statusError{http.StatusUnauthorized, peerstore.ErrUnsigned.Error()}
	}
	body, err := s.readBody(c.Response(), req, limit)
	switch {
	case errors.Is(err, errTooLarge):
		s.refusedPeer(c, "too large", err)
		return peerstore.Caller{}, nil, err
	case errors.Is(err, errBusy):
		s.refusedPeer(c, "busy", err)
		return peerstore.Caller{}, nil, err
	case err != nil:
		s.refusedPeer(c, "unreadable", err)
		return peerstore.Caller{}, nil, &statusError{http.StatusBadRequest, "the body does not arrive whole"}
	}
	from, err := s.deps.Signer.Verify(req, body)
	if err != nil {
		status, reason := http.StatusForbidden, "signature"
		switch {
		case errors.Is(err, peerstore.ErrUnsigned):
			status, reason = http.StatusUnauthorized, "unsigned"
		case errors.Is(err, peerstore.ErrNoSecret):
			reason = "no secret"
		case errors.Is(err, peerstore.ErrReplayed):
			reason = "replayed"
		case errors.Is(err, peerstore.ErrNotForMe):
			reason = "not for me"
		}
		s.refusedPeer(c, reason, err)
		s.doneWith(body)
		return peerstore.Caller{}, nil, &statusError{status, err.Error()}
	}
	return from, body, nil
}

func (s *Server) refusedPeer(c echo.Context, reason string, err error) {
	s.metrics.peerRefused(reason)
	if skipped, ok := s.notes.take(); ok {
		s.deps.Log.Warn("call between servers refused", "from", c.Request().RemoteAddr, "path", c.Request().URL.Path, "err", err, "more", skipped)
	}
}
