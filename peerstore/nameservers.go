package peerstore

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// nameServers are the two lists for RocketMQ, of these peers and ourselves: clients are told who serves and is reachable, brokers whoever
// joins, serves or drains. When nobody is left for clients, a draining server keeps itself; else what would be empty keeps its last good
// content: an address server that answers nothing is worse than one that names a server which may come back.
func (r *roster) nameServers(self Peer, peers []Peer, now time.Time) (clients, brokers []Peer) {
	self.Reachable = true
	candidates := slices.Clone(peers)
	if !r.closed(self.ID) {
		candidates = append(candidates, self)
	}
	candidates = slices.DeleteFunc(candidates, func(p Peer) bool { return !p.Phase.Living() || !isHostPort(p.Addresses.Namesrv) })
	SortPeers(candidates)
	for _, p := range candidates {
		if p.NamesrvPhase.Living() {
			brokers = append(brokers, p)
		}
		m, other := r.members[p.ID]
		if p.NamesrvPhase == PhaseServing && p.Reachable && (!other || !now.Before(m.served)) {
			clients = append(clients, p)
		}
	}
	if len(clients) == 0 && self.NamesrvPhase == PhaseDraining {
		clients = append(clients, self)
	}
	lastGood(&r.namesrvClients, oneForEachAddress(clients))
	lastGood(&r.namesrvBrokers, oneForEachAddress(brokers))
	return slices.Clone(r.namesrvClients), slices.Clone(r.namesrvBrokers)
}

// lastGood replaces a list by one that has somebody.
func lastGood(list *[]Peer, next []Peer) {
	if len(next) > 0 {
		*list = next
	}
}

// oneForEachAddress drops, in place, whoever shares a name server's address with an older incarnation in the list.
func oneForEachAddress(peers []Peer) []Peer {
	taken := make(map[string]bool, len(peers))
	return slices.DeleteFunc(peers, func(p Peer) bool {
		was := taken[p.Addresses.Namesrv]
		taken[p.Addresses.Namesrv] = true
		return was
	})
}

// isHostPort tells whether an address can stand in a list like "10.0.0.1:9876;10.0.0.2:9876".
func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(host, ";, \t\r\n") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
