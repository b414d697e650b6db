package clientcfg_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

func httpSource(t *testing.T, w *world, cfg clientcfg.HTTPConfig, seeds ...string) *clientcfg.HTTPSource {
	t.Helper()
	cfg.HTTP = w.client()
	h, err := clientcfg.NewHTTPSource(seeds, cfg)
	require.NoError(t, err)
	return h
}

func TestHTTPSourceAsksWhomItKnowsBeforeItsSeeds(t *testing.T) {
	w := newWorld("a1", "a2")
	w.set("up", "seed")
	h := httpSource(t, w, clientcfg.HTTPConfig{}, server("seed"))
	l, err := h.Servers(t.Context())
	require.NoError(t, err)
	require.Len(t, l.Servers, 2)
	require.Equal(t, []string{"seed/zone.json"}, w.requests())
	require.NoError(t, h.Learn(l))

	w.set("", "seed", "a1")
	for range 10 {
		l, err = h.Servers(t.Context())
		require.NoError(t, err)
		require.Len(t, l.Servers, 2, "also when the answer is 304")
	}
	require.NotContains(t, w.requests()[1:], "seed/zone.json")

	w.set("", "a2")
	w.set("up", "seed")
	_, err = h.Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, "seed/zone.json", w.requests()[len(w.requests())-1], "known servers dead: back to the seed")

	w.set("", "seed")
	_, err = h.Servers(t.Context())
	require.ErrorContains(t, err, "connection refused")
}

func TestHTTPSourcePassesOverBadAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("good")
		for _, state := range []string{"", "hangs", "broken", "huge", "empty"} {
			w.set(state, "bad")
			start := time.Now()
			h := httpSource(t, w, clientcfg.HTTPConfig{}, server("bad"), server("good"))
			l, err := h.Servers(t.Context())
			require.NoError(t, err, state)
			require.Equal(t, server("good"), l.DefaultZone(""))
			require.LessOrEqual(t, time.Since(start), 2*time.Second)
		}
		w.set("broken", "good")
		_, err := httpSource(t, w, clientcfg.HTTPConfig{}, server("good")).Servers(t.Context())
		require.ErrorContains(t, err, "must start with http")
		w.set("empty", "good")
		_, err = httpSource(t, w, clientcfg.HTTPConfig{}, server("good")).Servers(t.Context())
		require.ErrorIs(t, err, clientcfg.ErrNoServers)
		w.set("up", "good")
		_, err = httpSource(t, w, clientcfg.HTTPConfig{Cluster: "mine"}, server("good")).Servers(t.Context())
		require.ErrorContains(t, err, `belongs to cluster "test", not "mine"`)
	})
}

func TestWithoutSeedsSomebodyElseBegins(t *testing.T) {
	w := newWorld("a1")
	h := httpSource(t, w, clientcfg.HTTPConfig{})
	_, err := h.Servers(t.Context())
	require.ErrorIs(t, err, clientcfg.ErrNoServers)
	require.NoError(t, h.Learn(w.list))
	l, err := h.Servers(t.Context())
	require.NoError(t, err)
	require.True(t, w.list.Equal(l))
}

func TestADeadListLeavesTimeForTheSeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := []string{"d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9"}
		w := newWorld(dead...)
		h := httpSource(t, w, clientcfg.HTTPConfig{}, server("d1"), server("seed"))
		l, err := h.Servers(t.Context())
		require.NoError(t, err)
		require.NoError(t, h.Learn(l))
		w.set("hangs", dead...)
		w.set("up", "seed")
		start := time.Now()
		_, err = h.Servers(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, time.Since(start), 10*time.Second)
	})
}

func TestZoneLiesBesideTheAPI(t *testing.T) {
	w := newWorld("a1")
	for _, seed := range []string{"http://a1:8761", "http://a1:8761/", "http://a1/eureka", "http://a1/eureka/v2/", "http://a1:8761/v2"} {
		_, err := httpSource(t, w, clientcfg.HTTPConfig{}, seed).Servers(t.Context())
		require.NoError(t, err, seed)
	}
	for _, bad := range [][]string{{""}, {"a1:8761"}, {"http://a1", "http://b1?x"}} {
		_, err := clientcfg.NewHTTPSource(bad, clientcfg.HTTPConfig{})
		require.Error(t, err)
	}
}

// Errors end in logs, so they keep the credentials in a URL to themselves.
func TestErrorsHidePasswords(t *testing.T) {
	const secret = "u:s3cret@"
	w := newWorld()
	for _, state := range []string{"", "broken", "huge", "empty", "lost"} {
		w.set(state, "a1")
		h := httpSource(t, w, clientcfg.HTTPConfig{}, "http://"+secret+"a1:8761/eureka/")
		_, err := h.Servers(t.Context())
		require.ErrorContains(t, err, "a1:8761")
		require.NotContains(t, err.Error(), "s3cret", state)
	}
	for _, bad := range []string{"http://" + secret, "ftp://" + secret + "a1", "http://" + secret + "a1?x", "http://" + secret + "a 1", "http://" + secret + "a1:port"} {
		_, err := clientcfg.NewServerList(bad)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "s3cret", bad)
	}
}
