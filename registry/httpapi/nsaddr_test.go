package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// namesrvList keeps name servers as the list of peers does, with phases alone to go by.
type namesrvList []peerstore.Peer

func (l namesrvList) NamesrvClients() []peerstore.Peer { return l.in(serving) }
func (l namesrvList) NamesrvBrokers() []peerstore.Peer { return l.in(joining, serving, draining) }

func (l namesrvList) in(phases ...peerstore.Phase) (out []peerstore.Peer) {
	for _, p := range l {
		for _, phase := range phases {
			if p.NamesrvPhase == phase {
				out = append(out, p)
			}
		}
	}
	return out
}

func namesrv(addr string, phase peerstore.Phase) peerstore.Peer {
	p := peer(1, serving, true)
	p.Addresses.Namesrv, p.NamesrvPhase = addr, phase
	return p
}

// lookups are the address look-ups of real clients and brokers, byte by byte. The file says where they come from.
func lookups(t *testing.T) (requests map[string]string, reply string) {
	text, err := os.ReadFile("testdata/recorded/nsaddr.json")
	require.NoError(t, err)
	var recorded struct {
		Requests []struct{ From, Bytes string }
		Same     []struct{ From, URI string } `json:"sameBytesOtherTimes"`
		Reply    string
	}
	require.NoError(t, json.Unmarshal(text, &recorded))
	requests = make(map[string]string)
	for _, r := range recorded.Requests {
		requests[r.From] = r.Bytes
	}
	for _, r := range recorded.Same {
		requests[r.From] = strings.Replace(recorded.Requests[0].Bytes, "/rocketmq/nsaddr", r.URI, 1)
	}
	require.Len(t, requests, 5)
	return requests, recorded.Reply
}

// ask writes request bytes on a connection and reads the answer.
func ask(t *testing.T, conn net.Conn, answers *bufio.Reader, request string) (*http.Response, string) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, request)
		sent <- err
	}()
	resp, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, <-sent)
	return resp, string(body)
}

// Every recorded look-up is answered as the one that all of them worked with, and with 304 from then on; those of subgroups that
// were the recorder's own invention are told where the lists are.
func TestRecordedLookups(t *testing.T) {
	requests, reply := lookups(t)
	recorded, err := http.ReadResponse(bufio.NewReader(strings.NewReader(reply)), nil)
	require.NoError(t, err)
	want, err := io.ReadAll(recorded.Body)
	require.NoError(t, err)

	srv := startServer(t, registry.Config{}, httpapi.Deps{Namesrv: namesrvList{namesrv("127.0.0.1:19701", serving)}})
	found := 0
	for from, request := range requests {
		conn := srv.listener.dial()
		defer conn.Close()
		answers := bufio.NewReader(conn)
		resp, body := ask(t, conn, answers, request)
		if !strings.HasPrefix(request, "GET /rocketmq/nsaddr") {
			require.Equal(t, http.StatusNotFound, resp.StatusCode, from)
			require.Contains(t, body, "/rocketmq/nsaddr-broker", from)
			continue
		}
		found++
		require.Equal(t, http.StatusOK, resp.StatusCode, from)
		require.Equal(t, string(want), body, from)
		require.Equal(t, int64(len(want)), resp.ContentLength, from)
		require.Equal(t, recorded.Header.Get("Content-Type"), resp.Header.Get("Content-Type"), from)
		require.Empty(t, resp.Header.Get("Content-Encoding"), from)

		tag := resp.Header.Get("ETag")
		again := strings.Replace(request, "\r\n\r\n", "\r\nIf-None-Match: "+tag+"\r\n\r\n", 1)
		resp, body = ask(t, conn, answers, again) // on the same connection, as the Go client does
		require.Equal(t, http.StatusNotModified, resp.StatusCode, from)
		require.Equal(t, tag, resp.Header.Get("ETag"), from)
		require.Empty(t, body, from)
	}
	require.Equal(t, 3, found)
}

func TestClientsAndBrokersGetTheirOwnLists(t *testing.T) {
	handler := newHandler(t, httpapi.Deps{Namesrv: namesrvList{
		namesrv("10.0.0.10:9876", serving), namesrv("10.0.0.9:9876", serving), namesrv("[2001:db8::1]:9876", serving),
		namesrv("10.0.0.2:9876", joining), namesrv("10.0.0.3:9876", draining), namesrv("10.0.0.4:9876", left), namesrv("", ""),
	}})
	const clients = "10.0.0.9:9876;10.0.0.10:9876;[2001:db8::1]:9876\n"
	const brokers = "10.0.0.2:9876;10.0.0.3:9876;" + clients
	for path, want := range map[string]string{
		"/rocketmq/nsaddr":                 clients,
		"/rocketmq/nsaddr/":                clients,
		"/rocketmq/nsaddr?nofix=1":         clients,
		"/rocketmq/nsaddr-unit1?nofix=1":   clients,
		"/rocketmq/nsaddr-unit1":           clients,
		"/rocketmq/nsaddr-a%2Fb?nofix=1":   clients,
		"/rocketmq/nsaddr-brokers":         clients,
		"/rocketmq/nsaddr-broker":          brokers,
		"/rocketmq/nsaddr-broker?nofix=1":  clients, // a unit that happens to be called so
		"/rocketmq/nsaddr-broker-?nofix=1": clients,
	} {
		w := get(handler, path)
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Equal(t, want, w.Body.String(), path)
		require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"), path)
		require.Equal(t, "no-cache", w.Header().Get("Cache-Control"), path)
		head := do(handler, http.MethodHead, path, "")
		require.Equal(t, http.StatusOK, head.Code, path)
		require.Empty(t, head.Body.String(), path)
		require.Equal(t, fmt.Sprint(len(want)), head.Header().Get("Content-Length"), path)
		require.Equal(t, w.Header().Get("ETag"), head.Header().Get("ETag"), path)
	}
	for _, path := range []string{"/rocketmq", "/rocketmq/", "/rocketmq/nsaddr-", "/rocketmq/tool", "/rocketmq/Nsaddr", "/rocketmq/nsaddrs", "/rocketmq/nsaddr/x"} {
		w := get(handler, path)
		require.Equal(t, http.StatusNotFound, w.Code, path)
		require.Contains(t, w.Body.String(), "brokers /rocketmq/nsaddr-broker", path)
	}
}

// The tag is the content's: the same on servers that know the same name servers, in whatever order and how often.
func TestNsaddrTagIsTheSameOnEveryServer(t *testing.T) {
	one, two := namesrv("10.0.0.1:9876", serving), namesrv("10.0.0.2:9876", serving)
	a := get(newHandler(t, httpapi.Deps{Namesrv: namesrvList{one, two}}), "/rocketmq/nsaddr")
	b := get(newHandler(t, httpapi.Deps{Namesrv: namesrvList{two, one, two}}), "/rocketmq/nsaddr")
	require.Regexp(t, `^"[0-9a-f]{24}"$`, a.Header().Get("ETag"), "a strong one")
	require.Equal(t, a.Header().Get("ETag"), b.Header().Get("ETag"))
	require.Equal(t, a.Body.String(), b.Body.String(), "no duplicates")
	c := get(newHandler(t, httpapi.Deps{Namesrv: namesrvList{one}}), "/rocketmq/nsaddr", "If-None-Match", a.Header().Get("ETag"))
	require.Equal(t, http.StatusOK, c.Code)
	require.NotEqual(t, a.Header().Get("ETag"), c.Header().Get("ETag"))
}

// changing is a list that a test replaces.
type changing struct{ namesrvList }

func TestNsaddrThroughTheLifeOfACluster(t *testing.T) {
	list := &changing{}
	handler := newHandler(t, httpapi.Deps{Namesrv: list})
	const clients, brokers = "/rocketmq/nsaddr", "/rocketmq/nsaddr-broker"
	for _, step := range []struct {
		what   string
		list   namesrvList
		path   string
		status int
		body   string
	}{
		{"no name server anywhere", nil, clients, 404, "--namesrv-listen"},
		{"no name server anywhere", nil, brokers, 404, "--namesrv-listen"},
		{"the first one joins", namesrvList{namesrv("10.0.0.1:1", joining)}, clients, 503, "wait for brokers"},
		{"the first one joins", namesrvList{namesrv("10.0.0.1:1", joining)}, brokers, 200, "10.0.0.1:1\n"},
		{"it serves", namesrvList{namesrv("10.0.0.1:1", serving)}, clients, 200, "10.0.0.1:1\n"},
		{"it drains, another joins", namesrvList{namesrv("10.0.0.1:1", draining), namesrv("10.0.0.2:1", joining)}, clients, 200, "10.0.0.1:1\n"},
		{"it drains, another serves", namesrvList{namesrv("10.0.0.1:1", draining), namesrv("10.0.0.2:1", serving)}, clients, 200, "10.0.0.2:1\n"},
		{"it drains, another serves", namesrvList{namesrv("10.0.0.1:1", draining), namesrv("10.0.0.2:1", serving)}, brokers, 200, "10.0.0.1:1;10.0.0.2:1\n"},
		{"it left", namesrvList{namesrv("10.0.0.1:1", left), namesrv("10.0.0.2:1", serving)}, brokers, 200, "10.0.0.2:1\n"},
		{"the last one drains", namesrvList{namesrv("10.0.0.2:1", draining)}, clients, 200, "10.0.0.2:1\n"},
		{"the last one left", namesrvList{namesrv("10.0.0.2:1", left)}, clients, 404, "no RocketMQ name server"},
		{"one advertises a name", namesrvList{namesrv("ns.example:9876", serving)}, clients, 503, "no RocketMQ name server serves"},
		{"one advertises a name", namesrvList{namesrv("ns.example:9876", serving), namesrv("10.0.0.2:1", serving)}, clients, 200, "10.0.0.2:1\n"},
	} {
		list.namesrvList = step.list
		w := get(handler, step.path)
		require.Equal(t, step.status, w.Code, step.what)
		require.Contains(t, w.Body.String(), step.body, step.what)
	}
	require.Equal(t, http.StatusNotFound, get(newHandler(t, httpapi.Deps{}), clients).Code)
}

// Whatever the rows say, what is answered 200 is read alike by Java and Go clients, and names somebody.
func TestNsaddrIsAlwaysReadable(t *testing.T) {
	list := &changing{}
	handler := newHandler(t, httpapi.Deps{Namesrv: list})
	addr := rapid.OneOf(
		rapid.SampledFrom([]string{"", "host:9876", "10.0.0.1", "10.0.0.1:0", "0.0.0.0:9876", "[fe80::1%eth0]:9876", "10.0.0.1:9876;10.0.0.2:9876", "10.0.0.1:9876\n", "[::ffff:10.0.0.1]:9876", "[2001:DB8:0::1]:9876"}),
		rapid.Map(rapid.IntRange(1, 9), func(n int) string { return fmt.Sprintf("10.0.0.%d:9876", n) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		list.namesrvList = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) peerstore.Peer {
			return namesrv(addr.Draw(t, "address"), rapid.SampledFrom([]peerstore.Phase{"", joining, serving, draining, left}).Draw(t, "phase"))
		}), 0, 6).Draw(t, "peers")
		for _, path := range []string{"/rocketmq/nsaddr", "/rocketmq/nsaddr-unit?nofix=1", "/rocketmq/nsaddr-broker"} {
			w := get(handler, path)
			if w.Code != http.StatusOK {
				require.Contains(t, []int{http.StatusNotFound, http.StatusServiceUnavailable}, w.Code)
				continue
			}
			firstLine, _, _ := strings.Cut(w.Body.String(), "\n")
			java := strings.Split(strings.TrimSpace(firstLine), ";")
			require.Equal(t, java, strings.Split(strings.TrimSpace(w.Body.String()), ";"))
			seen := make(map[string]bool)
			for _, one := range java {
				_, err := netip.ParseAddrPort(one)
				require.NoError(t, err)
				require.False(t, seen[one], "twice: %s", one)
				seen[one] = true
			}
		}
	})
}
