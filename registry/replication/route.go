package replication

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// Routes make the route tables of our name servers agree. Each server asks every other one for news of what brokers tell that one
// directly, and of operators' words; the question is held back until there is news. Nobody passes on what he was told, but in full
// copies, where it is marked. Routes are safe for concurrent use.
type Routes struct {
	cfg    RoutesConfig
	totals routeTotals
	polls  *polls

	mu      sync.Mutex
	known   bool // the list has been read
	pullers map[string]*puller
	relayed string // id of the peer that relayed last
}

// NewRoutes checks cfg and returns Routes that do nothing until Run.
func NewRoutes(cfg RoutesConfig) (*Routes, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	r := &Routes{cfg: cfg, polls: newPolls(cfg.MaxWaiting), pullers: make(map[string]*puller)}
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(newRouteMetrics(r)); err != nil {
			return nil, fmt.Errorf("replication: register metrics of routes: %w", err)
		}
	}
	return r, nil
}

// Run asks every listed peer that runs a name server, until ctx ends. It returns nil then, and nobody counts as heard any more.
func (r *Routes) Run(ctx context.Context) error {
	defer r.follow(ctx, nil)
	relay := time.NewTicker(r.cfg.RelayInterval)
	defer relay.Stop()
	for {
		changed := r.cfg.Changed()
		r.cfg.Table.SetSelf(r.cfg.Self().PeerID)
		r.follow(ctx, r.cfg.Peers())
		select {
		case <-changed:
		case <-relay.C:
			r.relayForDeaf()
		case <-ctx.Done():
			return nil
		}
	}
}

// follow starts a puller for every new peer with a name server and stops those of peers that are gone. A peer is one incarnation: a
// new one at the same address is another source.
func (r *Routes) follow(ctx context.Context, peers []peerstore.Peer) {
	// First those that end: the last word about whom we hear must not be theirs.
	for _, p := range r.takeGone(ctx, peers) {
		<-p.ended
	}
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range peers {
		if _, ok := r.pullers[o.ID]; ok || !runsNamesrv(o) {
			continue
		}
		pullerCtx, cancel := context.WithCancel(ctx)
		p := newPuller(r, o, cancel)
		r.pullers[o.ID] = p
		go func() {
			defer close(p.ended)
			p.run(pullerCtx)
		}()
	}
	r.known = true
}

// takeGone takes out and stops the pullers of peers that are not listed any more, all of them once ctx has ended, and tells the others how
// their peers are listed now.
func (r *Routes) takeGone(ctx context.Context, peers []peerstore.Peer) (gone []*puller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.pullers {
		i := slices.IndexFunc(peers, func(o peerstore.Peer) bool { return o.ID == id && runsNamesrv(o) && o.BaseURL() == p.url })
		if i >= 0 && ctx.Err() == nil {
			p.listed(peers[i])
			continue
		}
		p.cancel()
		gone = append(gone, p)
		delete(r.pullers, id)
	}
	return gone
}

func runsNamesrv(p peerstore.Peer) bool { return p.NamesrvPhase.Living() }

// list returns the pullers in the order of their peers' ids.
func (r *Routes) list() []*puller {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*puller, 0, len(r.pullers))
	for _, p := range r.pullers {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *puller) int { return cmp.Compare(a.id, b.id) })
	return list
}

// poke ends the wait of the puller of a peer that has just called.
func (r *Routes) poke(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.pullers[id]; p != nil {
		p.poke()
	}
}

// askable lists the peers that are asked and, as far as is known, answer.
func (r *Routes) askable() []string {
	var ids []string
	for _, p := range r.list() {
		if len(ids) < maxList && p.fine() {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// relayForDeaf relays while there is a peer that has not been heard for long.
func (r *Routes) relayForDeaf() {
	if slices.ContainsFunc(r.list(), (*puller).deaf) {
		r.relay()
	}
}

// relay has everything copied from one peer that answers, the next one at each turn: perhaps it hears one that we do not.
func (r *Routes) relay() {
	pullers := slices.DeleteFunc(r.list(), func(p *puller) bool { return !p.fine() })
	if len(pullers) == 0 {
		return
	}
	r.mu.Lock()
	next := pullers[max(0, slices.IndexFunc(pullers, func(p *puller) bool { return p.id > r.relayed }))]
	r.relayed = next.id
	r.mu.Unlock()
	next.copyAgain()
}

// Copied reports whether everything was copied from every listed peer whose name server serves or drains, other than those that
// cannot be reached. It is true if there is none, and false until Run has read the list.
func (r *Routes) Copied() bool {
	r.mu.Lock()
	known := r.known
	for _, p := range r.cfg.Peers() { // which may be newer than what Run follows
		known = known && (!runsNamesrv(p) || r.pullers[p.ID] != nil)
	}
	r.mu.Unlock()
	return known && !slices.ContainsFunc(r.list(), (*puller).owes)
}
