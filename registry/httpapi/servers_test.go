package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

func peer(n int, phase peerstore.Phase, reachable bool) peerstore.Peer {
	return peerstore.Peer{
		ID: fmt.Sprint("p", n), Cluster: "test", Epoch: int64(n), Phase: phase, Reachable: reachable,
		Addresses: peerstore.Addresses{Eureka: fmt.Sprintf("http://10.0.0.%d:8761/eureka/", n)},
		Zone:      fmt.Sprint("z", n%2), Region: "default", Version: "1.0.0",
		StartedAt: time.UnixMilli(1_700_000_000_000), PhaseSince: time.UnixMilli(1_700_000_005_000),
	}
}

const (
	joining  = peerstore.PhaseJoining
	serving  = peerstore.PhaseServing
	draining = peerstore.PhaseDraining
	left     = peerstore.PhaseLeft
)

// The vip of our servers is what composite clients live on. Whatever happens, somebody in it is UP, and a server shows DOWN only
// while another can take its clients.
func TestSelfInstances(t *testing.T) {
	type peers = []peerstore.Peer
	for _, tc := range []struct {
		name  string
		peers peers
		want  map[string]eureka.Status
	}{
		{"alone", peers{peer(1, serving, false)}, map[string]eureka.Status{"10.0.0.1": eureka.Up}},
		{"alone and joining", peers{peer(1, joining, false)}, map[string]eureka.Status{"10.0.0.1": eureka.Up}},
		{"alone and draining: still what clients have", peers{peer(1, draining, false)}, map[string]eureka.Status{"10.0.0.1": eureka.Up}},
		{"two serve", peers{peer(1, serving, true), peer(2, serving, true)}, map[string]eureka.Status{"10.0.0.1": eureka.Up, "10.0.0.2": eureka.Up}},
		{"I drain, another serves", peers{peer(1, draining, true), peer(2, serving, true)}, map[string]eureka.Status{"10.0.0.1": eureka.Down, "10.0.0.2": eureka.Up}},
		{"I drain, the other cannot be reached", peers{peer(1, draining, true), peer(2, serving, false)}, map[string]eureka.Status{"10.0.0.1": eureka.Up}},
		{"I drain, the other still joins", peers{peer(1, draining, true), peer(2, joining, true)}, map[string]eureka.Status{"10.0.0.1": eureka.Up}},
		{"another drains", peers{peer(1, serving, true), peer(2, draining, true)}, map[string]eureka.Status{"10.0.0.1": eureka.Up, "10.0.0.2": eureka.Down}},
		{"all drain", peers{peer(1, draining, true), peer(2, draining, true)}, map[string]eureka.Status{"10.0.0.1": eureka.Up, "10.0.0.2": eureka.Up}},
		{"who left is gone", peers{peer(1, serving, true), peer(2, left, true)}, map[string]eureka.Status{"10.0.0.1": eureka.Up}},
		{"joiners are not shown", peers{peer(1, joining, true), peer(2, serving, true)}, map[string]eureka.Status{"10.0.0.2": eureka.Up}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make(map[string]eureka.Status)
			up := 0
			for _, in := range httpapi.SelfInstances(tc.peers, "p1") {
				got[in.HostName] = in.Status
				if in.Status == eureka.Up {
					up++
				}
				require.Equal(t, "zonekeeper", in.VIPAddress)
				require.NoError(t, in.Validate(httpapi.SelfApplication))
				require.Equal(t, in.HostName == "10.0.0.1", in.IsCoordinatingDiscoveryServer)
			}
			require.Equal(t, tc.want, got)
			require.Positive(t, up, "an empty vip cuts composite clients off for good")
		})
	}
}

func TestSelfInstancesAreTheSameOnEveryServer(t *testing.T) {
	peers := []peerstore.Peer{peer(1, serving, true), peer(2, serving, true), peer(3, draining, true)}
	one := httpapi.SelfInstances(peers, "p1")
	two := httpapi.SelfInstances([]peerstore.Peer{peers[2], peers[1], peers[0]}, "p2")
	require.Len(t, one, 3)
	for i := range one {
		one[i].IsCoordinatingDiscoveryServer, two[i].IsCoordinatingDiscoveryServer = false, false
	}
	require.Equal(t, one, two)
}

func TestSelfInstanceFields(t *testing.T) {
	p := peer(3, serving, true)
	in := httpapi.SelfInstances([]peerstore.Peer{p}, "p3")[0]
	require.Equal(t, "10.0.0.3:8761", in.InstanceID)
	require.Equal(t, "10.0.0.3", in.IPAddr)
	require.Equal(t, eureka.Port{Number: 8761, Enabled: true}, in.Port)
	zone, _ := in.Metadata.Get("zone")
	require.Equal(t, "z1", zone)
	require.Equal(t, int64(1_700_000_000_000), in.LastDirtyTimestamp)

	p.Addresses.Eureka = "http://[2001:db8::1]/eureka/"
	in = httpapi.SelfInstances([]peerstore.Peer{p}, "p3")[0]
	require.Equal(t, "[2001:db8::1]", in.HostName, "clients put a colon and the port behind it")
	require.Equal(t, 80, in.Port.Number)

	p.Addresses.Eureka = "https://secure.example.com/eureka/"
	require.Empty(t, httpapi.SelfInstances([]peerstore.Peer{p}, "p3"), "clients would call it in plain HTTP")
	p.Addresses.Eureka = "not an address"
	require.Empty(t, httpapi.SelfInstances([]peerstore.Peer{p}, "p3"))
}

func TestTheNewestIncarnationOfAnAddressIsShown(t *testing.T) {
	older, newer := peer(1, draining, true), peer(1, serving, true)
	newer.ID, newer.Epoch = "p9", 9
	got := httpapi.SelfInstances([]peerstore.Peer{newer, older}, "p9")
	require.Len(t, got, 1)
	require.Equal(t, eureka.Up, got[0].Status)
	require.True(t, got[0].IsCoordinatingDiscoveryServer)
}

// peerList is a peerstore.List for tests.
type peerList struct {
	namesrvList
	serving []peerstore.Peer
	changed chan struct{}
}

func (l *peerList) Serving() []peerstore.Peer { return l.serving }
func (l *peerList) Changed() <-chan struct{}  { return l.changed }

func TestServerSource(t *testing.T) {
	list := &peerList{serving: []peerstore.Peer{peer(1, serving, true), peer(2, serving, true)}}
	self := func() peerstore.Peer { return peer(1, draining, true) }
	source := httpapi.NewServerSource("test", list, self)
	require.Equal(t, "http://10.0.0.1:8761/eureka/,http://10.0.0.2:8761/eureka/", source.List().DefaultZone(""))
	tag := source.List().ETag()

	list.serving = []peerstore.Peer{list.serving[1], list.serving[0]}
	require.Equal(t, tag, source.List().ETag(), "equal lists have equal tags in any order")

	list.serving[0].Addresses.Eureka = "http://a b/"
	require.Equal(t, "http://10.0.0.1:8761/eureka/", source.List().DefaultZone(""), "one bad row spoils nothing")

	list.serving = nil
	require.Equal(t, "http://10.0.0.1:8761/eureka/", source.List().DefaultZone(""), "never empty: the last one is what clients have")
}

// The list says who runs a name server, and names the same ones for clients as /rocketmq/nsaddr does.
func TestServerSourceTellsOfNameServers(t *testing.T) {
	one, two := peer(1, serving, true), peer(2, serving, true)
	one.Addresses.Namesrv, two.Addresses.Namesrv = "10.0.0.1:9876", "10.0.0.2:9876"
	list := &peerList{}
	source := httpapi.NewServerSource("test", list, func() peerstore.Peer { return one })
	handler := newHandler(t, httpapi.Deps{Servers: source, Namesrv: list})
	for _, step := range []struct{ one, two, eureka peerstore.Phase }{
		{"", "", serving}, {joining, "", serving}, {serving, joining, serving}, {serving, serving, serving}, {draining, serving, draining},
		{left, serving, draining}, {left, draining, draining}, {left, left, left},
	} {
		one.NamesrvPhase, two.NamesrvPhase, two.Phase = step.one, step.two, step.eureka
		list.serving, list.namesrvList = []peerstore.Peer{one}, namesrvList{one, two}
		if two.Phase == serving {
			list.serving = append(list.serving, two)
		}
		got, err := clientcfg.DecodeServerList(get(handler, "/zone.json").Body.Bytes())
		require.NoError(t, err)
		require.Len(t, got.Servers, len(list.serving), "Eureka clients do not notice")
		require.Equal(t, source.List().ETag(), got.ETag())
		nsaddr := get(handler, "/rocketmq/nsaddr")
		if nsaddr.Code == http.StatusOK {
			require.Equal(t, nsaddr.Body.String(), got.NamesrvAddr()+"\n", step)
		} else {
			require.Empty(t, got.NamesrvAddr(), step)
		}
		if step.one == joining {
			require.Equal(t, "10.0.0.1:9876", got.Servers[0].Namesrv)
			require.Equal(t, "joining", got.Servers[0].NamesrvPhase)
		}
		if step.one == left {
			require.Empty(t, got.Servers[0].Namesrv)
		}
	}
	one.Addresses.Namesrv, one.NamesrvPhase = "ns.example:9876", serving
	list.serving, list.namesrvList = []peerstore.Peer{one}, namesrvList{one}
	require.Len(t, source.List().Servers, 1, "a bad address of a name server costs nobody the server")
	require.Empty(t, source.List().NamesrvAddr())
}
