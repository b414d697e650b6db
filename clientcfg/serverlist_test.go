package clientcfg_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

var three = clientcfg.ServerList{
	Cluster: "shop",
	Servers: []clientcfg.Server{
		{URL: "http://c:8761/eureka/", Zone: "z2", Region: "r", ID: "3"},
		{URL: "http://a:8761/eureka/", Zone: "z1", Region: "r", ID: "1"},
		{URL: "http://b:8761/eureka/", Zone: "z2", Region: "r", ID: "2"},
	},
}

func TestDefaultZoneOrdersOwnZoneFirst(t *testing.T) {
	for zone, want := range map[string]string{
		"":        "http://a:8761/eureka/,http://b:8761/eureka/,http://c:8761/eureka/",
		"z1":      "http://a:8761/eureka/,http://b:8761/eureka/,http://c:8761/eureka/",
		"z2":      "http://b:8761/eureka/,http://c:8761/eureka/,http://a:8761/eureka/",
		"unknown": "http://a:8761/eureka/,http://b:8761/eureka/,http://c:8761/eureka/",
	} {
		require.Equal(t, want, three.DefaultZone(zone), "zone %q", zone)
	}
	require.Empty(t, clientcfg.ServerList{}.DefaultZone("z1"))
}

func TestETagIsOfTheContentAndNotOfItsOrder(t *testing.T) {
	tag := three.ETag()
	require.Regexp(t, `^"[0-9a-f]{24}"$`, tag)
	rapid.Check(t, func(t *rapid.T) {
		other := clientcfg.ServerList{Cluster: three.Cluster, Servers: rapid.Permutation(three.Servers).Draw(t, "order")}
		require.Equal(t, tag, other.ETag())
		require.True(t, three.Equal(other))
	})
	for name, change := range map[string]func(l *clientcfg.ServerList){
		"url":          func(l *clientcfg.ServerList) { l.Servers[0].URL = "http://d:8761/eureka/" },
		"zone":         func(l *clientcfg.ServerList) { l.Servers[0].Zone = "z1" },
		"region":       func(l *clientcfg.ServerList) { l.Servers[0].Region = "s" },
		"fewer":        func(l *clientcfg.ServerList) { l.Servers = l.Servers[1:] },
		"cluster":      func(l *clientcfg.ServerList) { l.Cluster = "other" },
		"restart":      func(l *clientcfg.ServerList) { l.Servers[0].ID = "4" },
		"name servers": func(l *clientcfg.ServerList) { l.Namesrv = []string{"10.0.0.1:9876"} },
		"namesrv": func(l *clientcfg.ServerList) {
			l.Servers[0].Namesrv, l.Servers[0].NamesrvPhase = "10.0.0.1:9876", "serving"
		},
	} {
		l := clientcfg.ServerList{Cluster: three.Cluster, Servers: append([]clientcfg.Server(nil), three.Servers...)}
		change(&l)
		require.NotEqual(t, tag, l.ETag(), name)
		leadsElsewhere := name != "cluster" && name != "restart"
		require.Equal(t, leadsElsewhere, !three.Equal(l), name)
	}
}

func TestRenderings(t *testing.T) {
	urls := "http://b:8761/eureka/,http://c:8761/eureka/,http://a:8761/eureka/"
	want := map[clientcfg.Format]string{
		clientcfg.Text:       "http://b:8761/eureka/\nhttp://c:8761/eureka/\nhttp://a:8761/eureka/\n",
		clientcfg.Env:        "EUREKA_DEFAULT_ZONE=" + urls + "\n",
		clientcfg.Properties: "eureka.client.service-url.defaultZone=" + urls + "\n",
		clientcfg.YAML:       "eureka:\n  client:\n    service-url:\n      defaultZone: \"" + urls + "\"\n",
		clientcfg.JSON: `{"cluster":"shop","servers":[{"url":"http://b:8761/eureka/","zone":"z2","region":"r","id":"2"},` +
			`{"url":"http://c:8761/eureka/","zone":"z2","region":"r","id":"3"},{"url":"http://a:8761/eureka/","zone":"z1","region":"r","id":"1"}]}` + "\n",
	}
	for _, f := range clientcfg.Formats() {
		require.Equal(t, want[f], string(three.Render(f, "z2")), "format %q", f.Extension())
		require.NotEmpty(t, f.ContentType())
		found, ok := clientcfg.ParseFormat(f.Extension())
		require.True(t, ok)
		require.Equal(t, f, found)
	}
	_, ok := clientcfg.ParseFormat("xml")
	require.False(t, ok)

	empty := `{"servers":[]}` + "\n"
	require.Equal(t, empty, string(clientcfg.ServerList{}.Render(clientcfg.JSON, "")), "an array also when empty")
	require.Empty(t, string(clientcfg.ServerList{}.Render(clientcfg.Text, "")))
	odd := clientcfg.ServerList{Servers: []clientcfg.Server{{URL: "http://u:p&w@[::1]:8761/eureka/"}}}
	require.Equal(t, "EUREKA_DEFAULT_ZONE='http://u:p&w@[::1]:8761/eureka/'\n", string(odd.Render(clientcfg.Env, "")))
}

func TestJSONIsARoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[a-z0-9-]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		want := clientcfg.ServerList{
			Cluster: name.Draw(t, "cluster"),
			Servers: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) clientcfg.Server {
				return clientcfg.Server{
					URL:  "http://" + rapid.StringMatching(`[a-z]{1,9}(\.[a-z]{1,3})?:[1-9][0-9]{3}`).Draw(t, "host") + "/eureka/",
					Zone: name.Draw(t, "zone"), Region: name.Draw(t, "region"), ID: name.Draw(t, "id"),
					Namesrv:      rapid.SampledFrom([]string{"10.0.0.1:9876", "10.0.0.2:9876", "[::1]:9876"}).Draw(t, "namesrv"),
					NamesrvPhase: rapid.SampledFrom([]string{"joining", "serving", "draining", ""}).Draw(t, "namesrv phase"),
				}
			}), 0, 9, func(s clientcfg.Server) string { return s.URL }).Draw(t, "servers"),
			Namesrv: rapid.SliceOfN(rapid.StringMatching(`10\.0\.0\.[1-9]:9876`), 0, 4).Draw(t, "name servers"),
		}
		zone := name.Draw(t, "own zone")
		got, err := clientcfg.DecodeServerList(want.Render(clientcfg.JSON, zone))
		require.NoError(t, err)
		require.True(t, want.Equal(got))
		require.Equal(t, want.NamesrvAddr(), got.NamesrvAddr())
		require.Equal(t, want.ETag(), got.ETag())
		require.Equal(t, want.Render(clientcfg.JSON, zone), got.Render(clientcfg.JSON, zone))
	})
}

func TestNormalize(t *testing.T) {
	l, err := clientcfg.NewServerList("http://a:8761/eureka", "https://[::1]:8761/eureka/", "http://a:8761/eureka/")
	require.NoError(t, err)
	want := clientcfg.ServerList{Servers: []clientcfg.Server{{URL: "http://a:8761/eureka/"}, {URL: "https://[::1]:8761/eureka/"}}}
	require.Empty(t, cmp.Diff(want, l))

	for _, bad := range []string{
		"", "a:8761", "/eureka/", "ftp://a/eureka/", "http:///eureka/", "http://:8761/eureka/", "http://a/eureka/?zone=b",
		"http://a/eureka/?", "http://a/eureka/#x", "http://a/eureka/#", "http://a/,http://b/", "http://a/ b", "http://a/\n",
		"http://bücher/eureka/", "http://a/'x", "http://a/$HOME", "http://a:port/", "http://" + strings.Repeat("a", 3000) + "/",
	} {
		_, err := clientcfg.NewServerList("http://good:8761/eureka/", bad)
		require.Error(t, err, "%q", bad)
	}
	_, err = clientcfg.ServerList{Servers: []clientcfg.Server{{URL: "http://a/", Zone: "z\n1"}}}.Normalize()
	require.ErrorContains(t, err, "control characters")
	_, err = clientcfg.ServerList{Servers: []clientcfg.Server{{URL: "http://a/", Namesrv: "10.0.0.1:1", NamesrvPhase: "a\nb"}}}.Normalize()
	require.ErrorContains(t, err, "control characters")
	_, err = clientcfg.ServerList{Cluster: strings.Repeat("x", 300)}.Normalize()
	require.ErrorContains(t, err, "longer than")
	_, err = clientcfg.ServerList{Namesrv: make([]string, 5000)}.Normalize()
	require.ErrorContains(t, err, "more than")
	_, err = clientcfg.ServerList{Servers: make([]clientcfg.Server, 5000)}.Normalize()
	require.ErrorContains(t, err, "more than")
}

func TestDecodeReadsNewerServersAndRefusesNonsense(t *testing.T) {
	l, err := clientcfg.DecodeServerList([]byte(`{"cluster":"c","new":{"x":[1]},"servers":[{"url":"http://a:1/eureka","weight":7}]}`))
	require.NoError(t, err)
	require.Equal(t, "http://a:1/eureka/", l.DefaultZone(""))
	for _, bad := range []string{"", "null x", "[]", `{"servers":{}}`, `{"servers":[{"url":1}]}`, `{"servers":[{}]}`, `{"servers":[{"url":"http://a/"}]} more`, strings.Repeat(" ", 2<<20)} {
		_, err := clientcfg.DecodeServerList([]byte(bad))
		require.Error(t, err)
	}
}

// FuzzDecodeServerList holds every list that decodes to what its renderings
// rely on.
func FuzzDecodeServerList(f *testing.F) {
	f.Add(three.Render(clientcfg.JSON, ""))
	f.Add([]byte(`{"servers":[{"url":"http://u:p@[::1]:8761/eureka?"}]}`))
	f.Add([]byte(`{"cluster":"\ud800","servers":[]}`))
	f.Add([]byte(`{"servers":[{"url":"HTTP://A/%0a,"}]}`))
	f.Add([]byte(`{"servers":[],"namesrv":["10.0.0.2:9876","10.0.0.1:9876;b","[2001:DB8::1]:1","10.0.0.2:9876"]}`))
	f.Add([]byte(`{"servers":[{"url":"http://a/","namesrv":"[::ffff:10.0.0.1]:9876","namesrvPhase":"serving"},{"url":"http://b/","namesrv":"b:9876;c","namesrvPhase":"serving"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := clientcfg.DecodeServerList(data)
		if err != nil {
			return
		}
		again, err := clientcfg.DecodeServerList(l.Render(clientcfg.JSON, ""))
		require.NoError(t, err)
		require.Equal(t, l.ETag(), again.ETag())
		for _, u := range l.URLs("") {
			require.False(t, strings.ContainsAny(u, ", \t\r\n'\"\\"), "%q", u)
			require.True(t, strings.HasSuffix(u, "/"), "%q", u)
		}
		require.Equal(t, l.Namesrvs(), again.Namesrvs())
		require.False(t, strings.ContainsAny(l.NamesrvAddr(), ", \t\r\n%"), "%q", l.NamesrvAddr())
		text := string(l.Render(clientcfg.Text, ""))
		require.Equal(t, len(l.Servers), strings.Count(text, "\n"))
		require.True(t, json.Valid(l.Render(clientcfg.JSON, "")))
	})
}

func BenchmarkETag(b *testing.B) {
	var l clientcfg.ServerList
	for i := range 100 {
		l.Servers = append(l.Servers, clientcfg.Server{URL: fmt.Sprintf("http://10.0.0.%d:8761/eureka/", i), Zone: "z"})
	}
	b.ReportAllocs()
	for b.Loop() {
		l.ETag()
	}
}
