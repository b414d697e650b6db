package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const typeText = "text/plain; charset=utf-8"

// livez answers GET /livez: the process runs, nothing more. Restarting a server because its database is away helps nobody.
func (s *Server) livez(c echo.Context) error {
	return answer(c, http.StatusOK, typeText, []byte("ok\n"))
}

// readyz answers GET /readyz: whether clients may be sent here. With ?verbose one line per check, as Kubernetes writes them.
func (s *Server) readyz(c echo.Context) error {
	ready, checks := s.deps.Ready()
	status, verdict := http.StatusOK, "ready\n"
	if !ready {
		status, verdict = http.StatusServiceUnavailable, "not ready\n"
	}
	var b strings.Builder
	if _, verbose := queryParam(c.Request().URL.RawQuery, "verbose"); verbose || !ready {
		for _, check := range checks {
			switch {
			case check.Degraded:
				b.WriteString("[!]")
			case check.OK:
				b.WriteString("[+]")
			default:
				b.WriteString("[-]")
			}
			b.WriteString(check.Name)
			if check.Detail != "" {
				b.WriteString(": ")
				b.WriteString(check.Detail)
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString(verdict)
	c.Response().Header().Set("Cache-Control", "no-store")
	return answer(c, status, typeText, []byte(b.String()))
}

// apiStatus answers GET /api/v1/status with whatever the server says about itself.
func (s *Server) apiStatus(c echo.Context) error {
	if s.deps.Status == nil {
		return errNotFound
	}
	return answerLive(c, s.deps.Status())
}

// showMetrics answers GET /metrics in Prometheus' formats.
func (s *Server) showMetrics() echo.HandlerFunc {
	if s.deps.Gatherer == nil {
		return func(echo.Context) error { return errNotFound }
	}
	return echo.WrapHandler(promhttp.HandlerFor(s.deps.Gatherer, promhttp.HandlerOpts{}))
}
