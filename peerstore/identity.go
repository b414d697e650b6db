package peerstore

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ProtocolVersion is the version of the protocol between servers that this release speaks.
const ProtocolVersion = 1

// Paths of the peer protocol, below a peer's BaseURL.
const (
	IdentityPath = "/api/v1/peer"
	AnnouncePath = "/api/v1/peer/announce"
)

// maxIdentityBytes bounds what a probe reads: an identity has some 400 bytes.
const maxIdentityBytes = 16 << 10

// An Identity is the answer to GET /api/v1/peer: who answers at this address. It carries nothing secret and is not signed.
type Identity struct {
	Cluster      string `json:"cluster"`
	ClusterUUID  string `json:"clusterUuid"` // empty while the server knows none yet
	PeerID       string `json:"peerId"`
	Epoch        int64  `json:"epoch"`
	Phase        Phase  `json:"phase"`
	NamesrvPhase Phase  `json:"namesrvPhase,omitempty"`
	EurekaURL    string `json:"eurekaUrl"`
	Namesrv      string `json:"namesrv,omitempty"` // address of the RocketMQ side
	Protocol     int    `json:"protocol"`
}

// IdentityOf is what the server p answers to a probe.
func IdentityOf(p Peer, clusterUUID string) Identity {
	return Identity{
		Cluster: p.Cluster, ClusterUUID: clusterUUID, PeerID: p.ID, Epoch: p.Epoch, Phase: p.Phase,
		NamesrvPhase: p.NamesrvPhase, EurekaURL: p.Addresses.Eureka, Namesrv: p.Addresses.Namesrv, Protocol: ProtocolVersion,
	}
}

// DecodeIdentity reads an identity. Unknown fields are allowed, as a later release may send them; an answer without cluster or
// peer id, or with overlong fields, is somebody else's and an error.
func DecodeIdentity(body []byte) (Identity, error) {
	if len(body) > maxIdentityBytes {
		return Identity{}, fmt.Errorf("decode identity: %d bytes, limit %d", len(body), maxIdentityBytes)
	}
	var id Identity
	if err := json.Unmarshal(body, &id); err != nil {
		return Identity{}, fmt.Errorf("decode identity: %w", err)
	}
	switch {
	case id.Cluster == "" || id.PeerID == "":
		return Identity{}, errors.New("decode identity: no cluster or no peer id: not a Zonekeeper server")
	case len(id.Cluster) > maxNameLen || len(id.PeerID) > maxNameLen || len(id.ClusterUUID) > maxNameLen ||
		len(id.Phase) > maxNameLen || len(id.NamesrvPhase) > maxNameLen || len(id.EurekaURL) > maxURLLen ||
		len(id.Namesrv) > maxURLLen:
		return Identity{}, errors.New("decode identity: overlong field")
	}
	return id, nil
}

// Lengths beyond these are nonsense or hostile.
const (
	maxNameLen = 256
	maxURLLen  = 2048
)
