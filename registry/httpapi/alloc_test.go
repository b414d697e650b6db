//go:build !race

package httpapi_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// A heartbeat costs no memory beyond what net/http takes for any request. (The race detector empties pools at random, so it
// cannot count.)
func TestHeartbeatAllocatesNothing(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{Registerer: prometheus.NewRegistry()})
	for _, path := range []string{"/eureka/apps/ORDERS/one?status=UP&lastDirtyTimestamp=1700000000000", "/eureka/v2/apps/ORDERS/one", "/apps/ORDERS/one?lastDirtyTimestamp=1600000000000"} {
		for _, headers := range []string{"Accept: application/json\r\nAccept-Encoding: gzip\r\n", "", "Accept: application/json, application/*+json\r\nContent-Type: application/json\r\n"} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("PUT " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n")))
			require.NoError(t, err)
			w := &nowhere{header: make(http.Header)}
			require.Zero(t, testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }), path+" "+headers)
			require.Equal(t, http.StatusOK, w.status)
		}
	}
}
