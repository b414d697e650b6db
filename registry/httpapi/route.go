package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// route is one path with a handler per method. HEAD is answered wherever GET is, by the same handler.
type route struct {
	path   string
	name   string // label of its metrics: the path without the prefix
	eureka bool   // Eureka's rules: Accept and Content-Type are checked for every method
	peers  bool   // called by servers only

	get, put, post, del echo.HandlerFunc

	leaf    string // the parameter that ends the path, if one does
	allow   string // of a 405
	options string // of an OPTIONS answer
	counts  *routeMetrics
}

// methods are those that some route takes, and otherMethod, which stands for all others: the router would answer them with an
// Allow of its own.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions, otherMethod,
}

const otherMethod = http.MethodPatch

// routable returns the request with a method that the router knows.
func routable(r *http.Request) *http.Request {
	if slices.Contains(methods, r.Method) {
		return r
	}
	other := new(http.Request)
	*other = *r
	other.Method = otherMethod
	return other
}

func (s *Server) add(r *route) {
	if r.name == "" {
		r.name = r.path
	}
	r.allow, r.options = r.allowed()
	r.counts = s.metrics.route(r.name)
	if i := strings.LastIndex(r.path, "/:"); i >= 0 && !strings.Contains(r.path[i+2:], "/") {
		r.leaf = r.path[i+2:]
	}
	serve := func(c echo.Context) error { return s.serve(c, r) }
	for _, m := range methods {
		s.echo.Add(m, r.path, serve)
		s.echo.Add(m, r.path+"/", serve) // as Java clients write "apps/" and "peerreplication/batch/"
	}
}

// allowed lists the methods as upstream does.
// Compat: Jersey names HEAD in the Allow of an OPTIONS answer and not in that of a 405.
func (r *route) allowed() (allow, options string) {
	var names []string
	for _, m := range []struct {
		name string
		h    echo.HandlerFunc
	}{{"DELETE", r.del}, {"GET", r.get}, {"POST", r.post}, {"PUT", r.put}} {
		if m.h != nil {
			names = append(names, m.name)
		}
	}
	allow = strings.Join(append(names, "OPTIONS"), ",")
	options = allow
	if r.get != nil {
		options = "HEAD," + allow
	}
	return allow, options
}

// serve runs one request on a route and counts it.
func (s *Server) serve(c echo.Context, r *route) error {
	start := s.deps.Now()
	if r.eureka && !r.peers {
		s.lastClient.Store(int64(max(start.Sub(s.started), 1)))
	}
	if err := s.handle(c, r); err != nil {
		s.fail(err, c)
	}
	r.counts.observe(c.Response().Status, s.deps.Now().Sub(start))
	return nil
}

// handle chooses by method, checks what holds for every Eureka request, and answers.
func (s *Server) handle(c echo.Context, r *route) error {
	if r.leaf != "" && c.Param(r.leaf) == "" {
		return errNotFound // echo takes "vips/" for a vip without a name
	}
	var h echo.HandlerFunc
	switch c.Request().Method {
	case http.MethodGet, http.MethodHead:
		h = r.get
	case http.MethodPut:
		h = r.put
	case http.MethodPost:
		h = r.post
	case http.MethodDelete:
		h = r.del
	case http.MethodOptions:
		return answerOptions(c, r)
	}
	if h == nil {
		c.Response().Header().Set("Allow", r.allow)
		return errMethod
	}
	if r.eureka {
		if err := checkTypes(c); err != nil {
			return err
		}
	}
	return h(c)
}

// checkTypes refuses what Jersey refuses before a resource sees the request, in its order: a Content-Type that is none (400), one
// that the method does not read (415), an Accept that nothing here satisfies (406).
func checkTypes(c echo.Context) error {
	h := c.Request().Header
	kind, _ := contentType(h)
	if kind == bodyUnparsable {
		return errContentType
	}
	if c.Request().Method == http.MethodPost && (kind == bodyAbsent || kind == bodyUnsupported) {
		return errMediaType
	}
	if _, ok := negotiate(h); !ok {
		return errAccept
	}
	return nil
}

func answerOptions(c echo.Context, r *route) error {
	c.Response().Header().Set("Allow", r.options)
	label := ""
	if r.eureka {
		want, ok := negotiate(c.Request().Header)
		if !ok {
			return errAccept
		}
		label = want.label
	}
	return answer(c, http.StatusOK, label, nil)
}
