package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// routeView knows a few topics.
type routeView []string

func (v routeView) Topics(query string, limit int) (page httpapi.TopicPage) {
	for _, name := range v {
		if !strings.Contains(strings.ToLower(name), strings.ToLower(query)) {
			continue
		}
		if page.Matching++; page.Matching <= limit {
			page.Topics = append(page.Topics, httpapi.Topic{Name: name, ReadQueues: 8, WriteQueues: 8, Brokers: []string{"broker-a", "broker-b"}})
		}
	}
	return page
}

func (v routeView) Route(topic string) ([]byte, bool) {
	for _, name := range v {
		if name == topic {
			text, err := json.Marshal(map[string]string{"topic": topic})
			return text, err == nil
		}
	}
	return nil, false
}

func (v routeView) Why(topic string) any {
	_, known := v.Route(topic)
	return map[string]any{"topic": topic, "known": known}
}

func (v routeView) Brokers() any { return []string{"broker-a", "broker-b"} }

func TestTopics(t *testing.T) {
	handler := newHandler(t, httpapi.Deps{Routes: routeView{"%RETRY%shop", "Orders", "TBW102", "orders-dlq"}})
	const brokers = `"readQueues":8,"writeQueues":8,"brokers":["broker-a","broker-b"]`
	for path, want := range map[string]string{
		"/api/v1/topics?q=orders":            `{"matching":2,"topics":[{"name":"Orders",` + brokers + `},{"name":"orders-dlq",` + brokers + `}]}`,
		"/api/v1/topics?q=%25retry&limit=10": `{"matching":1,"topics":[{"name":"%RETRY%shop",` + brokers + `}]}`,
		"/api/v1/topics/?limit=1":            `{"matching":4,"topics":[{"name":"%RETRY%shop",` + brokers + `}]}`,
		"/api/v1/topics?q=nosuch":            `{"matching":0,"topics":[]}`,
		"/api/v1/brokers":                    `["broker-a","broker-b"]`,
		"/api/v1/topics/Orders":              `{"topic":"Orders"}`,
		"/api/v1/topics/Orders/why":          `{"topic":"Orders","known":true}`,
		"/api/v1/topics/nosuch/why":          `{"topic":"nosuch","known":false}`,
		"/api/v1/topics/why/why/":            `{"topic":"why","known":false}`,
	} {
		w := get(handler, path)
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"), path)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), path)
		require.JSONEq(t, want, w.Body.String(), path)
	}
	for path, want := range map[string]int{
		"/api/v1/topics?limit=0":      http.StatusBadRequest,
		"/api/v1/topics?limit=many":   http.StatusBadRequest,
		"/api/v1/topics?limit=100001": http.StatusBadRequest,
		"/api/v1/topics/nosuch":       http.StatusNotFound,
		"/api/v1/topics/orders":       http.StatusNotFound, // names have a case
		"/api/v1/topics/Orders/whom":  http.StatusNotFound,
	} {
		w := get(handler, path)
		require.Equal(t, want, w.Code, path)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), path)
	}
}

// Topics have names that a path does not take as they are: of retry and dead letter queues, and whatever was registered.
func TestOddTopicNames(t *testing.T) {
	names := routeView{
		"%RETRY%group", "%DLQ%group", "a%2Fb", "%25", "a/b", "../x", "..", "a;b", "a?b#c", "a b+c", "主题", "why", "x/why", `"quoted"\`, "a&b=c", "new\nline",
	}
	handler := newHandler(t, httpapi.Deps{Routes: names})
	for _, name := range names {
		w := get(handler, "/api/v1/topics/"+url.PathEscape(name))
		require.Equal(t, http.StatusOK, w.Code, name)
		var route map[string]string
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &route))
		require.Equal(t, name, route["topic"])

		w = get(handler, "/api/v1/topics/"+url.PathEscape(name)+"/why")
		require.Equal(t, http.StatusOK, w.Code, name)
		var why struct {
			Topic string
			Known bool
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &why))
		require.Equal(t, name, why.Topic)
		require.True(t, why.Known, name)

		w = get(handler, "/api/v1/topics?limit=1&q="+url.QueryEscape(name))
		require.NotContains(t, w.Body.String(), `"matching":0`, name)
	}
	w := get(handler, "/api/v1/topics/"+url.PathEscape("%DLQ%<b>\n\""))
	require.Equal(t, http.StatusNotFound, w.Code)
	require.True(t, json.Valid(w.Body.Bytes()))
	require.Contains(t, w.Body.String(), "/why")
}

func TestWithoutANameServerThereAreNoTopics(t *testing.T) {
	handler := newHandler(t, httpapi.Deps{})
	for _, path := range []string{"/api/v1/topics", "/api/v1/topics/Orders", "/api/v1/topics/Orders/why", "/api/v1/brokers"} {
		w := get(handler, path)
		require.Equal(t, http.StatusNotFound, w.Code, path)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), path)
		require.Contains(t, w.Body.String(), "--namesrv-listen", path)
	}
}
