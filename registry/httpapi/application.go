package httpapi

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// application answers GET apps/{app}. It is never compressed, as upstream's.
// Compat: upstream keeps its cache under names, so that apps/ALL_APPS and apps/ALL_APPS_DELTA answer the whole
// (Netflix/eureka ResponseCacheImpl.java).
func (s *Server) application(c echo.Context) error {
	if err := s.listable(); err != nil {
		return err
	}
	h := c.Request().Header
	want, _ := negotiate(h)
	name := eureka.UpperApp(pathParam(c, "app"))
	if body, ok := s.deps.Registry.Snapshot().Application(name, want.listFormat(h), false); ok {
		return answer(c, http.StatusOK, want.label, body)
	}
	switch name {
	case "ALL_APPS":
		return s.answerFull(c, false)
	case "ALL_APPS_DELTA":
		if s.deps.NoDelta {
			return errNoDelta
		}
		return s.answerDelta(c, false)
	}
	return errUnknownApp
}

// register answers POST apps/{app}: 204 and nothing else, or 400 with upstream's text.
func (s *Server) register(c echo.Context) error {
	req := c.Request()
	origin, err := s.origin(req)
	if err != nil {
		return err
	}
	kind, label := contentType(req.Header)
	body, err := s.readBody(c.Response(), req, s.deps.MaxBody)
	defer s.doneWith(body)
	switch {
	case errors.Is(err, errTooLarge):
		s.refused(c, "too large", err)
		// No client reads an instance from a refused registration, so here a reason may stand.
		return answer(c, http.StatusRequestEntityTooLarge, "text/plain; charset=utf-8",
			fmt.Appendf(nil, "the registration is larger than %d bytes (http.max-body)", s.deps.MaxBody))
	case errors.Is(err, errBusy):
		s.refused(c, "busy", err)
		return err
	case err != nil:
		s.refused(c, "undecodable", err)
		return answerUndecodable(c, label)
	}
	in, err := s.decode(kind, body)
	switch {
	case errors.Is(err, eureka.ErrNull):
		// Compat: upstream dereferences it and answers 500, which clients treat as any failure.
		s.refused(c, "undecodable", err)
		return errInternal
	case err != nil:
		s.refused(c, "undecodable", err)
		return answerUndecodable(c, label)
	}
	if err := in.Validate(pathParam(c, "app")); err != nil {
		s.refused(c, "invalid", err)
		want, _ := negotiate(req.Header)
		return answer(c, http.StatusBadRequest, want.label, []byte(err.Error()))
	}
	if err := s.deps.Registry.Register(in, origin); err != nil {
		s.refused(c, "invalid", err)
		want, _ := negotiate(req.Header)
		return answer(c, http.StatusBadRequest, want.label, []byte(err.Error()))
	}
	return answer(c, http.StatusNoContent, "", nil)
}

func (s *Server) decode(kind bodyType, body []byte) (*eureka.Instance, error) {
	now := s.deps.Now().UnixMilli()
	switch kind {
	case bodyJSON:
		return eureka.DecodeInstance(body, eureka.JSON, now)
	case bodyXML:
		return eureka.DecodeInstance(body, eureka.XML, now)
	}
	return nil, errors.New("the Content-Type leaves open how to read the body")
}

// answerUndecodable is upstream's answer to a body that does not decode. Its text is JSON only if the request's Content-Type is
// exactly application/json, and its label is that Content-Type, whatever it was.
// Compat: Netflix/eureka DiscoveryJerseyProvider.java: createErrorReply.
func answerUndecodable(c echo.Context, label string) error {
	text := `<error><message>cannot parse request body</message></error>`
	if label == typeJSON {
		text = `{"error": "cannot parse request body"}`
	}
	return answer(c, http.StatusBadRequest, label, []byte(text))
}

// origin tells a client's request from one that another server copied to us.
// Compat: only the exact lower-case "true" marks a copy (Netflix/eureka ApplicationResource.java: addInstance).
func (s *Server) origin(r *http.Request) (registry.Origin, error) {
	if v := r.Header["X-Netflix-Discovery-Replication"]; len(v) == 0 || v[0] != "true" {
		return registry.FromClient, nil
	}
	if s.deps.ReplicationAuth != nil && !s.deps.ReplicationAuth(r) {
		s.metrics.peerRefused("replication credentials")
		return registry.FromClient, errAuth
	}
	return registry.FromJavaPeer, nil
}

// refused counts a registration that was not taken and says so, since clients do not.
func (s *Server) refused(c echo.Context, reason string, err error) {
	s.metrics.registrationRefused(reason)
	if skipped, ok := s.notes.take(); ok {
		s.deps.Log.Warn("registration refused", "app", pathParam(c, "app"), "from", c.Request().RemoteAddr, "err", err, "more", skipped)
	}
}
