package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// zone answers GET /zone and its relatives: the servers that take clients, in one of the forms of clientcfg. The parameter
// "zone" puts the servers of that zone first. The ETag is the list's own, the same on every server that knows the same list.
func (s *Server) zone(f clientcfg.Format) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.deps.Servers == nil {
			return errNotFound
		}
		req := c.Request()
		own, _ := queryParam(req.URL.RawQuery, "zone")
		list := s.deps.Servers.List()
		tag := zoneTag(c, list)
		if matches(req.Header, tag) {
			return answer(c, http.StatusNotModified, "", nil)
		}
		return answer(c, http.StatusOK, f.ContentType(), list.Render(f, own))
	}
}

// zoneTag sets the headers that every answer about the list has, and returns its tag.
func zoneTag(c echo.Context, list clientcfg.ServerList) string {
	tag := list.ETag()
	h := c.Response().Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	return tag
}

// matches reports whether the client already has what the tag stands for (RFC 9110, If-None-Match).
func matches(h http.Header, tag string) bool {
	for _, line := range h["If-None-Match"] {
		for one := range strings.SplitSeq(line, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == tag || one == "*" {
				return true
			}
		}
	}
	return false
}
