package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// keyOf is the instance that the path names.
func keyOf(c echo.Context) registry.Key {
	return registry.Key{App: eureka.UpperApp(pathParam(c, "app")), ID: pathParam(c, "id")}
}

// instance answers GET apps/{app}/{id}, also while joining: point lookups are live.
func (s *Server) instance(c echo.Context) error {
	in, ok := s.deps.Registry.Instance(keyOf(c))
	if !ok {
		return registry.ErrNotFound
	}
	return answerInstance(c, http.StatusOK, in)
}

// instanceByID answers GET instances/{id}: the first match over all applications.
func (s *Server) instanceByID(c echo.Context) error {
	in, ok := s.deps.Registry.InstanceByID(pathParam(c, "id"))
	if !ok {
		return registry.ErrNotFound
	}
	return answerInstance(c, http.StatusOK, in)
}

func answerInstance(c echo.Context, status int, in *eureka.Instance) error {
	want, _ := negotiate(c.Request().Header)
	return answer(c, status, want.label, eureka.AppendInstanceDocument(nil, in, want.liveFormat(), eureka.Live))
}

// renew answers PUT apps/{app}/{id}, the heartbeat. The parameter "status" is ignored as upstream ignores it, and so is the body.
//
// 404 makes a client register again: for an instance we do not have, one whose override was just deleted, and one that
// changed since it registered (a newer lastDirtyTimestamp). 409 with our instance tells a server that its copy is older.
func (s *Server) renew(c echo.Context) error {
	req := c.Request()
	origin, err := s.origin(req)
	if err != nil {
		return err
	}
	q, badOverride, err := parseRenewal(req.URL.RawQuery, origin)
	if err != nil {
		return err
	}
	key := keyOf(c)
	switch s.deps.Registry.Renew(key, q, origin) {
	case registry.Renewed:
		c.Response().WriteHeader(http.StatusOK)
		return nil
	case registry.Newer:
		if in, ok := s.deps.Registry.Instance(key); ok {
			return answerInstance(c, http.StatusConflict, in)
		}
	case registry.NotFound:
		if _, known := s.deps.Registry.Instance(key); badOverride && known {
			// Compat: upstream parses the override only on its way to this 404, and fails (InstanceResource.java: renewLease).
			return errInternal
		}
	}
	return registry.ErrNotFound
}

// parseRenewal reads a heartbeat's parameters. A timestamp that is none is 400 and renews nothing; upstream renews and answers
// 500, which clients treat alike. An override counts only between servers.
func parseRenewal(rawQuery string, origin registry.Origin) (q registry.Renewal, badOverride bool, _ error) {
	if text, ok := queryParam(rawQuery, "lastDirtyTimestamp"); ok {
		if q.Dirty, q.HasDirty = parseMillis(text); !q.HasDirty {
			return q, false, errBadQuery
		}
	}
	if origin != registry.FromClient {
		if text, ok := queryParam(rawQuery, "overriddenstatus"); ok {
			q.Overridden, q.HasOverridden = eureka.ParseStatus(text)
			badOverride = !q.HasOverridden
		}
	}
	return q, badOverride, nil
}

// cancel answers DELETE apps/{app}/{id}.
func (s *Server) cancel(c echo.Context) error {
	origin, err := s.origin(c.Request())
	if err != nil {
		return err
	}
	if err := s.deps.Registry.Cancel(keyOf(c), origin); err != nil {
		return err
	}
	return answer(c, http.StatusOK, "", nil)
}
