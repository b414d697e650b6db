package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// orders is an instance as the Java client registers it, in JSON.
func orders(id string) string {
	return `{"instance":{"instanceId":"` + id + `","hostName":"orders-1.example.com","app":"ORDERS","ipAddr":"10.0.0.1","status":"UP",` +
		`"overriddenStatus":"UNKNOWN","port":{"$":8080,"@enabled":"true"},"securePort":{"$":443,"@enabled":"false"},"countryId":1,` +
		`"dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},` +
		`"leaseInfo":{"renewalIntervalInSecs":30,"durationInSecs":90},"metadata":{"zone":"z1"},"vipAddress":"orders",` +
		`"lastDirtyTimestamp":"1700000000000"}}`
}

// ordersServer is a handler that knows one instance, ORDERS/one, on a clock that stands still.
func ordersServer(t testing.TB, deps httpapi.Deps) *httpapi.Server {
	now := time.Now()
	reg, err := registry.New(registry.Config{Epoch: 1, Now: func() time.Time { return now }})
	require.NoError(t, err)
	in, err := eureka.DecodeInstance([]byte(orders("one")), eureka.JSON, 0)
	require.NoError(t, err)
	require.NoError(t, reg.Register(in, registry.FromClient))
	deps.Registry = reg
	handler, err := httpapi.New(deps)
	require.NoError(t, err)
	return handler
}

func do(handler http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// The four ways in which clients write the address of a server lead to the same answers.
func TestEveryPrefixAnswersAlike(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{})
	for _, path := range []string{
		"/apps", "/apps/", "/apps/delta", "/apps/ORDERS", "/apps/orders/", "/apps/ORDERS/one", "/apps/ORDERS/%6Fne",
		"/instances/one", "/vips/orders", "/svips/orders",
	} {
		want := do(handler, http.MethodGet, "/eureka"+path, "", "Accept", "application/json")
		require.Equal(t, http.StatusOK, want.Code, path)
		for _, prefix := range []string{"/eureka/v2", "/v2", "", "//eureka/", "/eureka;x=y"} {
			got := do(handler, http.MethodGet, "http://host"+prefix+path, "", "Accept", "application/json")
			require.Equal(t, http.StatusOK, got.Code, prefix+path)
			require.Equal(t, want.Body.String(), got.Body.String(), prefix+path)
		}
	}
	for _, prefix := range []string{"/eureka", "/eureka/v2", "/v2", ""} {
		require.Equal(t, http.StatusOK, do(handler, http.MethodPut, prefix+"/apps/ORDERS/one", "").Code, prefix)
		require.Equal(t, http.StatusNoContent, do(handler, http.MethodPost, prefix+"/apps/ORDERS", orders("two"), "Content-Type", "application/json").Code, prefix)
		require.Equal(t, http.StatusOK, do(handler, http.MethodDelete, prefix+"/apps/ORDERS/two", "").Code, prefix)
	}
}

func TestMethodsOfEveryRoute(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{})
	for path, allow := range map[string]string{
		"/eureka/apps":                         "GET,OPTIONS",
		"/eureka/apps/delta":                   "GET,OPTIONS",
		"/eureka/apps/ORDERS":                  "GET,POST,OPTIONS",
		"/eureka/apps/ORDERS/one":              "DELETE,GET,PUT,OPTIONS",
		"/eureka/apps/ORDERS/one/status":       "DELETE,PUT,OPTIONS",
		"/eureka/apps/ORDERS/one/metadata":     "PUT,OPTIONS",
		"/eureka/instances/one":                "GET,OPTIONS",
		"/eureka/vips/orders":                  "GET,OPTIONS",
		"/eureka/svips/orders":                 "GET,OPTIONS",
		"/eureka/status":                       "GET,OPTIONS",
		"/eureka/asg/x/status":                 "PUT,OPTIONS",
		"/eureka/peerreplication/batch":        "POST,OPTIONS",
		"/zone":                                "GET,OPTIONS",
		"/livez":                               "GET,OPTIONS",
		"/serverinfo/statusoverrides":          "GET,OPTIONS",
		"/rocketmq/nsaddr":                     "GET,OPTIONS",
		"/rocketmq/nsaddr-broker":              "GET,OPTIONS",
		"/api/v1/topics":                       "GET,OPTIONS",
		"/api/v1/topics/Orders":                "GET,OPTIONS",
		"/api/v1/topics/Orders/why":            "GET,OPTIONS",
		"/api/v1/brokers":                      "GET,OPTIONS",
		"/api/v1/peer/stream":                  "POST,OPTIONS",
		"/api/v1/peer/routes":                  "POST,OPTIONS",
		"/api/v1/zone/watch":                   "GET,OPTIONS",
		"/api/v1/self-preservation/end":        "POST,OPTIONS",
		"/eureka/v2/apps/ORDERS/one/metadata/": "PUT,OPTIONS",
	} {
		for _, method := range []string{http.MethodPatch, http.MethodTrace, "PROPFIND", "BREW", "get"} {
			w := do(handler, method, path, "")
			require.Equal(t, http.StatusMethodNotAllowed, w.Code, path)
			require.Equal(t, allow, w.Header().Get("Allow"), "%s %s", method, path)
			if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/rocketmq/") {
				require.Empty(t, w.Body.String(), path)
			}
		}
		w := do(handler, http.MethodOptions, path, "")
		require.Equal(t, http.StatusOK, w.Code, path)
		if strings.Contains(allow, "GET") {
			allow = "HEAD," + allow
		}
		require.Equal(t, allow, w.Header().Get("Allow"), path)
		require.Empty(t, w.Body.String(), path)
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{
		Servers: newServerList(t, urlA), Status: func() any { return "fine" },
		Namesrv: namesrvList{namesrv("10.0.0.1:9876", serving)}, Routes: routeView{"Orders"},
	})
	for _, path := range []string{
		"/eureka/apps", "/eureka/apps/ORDERS/one", "/eureka/status", "/zone", "/livez", "/readyz", "/api/v1/status",
		"/rocketmq/nsaddr", "/rocketmq/nsaddr-broker", "/api/v1/topics", "/api/v1/topics/Orders", "/api/v1/topics/Orders/why", "/api/v1/brokers",
	} {
		w := do(handler, http.MethodHead, path, "")
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Empty(t, w.Body.String(), path)
		require.NotEmpty(t, w.Header().Get("Content-Length"), path)
		require.NotEmpty(t, w.Header().Get("Content-Type"), path)
	}
}

func TestUnknownPaths(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{})
	for _, path := range []string{"/", "/eureka", "/eureka/", "/eureka/v1/apps", "/eureka/v3/apps", "/eureka/Apps", "/eureka/apps/ORDERS/one/nosuch", "/nosuch", "/lastn", "/eureka/css/wro.css", "/eureka/serverinfo/statusoverrides"} {
		w := do(handler, http.MethodGet, path, "")
		require.Equal(t, http.StatusNotFound, w.Code, path)
		require.Empty(t, w.Body.String(), path)
	}
	w := do(handler, http.MethodGet, "/api/v1/nosuch", "")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.JSONEq(t, `{"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at this path"}`, w.Body.String())
	require.Equal(t, http.StatusNotFound, do(handler, "BREW", "/nosuch", "").Code)
}

func TestDrainingClosesConnections(t *testing.T) {
	phase := peerstore.PhaseServing
	handler := ordersServer(t, httpapi.Deps{Phase: func() peerstore.Phase { return phase }})
	require.Empty(t, do(handler, http.MethodGet, "/eureka/apps", "").Header().Get("Connection"))
	phase = peerstore.PhaseDraining
	for _, r := range [][2]string{{"GET", "/eureka/apps"}, {"PUT", "/eureka/apps/ORDERS/one"}, {"PUT", "/eureka/apps/NOBODY/x"}, {"GET", "/nosuch"}, {"GET", "/livez"}} {
		w := do(handler, r[0], r[1], "")
		require.Equal(t, "close", w.Header().Get("Connection"), r)
		require.NotContains(t, []int{302, 307, 403, 503}, w.Code, "each of them fails or silences some client")
	}
	require.Equal(t, http.StatusServiceUnavailable, do(handler, http.MethodGet, "/readyz", "").Code)
}

func TestLastClientCall(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{})
	require.Zero(t, handler.LastClientCall())
	for _, path := range []string{"/livez", "/zone", "/api/v1/status", "/nosuch", "/rocketmq/nsaddr", "/api/v1/topics"} {
		do(handler, http.MethodGet, path, "")
	}
	do(handler, http.MethodPost, "/eureka/peerreplication/batch", `{"replicationList":[]}`, "Content-Type", "application/json")
	require.Zero(t, handler.LastClientCall(), "probes, scrapes and servers are no clients")
	do(handler, http.MethodPut, "/eureka/apps/ORDERS/one", "")
	require.NotZero(t, handler.LastClientCall())
}

func TestReadyz(t *testing.T) {
	ready := true
	checks := []httpapi.Check{{Name: "registry", OK: true}, {Name: "database", Degraded: true, Detail: "away for 12s"}}
	handler := ordersServer(t, httpapi.Deps{Ready: func() (bool, []httpapi.Check) { return ready, checks }})
	w := do(handler, http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "ready\n", w.Body.String())
	w = do(handler, http.MethodGet, "/readyz?verbose", "")
	require.Equal(t, "[+]registry\n[!]database: away for 12s\nready\n", w.Body.String())
	ready, checks = false, []httpapi.Check{{Name: "sync", Detail: "1 of 2 peers copied"}}
	w = do(handler, http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "[-]sync: 1 of 2 peers copied\nnot ready\n", w.Body.String())
	require.Equal(t, "ok\n", do(handler, http.MethodGet, "/livez", "").Body.String())
}

// Nobody outside can make new series: after one round of traffic, other names and paths add none.
func TestMetricsHaveBoundedLabels(t *testing.T) {
	reg := prometheus.NewRegistry()
	handler := ordersServer(t, httpapi.Deps{Registerer: reg, Gatherer: reg})
	series := func() (n int) {
		families, err := reg.Gather()
		require.NoError(t, err)
		for _, f := range families {
			n += len(f.GetMetric())
		}
		return n
	}
	round := func(word string) {
		for _, path := range []string{
			"/eureka/apps/" + word + "/b", "/eureka/vips/" + word, "/" + word, "/eureka/apps", "/eureka/apps/" + word,
			"/rocketmq/" + word, "/rocketmq/nsaddr-" + word, "/api/v1/topics/" + word + "/why",
		} {
			for _, method := range []string{"GET", "PUT", "DELETE", strings.ToUpper(word), "OPTIONS"} {
				do(handler, method, path, "")
			}
		}
	}
	round("brew")
	before := series()
	for i := range 50 {
		round(strings.Repeat("x", i+1))
	}
	require.Equal(t, before, series())
	w := do(handler, http.MethodGet, "/metrics", "")
	require.Equal(t, http.StatusOK, w.Code)
	_, rest, _ := strings.Cut(w.Body.String(), `zonekeeper_http_requests_total{route="/apps/:app/:id",status="404"} `)
	count, _, _ := strings.Cut(rest, "\n")
	require.Equal(t, "153", count, "renewals, reads and cancels under every prefix count as one route")
	require.Equal(t, http.StatusNotFound, do(ordersServer(t, httpapi.Deps{}), http.MethodGet, "/metrics", "").Code)
}

func TestEurekaStatus(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{
		Servers:  newServerList(t, urlA, urlB),
		Identity: func() peerstore.Identity { return peerstore.IdentityOf(peer(1, serving, true), "uuid") },
	})
	w := do(handler, http.MethodGet, "/eureka/status", "", "Accept", "application/json")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	for _, want := range []string{`{"generalStats":{"environment":"default","num-of-cpus":"`, `"server-uptime":"00:00"}`, `"registered-replicas":"` + urlA + `, ` + urlB + `"`, `"instanceInfo":{"instanceId":"10.0.0.1:8761"`, `"healthy":true}`} {
		require.Contains(t, w.Body.String(), want)
	}
	w = do(handler, http.MethodGet, "/eureka/status", "")
	require.Equal(t, "application/xml", w.Header().Get("Content-Type"))
	require.True(t, strings.HasPrefix(w.Body.String(), "<com.netflix.eureka.util.StatusInfo>\n  <generalStats>\n    <environment>default</environment>\n"))
	require.Contains(t, w.Body.String(), "\n  <instanceInfo>\n    <instanceId>10.0.0.1:8761</instanceId>\n")
	require.Contains(t, w.Body.String(), "\n  </instanceInfo>\n  <isHeathly>true</isHeathly>\n</com.netflix.eureka.util.StatusInfo>")
}

func TestStatusOverrides(t *testing.T) {
	handler := ordersServer(t, httpapi.Deps{})
	require.JSONEq(t, `{}`, do(handler, http.MethodGet, "/serverinfo/statusoverrides", "").Body.String())
	require.Equal(t, http.StatusOK, do(handler, http.MethodPut, "/eureka/apps/ORDERS/one/status?value=OUT_OF_SERVICE", "").Code)
	require.JSONEq(t, `{"one":"OUT_OF_SERVICE"}`, do(handler, http.MethodGet, "/serverinfo/statusoverrides", "").Body.String())
	require.Equal(t, http.StatusOK, do(handler, http.MethodDelete, "/eureka/apps/ORDERS/one/status?value=UP", "").Code)
	require.JSONEq(t, `{}`, do(handler, http.MethodGet, "/serverinfo/statusoverrides", "").Body.String())
}
