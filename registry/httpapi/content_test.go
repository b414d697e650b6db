package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestNegotiate(t *testing.T) {
	for _, tc := range []struct {
		accept   []string
		label    string // "" means 406
		json     bool
		listJSON bool
	}{
		{accept: nil, label: typeXML},
		{accept: []string{""}, label: typeXML},
		{accept: []string{"*/*"}, label: typeXML},
		{accept: []string{"application/*"}, label: typeXML},
		{accept: []string{"application/json"}, label: typeJSON, json: true, listJSON: true},
		{accept: []string{"application/json, application/*+json"}, label: typeJSON, json: true, listJSON: true},
		{accept: []string{"application/JSON"}, label: "application/JSON", json: true},
		{accept: []string{"application/json;charset=utf-8"}, label: "application/json;charset=utf-8", json: true, listJSON: true},
		{accept: []string{"application/json, application/xml"}, label: typeJSON, json: true, listJSON: true},
		{accept: []string{"application/json", "application/xml"}, label: typeJSON, json: true, listJSON: true},
		{accept: []string{"application/xml, application/json"}, label: typeXML, listJSON: true},
		{accept: []string{"application/json;q=0.5, application/xml;q=0.9"}, label: typeXML, listJSON: true},
		{accept: []string{"application/xml;q=0.5, application/json;q=0.9"}, label: typeJSON, json: true, listJSON: true},
		{accept: []string{"text/html, image/gif, image/jpeg, */*; q=0.2"}, label: typeXML},
		{accept: []string{"*/*, application/json"}, label: typeJSON, json: true, listJSON: true},
		{accept: []string{"application/json;q=0, */*"}, label: typeXML, listJSON: true},
		{accept: []string{"application/json;q=0"}},
		{accept: []string{"application/json;q=2"}},
		{accept: []string{"text/html"}},
		{accept: []string{"text/json"}},
		{accept: []string{"json"}},
		{accept: []string{"application/vnd.x+json"}},
		{accept: []string{",,;;=,"}},
	} {
		t.Run(strings.Join(tc.accept, "|"), func(t *testing.T) {
			got, ok := negotiate(http.Header{"Accept": tc.accept})
			require.Equal(t, tc.label != "", ok)
			require.Equal(t, negotiated{json: tc.json, listJSON: tc.listJSON, label: tc.label}, got)
		})
	}
}

func TestListFormat(t *testing.T) {
	for header, compact := range map[string]bool{"": false, "full": false, "compact": true, "COMPACT": true, "[compact]": false} {
		h := http.Header{"X-Eureka-Accept": {header}}
		require.Equal(t, compact, wantsJSON.listFormat(h).Compact(), header)
		require.Equal(t, compact, wantsXML.listFormat(h).Compact(), header)
		require.True(t, wantsXML.listFormat(h).IsXML())
	}
	require.Equal(t, eureka.JSON, wantsJSON.liveFormat())
	require.Equal(t, eureka.XML, wantsXML.liveFormat())
}

func TestWantsGzip(t *testing.T) {
	for value, want := range map[string]bool{"gzip": true, "deflate, gzip;q=0": true, "x-gzip": true, "GZIP": false, "*": false, "identity": false} {
		require.Equal(t, want, wantsGzip(http.Header{"Accept-Encoding": {value}}), value)
	}
	require.False(t, wantsGzip(nil))
}

func TestContentType(t *testing.T) {
	for value, want := range map[string]bodyType{
		"application/json":                     bodyJSON,
		"APPLICATION/JSON":                     bodyJSON,
		"application/json; charset=utf-8":      bodyJSON,
		`application/json;charset="UTF-8"`:     bodyJSON,
		"application/json;charset=ISO-8859-1":  bodyJSON,
		"application/json;charset=UTF-16":      bodyUnsupported,
		"application/json;charset=nope":        bodyUnsupported,
		"application/xml":                      bodyXML,
		"application/xml;x=y":                  bodyXML,
		"application/vnd.api+json":             bodyUnsupported,
		"text/plain":                           bodyUnsupported,
		"text/json":                            bodyUnsupported,
		"application/*":                        bodyWild,
		"*/*":                                  bodyWild,
		"nonsense":                             bodyUnparsable,
		"":                                     bodyUnparsable,
		"a/b/c":                                bodyUnparsable,
		"/json":                                bodyUnparsable,
		"application/":                         bodyUnparsable,
		"application/x-www-form-urlencoded":    bodyUnsupported,
		"application/json;charset=utf-8;more=": bodyJSON,
	} {
		got, text := contentType(http.Header{"Content-Type": {value}})
		require.Equal(t, want, got, value)
		require.Equal(t, value, text)
	}
	got, _ := contentType(nil)
	require.Equal(t, bodyAbsent, got)
}

func FuzzNegotiate(f *testing.F) {
	for _, seed := range []string{"", "*/*", "application/json;q=0.5, application/xml", "a/b;q=;;=,,application/json; q = 1", "application/json;" + strings.Repeat("x;", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got, ok := negotiate(http.Header{"Accept": {accept}})
		if !ok {
			require.Empty(t, got.label)
			return
		}
		major, _, isType := strings.Cut(got.label, "/")
		require.True(t, isType)
		require.True(t, strings.EqualFold(major, "application"), got.label)
		require.LessOrEqual(t, len(got.label), 256)
		kind, _ := contentType(http.Header{"Content-Type": {accept}})
		require.LessOrEqual(t, kind, bodyWild)
	})
}
