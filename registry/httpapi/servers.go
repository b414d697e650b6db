package httpapi

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// SelfApplication is the application of our own servers, SelfVIP the virtual address under which clients find them.
const (
	SelfApplication = "ZONEKEEPER"
	SelfVIP         = "zonekeeper"
)

// ServerSource is where the server lists of this package come from.
type ServerSource interface {
	// List is the servers that take clients. It is never empty once it was not.
	List() clientcfg.ServerList
	// Changed is closed when List may have changed. It is asked for before List.
	Changed() <-chan struct{}
}

// PeerList is the part of peerstore.List that a ServerSource is made from.
type PeerList interface {
	NamesrvList
	Serving() []peerstore.Peer
	// Changed is closed when any of the lists may have changed.
	Changed() <-chan struct{}
}

// NewServerSource makes the list for clients from the list of peers. While nobody serves, as in the last moments of the last
// server, it names self, whatever its phase: an empty list would cut clients off that have no other way back.
func NewServerSource(cluster string, peers PeerList, self func() peerstore.Peer) ServerSource {
	return &peerSource{cluster: cluster, peers: peers, self: self}
}

type peerSource struct {
	cluster string
	peers   PeerList
	self    func() peerstore.Peer
}

func (p *peerSource) Changed() <-chan struct{} { return p.peers.Changed() }

func (p *peerSource) List() clientcfg.ServerList {
	l := serverList(p.cluster, p.peers.Serving())
	if l.Empty() {
		l = serverList(p.cluster, []peerstore.Peer{p.self()})
	}
	l.Namesrv = forClients(p.peers)
	return l
}

// serverList turns peers into what clients read. A peer with an address that clients could not use is left out: one bad row must
// not spoil the list for everybody.
func serverList(cluster string, peers []peerstore.Peer) clientcfg.ServerList {
	l := clientcfg.ServerList{Cluster: cluster, Servers: make([]clientcfg.Server, 0, len(peers))}
	for _, p := range peers {
		one := clientcfg.Server{URL: p.Addresses.Eureka, Zone: p.Zone, Region: p.Region, ID: p.ID}
		if p.NamesrvPhase.Living() {
			one.Namesrv, one.NamesrvPhase = p.Addresses.Namesrv, string(p.NamesrvPhase)
		}
		checked, err := clientcfg.ServerList{Servers: []clientcfg.Server{one}}.Normalize()
		if err == nil {
			l.Servers = append(l.Servers, checked.Servers...)
		}
	}
	if merged, err := l.Normalize(); err == nil {
		return merged
	}
	return l
}

// SelfInstances is how our own servers stand in the registry: application and vip "zonekeeper", one instance per server.
// Peers are all living servers that this one knows, itself included; me is its peer id.
//
// What a client may rely on (see docs/compatibility.md): hostName and plain port are where the server answers, its zone is in the
// metadata, and the vip is never without an UP server. A server that drains shows DOWN, but only while another that serves is
// reachable; else it stays UP, because it is what clients have. Servers that are still joining are not shown, unless it is me
// and there is nobody else. A server with an https address only is left out, since clients would call it in plain HTTP.
//
// All fields come from the rows, so every server shows the same.
func SelfInstances(peers []peerstore.Peer, me string) []*eureka.Instance {
	serving := false
	for _, p := range peers {
		serving = serving || p.Phase == peerstore.PhaseServing && (p.Reachable || p.ID == me)
	}
	newest := make(map[string]peerstore.Peer, len(peers))
	for _, p := range peers {
		if !shown(p, me, serving) {
			continue
		}
		if q, ok := newest[p.Addresses.Eureka]; !ok || peerstore.ComparePeers(q, p) < 0 {
			newest[p.Addresses.Eureka] = p
		}
	}
	list := make([]peerstore.Peer, 0, len(newest))
	for _, p := range newest {
		list = append(list, p)
	}
	peerstore.SortPeers(list)
	var out []*eureka.Instance
	for _, p := range list {
		status := eureka.Up
		if serving && p.Phase != peerstore.PhaseServing {
			status = eureka.Down
		}
		if in := selfInstance(p, status); in != nil {
			in.IsCoordinatingDiscoveryServer = p.ID == me
			out = append(out, in)
		}
	}
	return out
}

// shown reports whether a server has an entry at all.
func shown(p peerstore.Peer, me string, serving bool) bool {
	switch p.Phase {
	case peerstore.PhaseServing:
		return p.Reachable || p.ID == me
	case peerstore.PhaseDraining:
		return true
	}
	return p.ID == me && !serving
}

// selfInstance is one server's entry, nil if its address is not plain HTTP.
func selfInstance(p peerstore.Peer, status eureka.Status) *eureka.Instance {
	u, err := url.Parse(p.Addresses.Eureka)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" {
		return nil
	}
	host, port := u.Hostname(), 80
	if text := u.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil {
			return nil
		}
	}
	id := net.JoinHostPort(host, strconv.Itoa(port))
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // clients put it before a colon and the port
	}
	since, changed := millis(p.StartedAt), millis(p.PhaseSince)
	base := u.Scheme + "://" + u.Host
	return &eureka.Instance{
		InstanceID:           id,
		HostName:             host,
		App:                  SelfApplication,
		IPAddr:               host,
		Status:               status,
		Port:                 eureka.Port{Number: port, Enabled: true},
		SecurePort:           eureka.Port{Number: 443},
		CountryID:            1,
		DataCenterInfo:       &eureka.DataCenterInfo{Class: eureka.ClassDefault, Name: eureka.MyOwn},
		LeaseInfo:            eureka.LeaseInfo{RenewalIntervalInSecs: 30, DurationInSecs: 90, RegistrationTimestamp: since, LastRenewalTimestamp: changed, ServiceUpTimestamp: since},
		HomePageURL:          base + "/",
		StatusPageURL:        base + "/api/v1/status",
		HealthCheckURL:       base + "/readyz",
		VIPAddress:           SelfVIP,
		LastUpdatedTimestamp: changed,
		LastDirtyTimestamp:   since,
		ActionType:           eureka.Added,
		Metadata: eureka.Metadata{
			{Key: "zone", Value: p.Zone}, {Key: "region", Value: p.Region}, {Key: "peerId", Value: p.ID}, {Key: "version", Value: p.Version},
		},
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
