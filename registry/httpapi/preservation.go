package httpapi

import (
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

var errNotHere = &statusError{
	http.StatusForbidden,
	"only callers on the server's own machine, by a loopback address, may end self-preservation: run `zonekeeper preservation end` there",
}

var errUpstream = &statusError{
	http.StatusConflict,
	"self-preservation is set to do as upstream: the renewals of the last minute alone end it",
}

// endPreservation answers POST /api/v1/self-preservation/end, the operator's word that what is missing is gone for good: instances that
// are kept now are given up. It ends this server's own preservation; every server judges for itself.
func (s *Server) endPreservation(c echo.Context) error {
	r := c.Request()
	if !fromHere(r) {
		return errNotHere
	}
	if s.deps.UpstreamPreservation {
		return errUpstream
	}
	kept := s.deps.Registry.Preservation()
	if kept.Active {
		s.deps.Registry.EndPreservation()
		s.deps.Log.Warn("an operator ended self-preservation", "caller", r.RemoteAddr, "agent", r.UserAgent(), "kept", kept.Kept)
	}
	return answerLive(c, struct {
		Ended bool `json:"ended"`
	}{kept.Active})
}

// fromHere reports whether a request comes from this machine: over loopback, not handed on by a proxy, and not by the page of some
// site in a browser here.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, handedOn := range []string{"Forwarded", "X-Forwarded-For", "Via", "Origin"} {
		if r.Header.Get(handedOn) != "" {
			return false
		}
	}
	host, _, _ = strings.Cut(host, "%") // an IPv6 zone
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
