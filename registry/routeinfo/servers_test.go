package routeinfo

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// A world is some servers that pull each other's feeds, and brokers that register with those which they reach.
type world struct {
	rt      *rapid.T
	t       *testing.T
	now     time.Time
	servers []*server
	started int
	brokers []*worldBroker
	conns   ConnID
	pulls   int
}

type server struct {
	*fixture
	name  string
	links []*link // to it
}

type worldBroker struct {
	reg   remoting.Registration
	alive bool
	died  time.Time
	conns map[*server]ConnID // open ones, as the server sees it
	cut   map[*server]bool   // it does not reach
}

func (w *world) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(w.rt, label) }

func (w *world) server() *server { return w.servers[w.pick("server", len(w.servers))] }

func (w *world) startServer() {
	w.started++
	name := fmt.Sprintf("s%d", w.started)
	s := &server{fixture: newFixture(w.t, func(c *Config) { c.Self, c.Epoch = name, int64(w.started) }), name: name}
	s.now = w.now
	for _, o := range w.servers {
		o.links = append(o.links, &link{from: s.fixture, to: o.fixture, name: name})
		s.links = append(s.links, &link{from: o.fixture, to: s.fixture, name: o.name})
	}
	w.servers = append(w.servers, s)
	for _, l := range s.links {
		l.pull() // it copies before it serves
	}
}

// crash ends a server. The others notice it or not yet; connections to it mean nothing any more.
func (w *world) crash(s *server) {
	w.servers = slices.DeleteFunc(w.servers, func(o *server) bool { return o == s })
	for _, o := range w.servers {
		o.links = slices.DeleteFunc(o.links, func(l *link) bool {
			if l.from == s.fixture {
				l.fall()
			}
			return l.from == s.fixture
		})
	}
	for _, b := range w.brokers {
		delete(b.conns, s)
	}
}

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	for _, s := range w.servers {
		s.now = w.now
		for _, conn := range s.Expire(w.now) {
			for _, b := range w.brokers {
				if b.conns[s] == conn {
					delete(b.conns, s)
				}
			}
			s.ConnClosed(conn, w.now)
		}
	}
}

// register sends the broker's registration to a server, over a new connection where there is none.
func (w *world) register(b *worldBroker, s *server) {
	if b.cut[s] {
		return
	}
	if b.conns[s] == 0 {
		w.conns++
		b.conns[s] = w.conns
	}
	r := b.reg
	_, err := s.Register(&r, b.conns[s], w.now)
	require.NoError(w.rt, err)
}

func (w *world) change(b *worldBroker) {
	b.reg.Version.Counter++
	b.reg.Topics = nil
	for i := range 5 {
		if w.pick("carries", 3) > 0 || i < 2 {
			b.reg.Topics = append(b.reg.Topics, topicOf(fmt.Sprintf("T%d", i), int32(4+w.pick("queues", 2)), 6))
		}
	}
}

// kill ends a broker. Servers see the connection close, unless it is half open there.
func (w *world) kill(b *worldBroker) {
	b.alive, b.died = false, w.now
	for _, s := range w.servers {
		if conn := b.conns[s]; conn != 0 && w.pick("half open", 6) > 0 {
			s.ConnClosed(conn, w.now)
			delete(b.conns, s)
		}
	}
}

// restart begins a broker, at its address or elsewhere.
func (w *world) restart(b *worldBroker) {
	for s, conn := range b.conns { // half open ones end with it
		s.ConnClosed(conn, w.now)
	}
	b.alive, b.conns = true, map[*server]ConnID{}
	b.reg.Version.Timestamp++
	if w.pick("moves", 3) == 0 {
		b.reg.Addr += "'"
	}
	w.change(b)
}

func newWorld(rt *rapid.T, t *testing.T) *world {
	w := &world{rt: rt, t: t, now: time.Unix(1_700_000_000, 0)}
	for range 3 {
		w.startServer()
	}
	for i := range 5 {
		b := &worldBroker{conns: map[*server]ConnID{}, cut: map[*server]bool{}}
		b.reg = *reg(brokerOf(string(rune('a'+i/2)), int64(i%2)), acting(remoting.ActingMaster(i/2)))
		b.reg.Timeout = []time.Duration{0, 10 * time.Second, 40 * time.Second}[i%3]
		w.brokers = append(w.brokers, b)
	}
	return w
}

// act is something that may happen.
func (w *world) act() {
	b := w.brokers[w.pick("broker", len(w.brokers))]
	s := w.server()
	switch w.pick("act", 16) {
	case 0, 1:
		if !b.alive {
			w.restart(b)
		}
		for _, s := range w.servers {
			w.register(b, s)
		}
	case 2:
		if b.alive {
			w.change(b)
			w.register(b, s)
		}
	case 3:
		if b.alive {
			w.register(b, s)
			s.Touch(BrokerKey{b.reg.Cluster, b.reg.Addr}, w.now)
		}
	case 4:
		if b.alive {
			w.kill(b)
		}
	case 5: // a goodbye to those that it reaches
		if b.alive {
			b.alive, b.died = false, w.now
			for _, s := range w.servers {
				if conn := b.conns[s]; conn != 0 && !b.cut[s] {
					s.Unregister(BrokerKey{b.reg.Cluster, b.reg.Addr}, b.reg.Name, conn, w.now)
					s.ConnClosed(conn, w.now)
					delete(b.conns, s)
				}
			}
		}
	case 6: // one connection breaks
		if conn := b.conns[s]; conn != 0 {
			s.ConnClosed(conn, w.now)
			delete(b.conns, s)
		}
	case 7:
		b.cut[s] = !b.cut[s]
	case 8, 9:
		w.pass(time.Duration(w.pick("seconds", 40)) * time.Second)
	case 10:
		if len(w.servers) > 1 {
			s.links[w.pick("link", len(s.links))].fall()
		}
	case 11:
		if len(w.servers) > 2 {
			w.crash(s)
			w.startServer()
		}
	case 12:
		require.NoError(w.rt, s.DeleteTopic(fmt.Sprintf("T%d", w.pick("topic", 5)), "", "me", w.now))
	case 13:
		name := fmt.Sprintf("broker-%c", 'a'+w.pick("name", 3))
		if w.pick("wipe", 2) == 0 {
			s.wipe(name)
		} else {
			s.add(name)
		}
	case 14:
		require.NoError(w.rt, s.PutKV("ns", fmt.Sprint(w.pick("key", 3)), fmt.Sprint(w.pick("value", 3)), "me", w.now))
	case 15:
		require.NoError(w.rt, s.DeleteKV("ns", fmt.Sprint(w.pick("key", 3)), "me", w.now))
	}
	for range 2 {
		if s := w.server(); len(s.links) > 0 {
			w.pull(s.links[w.pick("pulled", len(s.links))])
		}
	}
	w.watch()
}

func (w *world) pull(l *link) {
	w.pulls++
	l.limit = []int{1, 300, 1 << 20}[w.pulls%3]
	if !l.pull() {
		l.feed = 0
		require.True(w.rt, l.pull(), "a full copy is always understood")
	}
}

// watch checks what holds at any time.
func (w *world) watch() {
	for _, s := range w.servers {
		for _, b := range w.brokers {
			key := BrokerKey{b.reg.Cluster, b.reg.Addr}
			_, known, _ := s.QueryDataVersion(key, b.reg.Version, time.Time{})
			if b.alive && known {
				shown := s.brokers[key]
				require.NotNil(w.rt, shown.group.holder(b.reg.ID))
			}
		}
	}
}

// quiet lets everything heal: brokers register with all servers that they reach, and all servers hear each other.
func (w *world) quiet() {
	for _, b := range w.brokers {
		if b.alive && !slices.ContainsFunc(w.servers, func(s *server) bool { return !b.cut[s] }) {
			b.cut[w.server()] = false
		}
	}
	for range 18 {
		w.pass(8 * time.Second)
		for _, b := range w.brokers {
			for _, s := range w.servers {
				if b.alive {
					w.register(b, s)
				}
			}
		}
		w.pullAll()
	}
	w.pullAll()
}

func (w *world) pullAll() {
	for _, s := range w.servers {
		for _, l := range s.links {
			w.pull(l)
		}
	}
}

func (w *world) requireAgreement() {
	first := w.servers[0]
	for _, s := range w.servers {
		require.Equal(w.rt, first.show(), s.show(), "%s and %s", first.name, s.name)
		require.Equal(w.rt, first.Digest(), s.Digest())
		s.requireReadyIsFresh(w.rt)
	}
	var want []string
	for _, b := range w.brokers {
		if b.alive {
			want = append(want, fmt.Sprintf("%s %d %s", b.reg.Name, b.reg.ID, b.reg.Addr))
		}
	}
	slices.Sort(want)
	for _, s := range w.servers {
		var shown []string
		for _, b := range s.Snapshot(w.now).Brokers {
			shown = append(shown, fmt.Sprintf("%s %d %s", b.Name, b.ID, b.Addr))
		}
		slices.Sort(shown)
		require.Equal(w.rt, want, shown, s.name)
	}
}

// Whatever happened, after a quiet while all servers show the same, every live broker and no other.
func TestServersAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, t)
		rt.Repeat(map[string]func(*rapid.T){
			"act": func(rt *rapid.T) { w.rt = rt; w.act() },
			"":    func(*rapid.T) {},
		})
		w.rt = rt
		w.quiet()
		w.requireAgreement()
	})
}
