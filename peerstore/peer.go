package peerstore

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Phase is where an incarnation is in its life. The last three and PhaseLeft are terminal: a row that reached one never
// comes back, and the process behind it registers again under a new peer id.
type Phase string

// The phases, in the order in which a healthy server passes them, then the ways in which a row ends without its owner's word.
const (
	PhaseJoining    Phase = "joining"    // registered, copying the others' registries
	PhaseServing    Phase = "serving"    // in the lists that clients get
	PhaseDraining   Phase = "draining"   // answers everything, but clients are led away
	PhaseLeft       Phase = "left"       // said goodbye
	PhaseExpired    Phase = "expired"    // silent for so long that the row was closed for tidiness
	PhaseSuperseded Phase = "superseded" // a newer incarnation claimed the address
	PhaseEvicted    Phase = "evicted"    // an operator's word; the address stays out for a quarantine
)

// Living reports whether an incarnation in this phase may be a peer at all. An unknown phase, as a later release might write, is
// living but never served.
func (p Phase) Living() bool {
	switch p {
	case PhaseLeft, PhaseExpired, PhaseSuperseded, PhaseEvicted, "":
		return false
	}
	return true
}

// Addresses are the places where one server is reached, one per protocol. Eureka is an absolute URL that ends in "/eureka/"; the
// others are host:port and empty while the protocol is off.
type Addresses struct {
	Eureka  string `json:"eureka"`
	Namesrv string `json:"namesrv,omitempty"`
	DNS     string `json:"dns,omitempty"`
}

// A Peer is one incarnation of one server: one start of one process, or one registration of it after its row was lost.
// Peers are values; whoever holds one holds a copy.
type Peer struct {
	// ID is random for every incarnation, a UUID in its usual text form.
	ID string `json:"id"`
	// Cluster is the name of the group of servers that copy to each other.
	Cluster string `json:"cluster"`
	// Epoch orders the incarnations of a cluster: the database counts them, and the greater one is the newer. It is negative and
	// random while the incarnation has no row, so that it is unique and below every counted one.
	Epoch int64 `json:"epoch"`
	// Phase is the Eureka side's phase, NamesrvPhase the RocketMQ side's, empty while that protocol is off.
	Phase        Phase     `json:"phase"`
	NamesrvPhase Phase     `json:"namesrvPhase,omitempty"`
	Addresses    Addresses `json:"addresses"`
	Region       string    `json:"region"`
	Zone         string    `json:"zone"`
	Host         string    `json:"host,omitempty"`
	Version      string    `json:"version,omitempty"`
	// ProtoMin and ProtoMax bound the versions of the protocol between servers that this one speaks.
	ProtoMin int `json:"protoMin,omitempty"`
	ProtoMax int `json:"protoMax,omitempty"`
	// StartedAt and PhaseSince are for people's eyes; no decision reads them. PhaseSince is the database's clock.
	StartedAt  time.Time `json:"startedAt,omitzero"`
	PhaseSince time.Time `json:"phaseSince,omitzero"`

	// Unverified marks a peer that is known from the disk cache, a seed or an announcement, and has no row yet.
	Unverified bool `json:"unverified,omitempty"`
	// Reachable is this observer's own finding: its last probes were answered with the right identity, or replication hears it.
	Reachable bool `json:"reachable"`
	// Suspect marks a peer whose lease is silent while its probe still answers: its path to the database is broken.
	Suspect bool `json:"suspect,omitempty"`
}

// BaseURL is scheme, host and port of the advertised Eureka URL, without a slash at its end: the place where the peer protocol
// is spoken. It is empty when the address cannot be parsed.
func (p Peer) BaseURL() string { return BaseURL(p.Addresses.Eureka) }

// BaseURL cuts an advertised URL down to scheme, host and port. Credentials, path and query are dropped. What is not an absolute
// http or https URL gives "".
func BaseURL(eureka string) string {
	u, err := url.Parse(eureka)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// ComparePeers is the stable order of every list: oldest incarnation first. Peers without an epoch of the database come last,
// by address, so that the same list looks the same on every server.
func ComparePeers(a, b Peer) int {
	au, bu := a.Epoch <= 0, b.Epoch <= 0
	switch {
	case au != bu && au:
		return 1
	case au != bu:
		return -1
	case au:
		return cmp.Or(strings.Compare(a.Addresses.Eureka, b.Addresses.Eureka), strings.Compare(a.ID, b.ID))
	}
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), strings.Compare(a.ID, b.ID))
}

// SortPeers puts peers into the stable order, in place.
func SortPeers(peers []Peer) { slices.SortFunc(peers, ComparePeers) }
