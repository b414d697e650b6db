package httpapi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// end calls the operator's route as somebody.
func end(handler http.Handler, remote string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/self-preservation/end", http.NoBody)
	r.RemoteAddr = remote
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestAnOperatorEndsSelfPreservation(t *testing.T) {
	now := time.Now()
	reg, err := registry.New(registry.Config{Epoch: 1, Now: func() time.Time { return now }})
	require.NoError(t, err)
	for i := range 21 {
		text := strings.ReplaceAll(orders(fmt.Sprint("i", i)), "ORDERS", fmt.Sprint("APP", i%3))
		in, err := eureka.DecodeInstance([]byte(text), eureka.JSON, 0)
		require.NoError(t, err)
		require.NoError(t, reg.Register(in, registry.FromClient))
	}
	var log bytes.Buffer
	handler, err := httpapi.New(httpapi.Deps{Registry: reg, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)

	require.JSONEq(t, `{"ended":false}`, end(handler, "127.0.0.1:999").Body.String(), "there is nothing to end")
	require.Empty(t, log.String())
	for range 120 { // all of them fall silent at once
		now = now.Add(time.Second)
		reg.Evict(now)
	}
	require.True(t, reg.Preservation().Active)
	require.Equal(t, http.StatusForbidden, end(handler, "10.0.0.7:999").Code)
	require.True(t, reg.Preservation().Active)

	w := end(handler, "[::1]:999", "User-Agent", "someone")
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"ended":true}`, w.Body.String())
	require.Contains(t, log.String(), "level=WARN")
	require.Contains(t, log.String(), "caller=[::1]:999 agent=someone kept=21")
	require.False(t, reg.Preservation().Active)
}

func TestUpstreamsPreservationTakesNoWord(t *testing.T) {
	w := end(ordersServer(t, httpapi.Deps{UpstreamPreservation: true}), "127.0.0.1:1")
	require.Equal(t, http.StatusConflict, w.Code)
	require.Contains(t, w.Body.String(), "renewals of the last minute alone")
}

// Whoever cannot be told to sit at this machine is refused, and told why.
func TestOthersDoNotEndSelfPreservation(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{})
	for name, w := range map[string]*httptest.ResponseRecorder{
		"another machine": end(handler, "192.0.2.1:80"),
		"no address":      end(handler, "@"),
		"a proxy here":    end(handler, "127.0.0.1:80", "X-Forwarded-For", "192.0.2.1"),
		"a site's page":   end(handler, "127.0.0.1:80", "Origin", "https://example.com"),
	} {
		require.Equal(t, http.StatusForbidden, w.Code, name)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), name)
		require.Contains(t, w.Body.String(), "loopback address", name)
	}
}
