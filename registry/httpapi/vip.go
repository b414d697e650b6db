package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// vip answers GET vips/{vip}: 200 with an empty list for a vip nobody has, never 404.
func (s *Server) vip(c echo.Context) error { return s.answerVIP(c, false) }

// secureVIP answers GET svips/{vip}.
func (s *Server) secureVIP(c echo.Context) error { return s.answerVIP(c, true) }

func (s *Server) answerVIP(c echo.Context, secure bool) error {
	if err := s.listable(); err != nil {
		return err
	}
	h := c.Request().Header
	want, _ := negotiate(h)
	body := s.deps.Registry.Snapshot().VIP(pathParam(c, "vip"), secure, want.listFormat(h), false)
	return answer(c, http.StatusOK, want.label, body)
}
