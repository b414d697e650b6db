package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// setStatus answers PUT apps/{app}/{id}/status?value=S: an operator's word over the client's.
func (s *Server) setStatus(c echo.Context) error {
	return s.override(c, "", s.deps.Registry.SetStatus)
}

// clearStatus answers DELETE apps/{app}/{id}/status[?value=S]: the override is gone and S shows until the client speaks.
func (s *Server) clearStatus(c echo.Context) error {
	return s.override(c, eureka.Unknown.String(), s.deps.Registry.ClearStatus)
}

// override reads what both have in common. A bad status or timestamp is 400 with nothing applied; upstream answers 500 after
// applying half. An unknown instance is 404 before anything else, as upstream's.
func (s *Server) override(c echo.Context, fallback string, apply func(registry.Key, eureka.Status, int64, registry.Origin) error) error {
	req := c.Request()
	origin, err := s.origin(req)
	if err != nil {
		return err
	}
	key := keyOf(c)
	value, ok := queryParam(req.URL.RawQuery, "value")
	if !ok {
		value = fallback
	}
	status, ok := eureka.ParseStatus(value)
	var dirty int64
	if text, given := queryParam(req.URL.RawQuery, "lastDirtyTimestamp"); given && ok {
		dirty, ok = parseMillis(text)
	}
	if !ok {
		if _, known := s.deps.Registry.Instance(key); !known {
			return registry.ErrNotFound
		}
		return errBadQuery
	}
	if err := apply(key, status, dirty, origin); err != nil {
		return err
	}
	return answer(c, http.StatusOK, "", nil)
}

// setMetadata answers PUT apps/{app}/{id}/metadata?k=v&…, where every parameter is an entry.
// Compat: upstream does not read the replication header here (Netflix/eureka InstanceResource.java: updateMetadata).
func (s *Server) setMetadata(c echo.Context) error {
	m, ok := metadataOf(c.Request().URL.RawQuery)
	if !ok {
		return errBadQuery
	}
	if err := s.deps.Registry.SetMetadata(keyOf(c), m, registry.FromClient); err != nil {
		return err
	}
	return answer(c, http.StatusOK, "", nil)
}

// asgStatus answers PUT asg/{asg}/status, which only a server on AWS has.
// Compat: Netflix/eureka ASGResource.java: statusUpdate answers 400 without an AWS registry.
func (s *Server) asgStatus(echo.Context) error { return errNoASG }

var errNoASG = &statusError{http.StatusBadRequest, "autoscaling groups are not known here"}
