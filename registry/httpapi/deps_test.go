package httpapi_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	_, err := httpapi.New(httpapi.Deps{})
	require.ErrorContains(t, err, "Deps.Registry is missing")

	reg, err := registry.New(registry.Config{})
	require.NoError(t, err)
	metrics := prometheus.NewRegistry()
	_, err = httpapi.New(httpapi.Deps{Registry: reg, Registerer: metrics})
	require.NoError(t, err)
	_, err = httpapi.New(httpapi.Deps{Registry: reg, Registerer: metrics})
	require.Error(t, err, "two handlers cannot count into one place")
}

func TestWhatIsNotWiredIsNotFound(t *testing.T) {
	handler := newHandler(t, httpapi.Deps{})
	for _, path := range []string{"/zone", "/api/v1/zone/watch", "/api/v1/peer", "/api/v1/status", "/metrics", "/rocketmq/nsaddr", "/api/v1/topics"} {
		require.Equal(t, http.StatusNotFound, get(handler, path).Code, path)
	}
	require.Equal(t, http.StatusOK, get(handler, "/readyz").Code)
}

func TestReadyFollowsThePhaseByDefault(t *testing.T) {
	for phase, status := range map[peerstore.Phase]int{joining: 503, serving: 200, draining: 503, left: 503} {
		handler := newHandler(t, httpapi.Deps{Phase: func() peerstore.Phase { return phase }})
		require.Equal(t, status, get(handler, "/readyz").Code, phase)
	}
}

func TestAPIStatus(t *testing.T) {
	handler := newHandler(t, httpapi.Deps{Status: func() any { return map[string]int{"instances": 7} }})
	w := get(handler, "/api/v1/status")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.JSONEq(t, `{"instances":7}`, w.Body.String())

	handler = newHandler(t, httpapi.Deps{Status: func() any { return func() {} }})
	w = get(handler, "/api/v1/status")
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
}

// A client that registers wrongly is told in a log line, since its own says nothing; a thousand of them do not fill the disk.
func TestRefusedRegistrationsAreLoggedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		handler := newHandler(t, httpapi.Deps{Log: slog.New(slog.NewJSONHandler(&out, nil))})
		wrong := strings.Replace(orders("one"), "10.0.0.1", "", 1)
		for range 1000 {
			w := do(handler, http.MethodPost, "/eureka/apps/ORDERS", wrong, "Content-Type", "application/json")
			require.Equal(t, http.StatusBadRequest, w.Code)
		}
		time.Sleep(2 * time.Second)
		do(handler, http.MethodPost, "/eureka/apps/ORDERS", wrong, "Content-Type", "application/json")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, lines, 2)
		var second struct {
			Msg, App, Err string
			More          int
		}
		require.NoError(t, json.Unmarshal([]byte(lines[1]), &second))
		require.Equal(t, "registration refused", second.Msg)
		require.Equal(t, "ORDERS", second.App)
		require.Equal(t, "Missing ip address", second.Err)
		require.Equal(t, 999, second.More)
	})
}
