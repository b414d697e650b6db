package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/peerstore"
)

// Times of a watch. The longest wait is below what proxies cut off; the pulse keeps an idle stream through them.
const (
	maxWait    = 60 * time.Second
	watchPulse = 15 * time.Second
)

// watchZone answers GET /api/v1/zone/watch. With If-None-Match and ?wait=30s it answers as soon as the list is another one, or
// 304 when the wait is over; without a wait at once. A client that accepts text/event-stream gets an event "zone" now and at
// every change, until it leaves.
func (s *Server) watchZone(c echo.Context) error {
	if s.deps.Servers == nil {
		return errNotFound
	}
	req := c.Request()
	events := strings.Contains(headerText(req.Header, "Accept"), "text/event-stream")
	wait, err := waitOf(req)
	if err != nil {
		return err
	}
	if req.Method == http.MethodHead {
		events, wait = false, 0
	}
	if events || wait > 0 {
		select {
		case s.watchers <- struct{}{}:
			defer func() { <-s.watchers }()
		default:
			return errWatchers
		}
	}
	if events {
		return s.streamZone(c)
	}
	return s.pollZone(c, wait)
}

var (
	errWatchers = &statusError{http.StatusServiceUnavailable, "too many requests wait for a change of the server list"}
	errWait     = &statusError{http.StatusBadRequest, `wait must be a duration like "30s"`}
)

func waitOf(req *http.Request) (time.Duration, error) {
	text, given := queryParam(req.URL.RawQuery, "wait")
	if !given {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 {
		return 0, errWait
	}
	return min(wait, maxWait), nil
}

func (s *Server) pollZone(c echo.Context, wait time.Duration) error {
	req := c.Request()
	extendWrite(c.Response(), wait)
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		changed := s.deps.Servers.Changed()
		list := s.deps.Servers.List()
		if !matches(req.Header, list.ETag()) {
			zoneTag(c, list)
			return answer(c, http.StatusOK, typeJSON, list.Render(clientcfg.JSON, zoneParam(req)))
		}
		select {
		case <-changed:
			continue
		case <-over.C:
		case <-s.stopped:
		case <-req.Context().Done():
		}
		zoneTag(c, list)
		return answer(c, http.StatusNotModified, "", nil)
	}
}

func (s *Server) streamZone(c echo.Context) error {
	req, w := c.Request(), c.Response()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	extendWrite(w, watchPulse)
	w.WriteHeader(http.StatusOK)
	pulse := time.NewTicker(watchPulse)
	defer pulse.Stop()
	sent := `"` + req.Header.Get("Last-Event-ID") + `"` // a browser that comes back says what it had
	for {
		changed := s.deps.Servers.Changed()
		list := s.deps.Servers.List()
		text := ":\n\n" // a comment, which only shows that we are here
		if tag := list.ETag(); tag != sent {
			sent = tag
			text = "event: zone\nid: " + strings.Trim(tag, `"`) + "\ndata: " +
				strings.TrimSpace(string(list.Render(clientcfg.JSON, zoneParam(req)))) + "\n\n"
		}
		extendWrite(w, watchPulse)
		if _, err := w.Write([]byte(text)); err != nil {
			return nil // the client left
		}
		w.Flush()
		if s.deps.Phase() == peerstore.PhaseDraining {
			return nil // it comes back elsewhere, with the list it just got
		}
		select {
		case <-changed:
		case <-pulse.C:
		case <-s.stopped:
			return nil
		case <-req.Context().Done():
			return nil
		}
	}
}

func zoneParam(req *http.Request) string {
	own, _ := queryParam(req.URL.RawQuery, "zone")
	return own
}

// extendWrite moves the connection's write deadline behind a wait.
func extendWrite(w http.ResponseWriter, wait time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + 8*time.Second))
}
