package replication

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// A routeWorld is some name servers that share routes over the network of a world, in virtual time.
type routeWorld struct {
	*world
	options func(*RoutesConfig)
	servers map[string]*nameServer     // by host, running ones
	phases  map[string]peerstore.Phase // of name servers that do not serve, by host; under mu
	conns   routeinfo.ConnID
	brokers int
}

// nameServer is one incarnation of one server: its table, its routes, and the scan that a name server makes.
type nameServer struct {
	*node
	w      *routeWorld
	table  *routeinfo.Table
	routes *Routes
}

// inRouteWorld runs a test with some name servers that have copied each other, in virtual time.
func inRouteWorld(t *testing.T, hosts int, options func(*RoutesConfig), test func(t *testing.T, w *routeWorld, s []*nameServer)) {
	synctest.Test(t, func(t *testing.T) {
		w := newRouteWorld(t, 1, options)
		defer w.stopServers()
		var s []*nameServer
		for i := range hosts {
			s = append(s, w.startServer(string(rune('a'+i))))
		}
		w.soon(time.Second, "copied", w.copied)
		test(t, w, s)
	})
}

func newRouteWorld(t *testing.T, seed uint64, options func(*RoutesConfig)) *routeWorld {
	return &routeWorld{world: newWorld(t, seed, nil), options: options, servers: make(map[string]*nameServer), phases: make(map[string]peerstore.Phase)}
}

// startServer starts a name server that serves, listed at all others at once.
func (w *routeWorld) startServer(host string) *nameServer {
	w.mu.Lock()
	w.epochs++
	n := &node{
		w: w.world, host: host, conns: make(chan net.Conn), ended: make(chan struct{}), sign: peerstore.NewSigner([]byte("secret")),
		peer: peerstore.Peer{
			ID: fmt.Sprintf("%s-%d", host, w.epochs), Epoch: w.epochs, Phase: peerstore.PhaseServing, NamesrvPhase: peerstore.PhaseServing,
			Reachable: true, Addresses: peerstore.Addresses{Eureka: "http://" + host + ":8761/eureka/", Namesrv: host + ":9876"},
		},
	}
	w.mu.Unlock()
	n.sign.SetSelf(peerstore.Caller{PeerID: n.peer.ID, Epoch: n.peer.Epoch})
	s := &nameServer{node: n, w: w, table: routeinfo.New(routeinfo.Config{Epoch: n.peer.Epoch})}
	cfg := RoutesConfig{
		Table: s.table, Self: func() peerstore.Identity { return peerstore.IdentityOf(n.peer, "uuid") }, Peers: s.others,
		Changed: w.listChanged, Signer: n.sign, Transport: n.transport(), Rand: w.float,
	}
	if w.options != nil {
		w.options(&cfg)
	}
	var err error
	s.routes, err = NewRoutes(cfg)
	require.NoError(w.t, err)
	ctx, stop := context.WithCancel(w.t.Context())
	server := &http.Server{Handler: s, BaseContext: func(net.Listener) context.Context { return ctx }}
	n.stop = func() { stop(); server.Close() }
	n.done.Go(func() { server.Serve(n) })
	n.done.Go(func() { s.routes.Run(ctx) })
	n.done.Go(func() { s.scan(ctx) })
	w.mu.Lock()
	w.nodes[host] = n
	w.mu.Unlock()
	w.servers[host] = s
	w.relist()
	return s
}

// others lists the other servers with the phases of their name servers.
func (s *nameServer) others() []peerstore.Peer {
	list := s.node.others()
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for i := range list {
		host, _, _ := strings.Cut(list[i].Addresses.Namesrv, ":")
		if phase, ok := s.w.phases[host]; ok {
			list[i].NamesrvPhase = phase
		}
	}
	return list
}

// setPhase tells every list the phase of a name server.
func (w *routeWorld) setPhase(s *nameServer, phase peerstore.Phase) {
	w.mu.Lock()
	w.phases[s.host] = phase
	w.mu.Unlock()
	w.relist()
}

// crash ends a server at once; the others' lists lose it after a delay.
func (w *routeWorld) crash(s *nameServer, listed time.Duration) {
	delete(w.servers, s.host)
	w.kill(s.node, listed)
}

func (w *routeWorld) stopServers() {
	for _, s := range w.all() {
		s.stop()
		s.done.Wait()
	}
}

func (w *routeWorld) all() []*nameServer {
	var list []*nameServer
	for _, s := range w.servers {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *nameServer) int { return strings.Compare(a.host, b.host) })
	return list
}

// scan expires brokers every 5 seconds, as a name server does.
func (s *nameServer) scan(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.table.Expire(time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// ServeHTTP does what httpapi does: bound the body, verify the signature, hand over.
func (s *nameServer) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, req.Body, 64<<10))
	if err != nil {
		rw.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	from, err := s.sign.Verify(req, body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusUnauthorized)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	s.routes.Serve(rw, req, from)
}

func (w *routeWorld) copied() bool {
	return !slices.ContainsFunc(w.all(), func(s *nameServer) bool { return !s.routes.Copied() })
}

// agreed reports whether all running servers show the same.
func (w *routeWorld) agreed() bool {
	all := w.all()
	return !slices.ContainsFunc(all, func(s *nameServer) bool { return s.table.Digest() != all[0].table.Digest() })
}

// knownToAgree reports whether every server knows of every other that they agree.
func (w *routeWorld) knownToAgree() bool {
	for _, s := range w.all() {
		if slices.ContainsFunc(s.routes.Status(), func(p RouteStatus) bool { return !p.Heard || !p.Agrees }) {
			return false
		}
	}
	return true
}

// soon waits for a condition in virtual time and fails if it does not come.
func (w *routeWorld) soon(d time.Duration, what string, cond func() bool) time.Duration {
	w.t.Helper()
	start := time.Now()
	for !cond() {
		if time.Since(start) > d {
			for _, s := range w.all() {
				w.t.Logf("%s: digest %x, %+v, %+v", s.peer.ID, s.table.Digest(), s.table.Stats(), s.routes.Status())
			}
			require.FailNow(w.t, "not in time", "%s within %v", what, d)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(start)
}

// ---- brokers ----

// A simBroker is a broker with its connections to name servers.
type simBroker struct {
	w     *routeWorld
	reg   remoting.Registration
	conns map[*nameServer]routeinfo.ConnID
}

// newBroker makes a master that carries some topics and is not registered anywhere yet.
func (w *routeWorld) newBroker(name string, id int64, topics ...string) *simBroker {
	w.brokers++
	b := &simBroker{w: w, conns: make(map[*nameServer]routeinfo.ConnID), reg: remoting.Registration{
		Cluster: "DefaultCluster", Name: name, ID: id, Addr: fmt.Sprintf("10.0.0.%d:10911", w.brokers), HasTopics: true,
		HAAddr: "10.0.0.1:10912", Version: remoting.DataVersion{Timestamp: 1_700_000_000_000, Counter: 1},
	}}
	b.carry(topics)
	return b
}

// carry sets the topics; every broker has one of its own name, too.
func (b *simBroker) carry(topics []string) {
	b.reg.Topics = nil
	for _, topic := range append([]string{b.reg.Name}, topics...) {
		b.reg.Topics = append(b.reg.Topics, remoting.TopicConfig{Name: topic, ReadQueues: 4, WriteQueues: 4, Perm: 6})
	}
}

// register tells some servers everything, over the connection to each.
func (b *simBroker) register(servers ...*nameServer) {
	for _, s := range servers {
		if _, ok := b.conns[s]; !ok {
			b.w.conns++
			b.conns[s] = b.w.conns
		}
		r := b.reg
		r.Topics = slices.Clone(b.reg.Topics)
		_, err := s.table.Register(&r, b.conns[s], time.Now())
		require.NoError(b.w.t, err)
	}
}

// change gives the broker another set of topics, under another version.
func (b *simBroker) change(topics ...string) {
	b.reg.Version.Counter++
	b.carry(topics)
}

// disconnect loses the connections to some servers.
func (b *simBroker) disconnect(servers ...*nameServer) {
	for _, s := range servers {
		if conn, ok := b.conns[s]; ok {
			delete(b.conns, s)
			s.table.ConnClosed(conn, time.Now())
		}
	}
}

// kill ends the broker as kill -9 does: every connection breaks.
func (b *simBroker) kill() {
	for _, s := range b.w.all() {
		b.disconnect(s)
	}
	clear(b.conns)
}

// routed reports whether a server gives this broker's address for a topic.
func (b *simBroker) routed(s *nameServer, topic string) bool {
	body, ok := s.table.Route([]byte(topic), remoting.Quoted)
	return ok && bytes.Contains(body, []byte(`"`+b.reg.Addr+`"`))
}

// everywhere and nowhere report the same of all running servers.
func (b *simBroker) everywhere(topic string) bool {
	return !slices.ContainsFunc(b.w.all(), func(s *nameServer) bool { return !b.routed(s, topic) })
}

func (b *simBroker) nowhere(topic string) bool {
	return !slices.ContainsFunc(b.w.all(), func(s *nameServer) bool { return b.routed(s, topic) })
}
