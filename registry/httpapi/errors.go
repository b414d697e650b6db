package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/registry"
)

// statusError is an answer without a body under the Eureka API, a line of text under /rocketmq, and a problem document under
// /api/v1. The text is for those and for the log.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

// What handlers refuse with.
var (
	errNotFound    = &statusError{http.StatusNotFound, "there is nothing at this path"}
	errMethod      = &statusError{http.StatusMethodNotAllowed, "the path does not take this method"}
	errContentType = &statusError{http.StatusBadRequest, "the Content-Type is not a media type"}
	errMediaType   = &statusError{http.StatusUnsupportedMediaType, "the body must be application/json or application/xml in UTF-8"}
	errAccept      = &statusError{http.StatusNotAcceptable, "answers are application/json or application/xml"}
	errJoining     = &statusError{http.StatusForbidden, "this server is still copying its peers' registries"}
	errNoDelta     = &statusError{http.StatusForbidden, "deltas are switched off"}
	errUnknownApp  = &statusError{http.StatusNotFound, "no such application"}
	errBadQuery    = &statusError{http.StatusBadRequest, "a query parameter cannot be read"}
	errInternal    = &statusError{http.StatusInternalServerError, "the request cannot be answered"}
	errBusy        = &statusError{http.StatusServiceUnavailable, "too many large bodies arrive at a time"}
	errAuth        = &statusError{http.StatusUnauthorized, "replication needs credentials"}
)

// statusOf is the one table from error to HTTP status.
func statusOf(err error) int {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, registry.ErrUnfit):
		return http.StatusBadRequest
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// noRoute is echo's error handler. Routes answer their own errors, so what comes here is the router's: a path that is none of ours.
func (s *Server) noRoute(_ error, c echo.Context) {
	s.fail(errNotFound, c)
	s.unmatched.observe(c.Response().Status, 0)
}

// fail answers an error.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := statusOf(err)
	if errors.Is(err, errAuth) {
		c.Response().Header().Set("WWW-Authenticate", `Basic realm="replication"`)
	}
	switch path := c.Request().URL.Path; {
	case strings.HasPrefix(path, "/api/v1/"):
		_ = problem(c, status, err.Error())
		return
	case path == "/rocketmq", strings.HasPrefix(path, "/rocketmq/"):
		if errors.Is(err, errNotFound) {
			err = errSubgroup
		}
		_ = answer(c, status, typeText, []byte(err.Error()+"\n"))
		return
	}
	// Any body here would stop Jersey clients from registering again; see the package comment.
	_ = answer(c, status, "", nil)
}

// problem answers an error under /api/v1 as RFC 9457 has it.
func problem(c echo.Context, status int, detail string) error {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
	}{"about:blank", http.StatusText(status), status, detail})
	if err != nil {
		return err
	}
	return answer(c, status, "application/problem+json", body)
}
