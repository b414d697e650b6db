package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

func TestTidy(t *testing.T) {
	for raw, want := range map[string]string{
		"/eureka/apps":              "/eureka/apps",
		"/eureka/apps/":             "/eureka/apps/", // the router has both
		"//eureka///apps//":         "/eureka/apps",
		"/":                         "/",
		"///":                       "/",
		"/eureka/apps/A/b;x=y":      "/eureka/apps/A/b",
		"/eureka/apps/A;v=1/b/":     "/eureka/apps/A/b",
		"/eureka/apps/A/;/":         "/eureka/apps/A",
		"/eureka/apps/A/b%3Bc":      "/eureka/apps/A/b%3Bc",
		"/eureka/apps/A/b%2Fc":      "/eureka/apps/A/b%2Fc",
		"/eureka//apps/A/b%2F%2Fc/": "/eureka/apps/A/b%2F%2Fc",
		"/eureka/apps/A/..":         "/eureka/apps/A/..",
		"/eureka/apps/A/%2E%2E//":   "/eureka/apps/A/%2E%2E",
		"/eureka/apps/A/a%20b":      "/eureka/apps/A/a b",
		"/eureka/apps/A/é;":         "/eureka/apps/A/é",
		"/eureka/apps/A/é%2Fb;x":    "/eureka/apps/A/é%2Fb",
	} {
		u, err := url.ParseRequestURI(raw)
		require.NoError(t, err)
		before := *u
		got, ok := tidy(&http.Request{URL: u})
		require.True(t, ok, raw)
		require.Equal(t, want, routed(got), raw)
		require.Equal(t, before, *u, "the request handed in is left alone")
	}
}

// routed is what echo's router matches.
func routed(r *http.Request) string { return echo.GetPath(r) }

func TestTidyRefusesWhatIsNoPath(t *testing.T) {
	_, ok := tidy(&http.Request{URL: &url.URL{Path: "*"}})
	require.False(t, ok)
	_, ok = tidy(&http.Request{URL: &url.URL{Host: "example.com:80"}})
	require.False(t, ok)
}

func FuzzTidy(f *testing.F) {
	for _, seed := range []string{"/eureka/apps", "//a;b//c%2Fd;/", "/%", "/%zz;", "/a%00b/", "*", "/é;x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return
		}
		got, ok := tidy(&http.Request{URL: u})
		if !ok {
			return
		}
		path := routed(got)
		require.True(t, strings.HasPrefix(path, "/"))
		require.NotContains(t, path, "//")
		require.NotContains(t, path, ";")
		again, ok := tidy(got)
		require.True(t, ok)
		require.Equal(t, path, routed(again), "tidying twice changes nothing")
	})
}
