package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// tidy returns the request with a path that the router can match: doubled slashes collapsed, and of each segment only what
// stands before a ";", which Java's servers cut off as a matrix parameter. Escapes are left alone, so that an id with a "/" in it
// (%2F) stays one segment. A request whose path needs nothing, as almost all do, is returned as it is. ok is false for a path
// that is none, as in "OPTIONS *".
func tidy(r *http.Request) (_ *http.Request, ok bool) {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	if path == "" || path[0] != '/' {
		return r, false
	}
	if isTidy(path) {
		return r, true
	}
	escaped := r.URL.RawPath // not EscapedPath: beside bytes that should have been escaped it would decode a hidden slash
	if escaped == "" {
		escaped = r.URL.EscapedPath()
	}
	escaped = tidyPath(escaped)
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return r, false
	}
	u := *r.URL
	u.Path, u.RawPath = plain, escaped
	tidied := new(http.Request)
	*tidied = *r
	tidied.URL = &u
	return tidied, true
}

// isTidy reports whether tidyPath would change nothing but escapes.
func isTidy(path string) bool {
	slash := false
	for i := range len(path) {
		switch path[i] {
		case '/':
			if slash {
				return false
			}
			slash = true
		case ';':
			return false
		default:
			slash = false
		}
	}
	return true
}

func tidyPath(escaped string) string {
	var b strings.Builder
	b.Grow(len(escaped))
	for segment := range strings.SplitSeq(escaped, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment != "" {
			b.WriteByte('/')
			b.WriteString(segment)
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// pathParam is one decoded segment of the path. The router matched the escaped path if there is one (echo's GetPath), so only
// then there is something to decode.
func pathParam(c echo.Context, name string) string {
	value := c.Param(name)
	if c.Request().URL.RawPath == "" || strings.IndexByte(value, '%') < 0 {
		return value
	}
	plain, err := url.PathUnescape(value)
	if err != nil {
		return value
	}
	return plain
}
