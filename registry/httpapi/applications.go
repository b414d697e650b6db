package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// fullList answers GET apps: every application. The parameter "regions" is accepted and has no effect: there are no remote
// regions, and upstream without any answers the same.
func (s *Server) fullList(c echo.Context) error {
	if err := s.listable(); err != nil {
		return err
	}
	return s.answerFull(c, wantsGzip(c.Request().Header))
}

// delta answers GET apps/delta: what changed of late, and the hash code of the whole.
func (s *Server) delta(c echo.Context) error {
	if err := s.deltaAllowed(); err != nil {
		return err
	}
	return s.answerDelta(c, wantsGzip(c.Request().Header))
}

// listable is the gate before every list.
// Compat: Netflix/eureka ResponseCacheImpl aside, "not ready" is 403 (PeerAwareInstanceRegistryImpl.java: shouldAllowAccess);
// clients then keep what they have and try the next server.
func (s *Server) listable() error {
	if s.deps.Phase() == peerstore.PhaseJoining {
		return errJoining
	}
	return nil
}

func (s *Server) deltaAllowed() error {
	if s.deps.NoDelta {
		return errNoDelta
	}
	return s.listable()
}

func (s *Server) answerFull(c echo.Context, gzip bool) error {
	h := c.Request().Header
	want, _ := negotiate(h)
	return answerList(c, want.label, gzip, s.deps.Registry.Snapshot().Full(want.listFormat(h), gzip)...)
}

func (s *Server) answerDelta(c echo.Context, gzip bool) error {
	h := c.Request().Header
	want, _ := negotiate(h)
	return answerList(c, want.label, gzip, s.deps.Registry.Snapshot().Delta(want.listFormat(h), gzip))
}

func answerList(c echo.Context, label string, gzip bool, body ...[]byte) error {
	if gzip {
		c.Response().Header()["Content-Encoding"] = headerGzip
	}
	return answer(c, http.StatusOK, label, body...)
}
