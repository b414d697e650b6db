package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const (
	simRegister  = 30 * time.Second  // registerNameServerPeriod
	simFetch     = 10 * time.Second  // fetchNamesrvAddrInterval
	simSilence   = 120 * time.Second // brokers that do not say otherwise count as gone after it
	simCluster   = "SIM"
	simShared    = "shared" // a topic that every broker has
	simBrokerRPC = 6 * time.Second
)

// simBroker behaves as a RocketMQ 5 broker that reads its name servers from an address: it registers with all of them every 30 s over
// connections that it keeps, and with a new one at its next period.
type simBroker struct {
	w        *simWorld
	id       int
	host     string
	addr     string
	brokerID int64
	rand     *rand.Rand

	group *simGroup

	mu       sync.Mutex
	stop     context.CancelFunc
	alive    bool
	leaving  bool // it says goodbye
	vanished bool // its host is gone from the network: nobody sees a connection close
	diedAt   time.Time
	seenBy   []*simServer // those that saw it die
	known    []string
	conns    map[string]*simBrokerConn
	answered map[string]time.Time // by name server: when it last took a registration
}

// simGroup is what the master and the slave of one name have in common: the slave copies the master's topics.
type simGroup struct {
	mu      sync.Mutex
	number  int
	counter int64
	extra   int // topics beyond the shared one and its own
}

// grow adds a topic.
func (g *simGroup) grow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counter++
	g.extra++
}

func (g *simGroup) name() string { return fmt.Sprintf("broker-%d", g.number) }

func (g *simGroup) own() string { return g.name() + "-own" }

// state is the data version and the topics of this moment.
func (g *simGroup) state() (remoting.DataVersion, []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	topics := []string{simShared, g.own()}
	for i := range g.extra {
		topics = append(topics, fmt.Sprintf("%s-%d", g.name(), i))
	}
	return remoting.DataVersion{Timestamp: int64(g.number + 1), Counter: g.counter}, topics
}

// simBrokerConn is one connection of a broker; its reader hands out answers by their opaque.
type simBrokerConn struct {
	net.Conn
	mu      sync.Mutex
	opaque  int32
	waiting map[int32]chan int32
}

func (w *simWorld) newBroker(id int) *simBroker {
	host := fmt.Sprintf("10.2.0.%d", id+1)
	group := &simGroup{number: id / 2}
	if id%2 == 1 {
		group = w.brokers[id-1].group
	}
	return &simBroker{
		w: w, id: id, host: host, addr: net.JoinHostPort(host, "10911"), group: group, brokerID: int64(id % 2),
		rand: rand.New(rand.NewPCG(w.seed, uint64(9000+id))),
	}
}

// Start begins a new life. Its data version is as before, or greater when it came back with another topic.
func (b *simBroker) Start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive {
		return
	}
	if b.rand.IntN(2) == 0 {
		b.group.grow()
	}
	b.w.net.Freeze(b.host, false)
	b.alive, b.leaving, b.vanished, b.known = true, false, false, nil
	b.conns, b.answered = map[string]*simBrokerConn{}, map[string]time.Time{}
	ctx, cancel := context.WithCancel(b.w.ctx)
	b.stop = cancel
	b.w.group.Go(func() { b.live(ctx) })
}

func (b *simBroker) live(ctx context.Context) {
	fetch, register := time.NewTicker(simFetch), time.NewTicker(simRegister)
	defer fetch.Stop()
	defer register.Stop()
	b.fetch(ctx)
	b.register(ctx)
	for {
		select {
		case <-fetch.C:
			b.fetch(ctx)
		case <-register.C:
			b.register(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// fetch reads the brokers' list at the stable name, behind which some server answers.
func (b *simBroker) fetch(ctx context.Context) {
	servers := b.w.addresses()
	if len(servers) == 0 {
		return
	}
	status, body := b.w.clients[b.id].do(ctx, servers[b.rand.IntN(len(servers))], "GET", "/rocketmq/nsaddr-broker", "")
	if status != 200 || strings.TrimSpace(body) == "" {
		return // a broker keeps what it knows
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = strings.Split(strings.TrimSpace(body), ";")
}

// register tells every known name server, side by side.
func (b *simBroker) register(ctx context.Context) {
	b.mu.Lock()
	known := slices.Clone(b.known)
	b.mu.Unlock()
	registration := b.registration()
	for _, addr := range known {
		b.w.group.Go(func() {
			code := b.call(ctx, addr, func(opaque int32) []byte {
				return remoting.AppendRegistration(nil, registration, remoting.RegistrationForm{Version: remoting.Version500, Opaque: opaque})
			})
			b.mu.Lock()
			defer b.mu.Unlock()
			switch {
			case !b.alive || code < 0:
			case code == remoting.Success:
				b.answered[addr] = time.Now()
			default:
				b.w.fail("registration refused", "broker %d at %s: code %d", b.id, addr, code)
			}
		})
	}
}

func (b *simBroker) registration() *remoting.Registration {
	version, topics := b.group.state()
	r := &remoting.Registration{
		Cluster: simCluster, Addr: b.addr, Name: b.group.name(), HAAddr: b.host + ":10912", ID: b.brokerID,
		ActingMaster: remoting.ActingMasterFalse, Version: version, HasTopics: true, HasFilterServers: true,
	}
	for _, topic := range topics {
		r.Topics = append(r.Topics, remoting.TopicConfig{Name: topic, ReadQueues: 4, WriteQueues: 4, Perm: 6})
	}
	return r
}

// call sends one request and returns the code of its answer, -1 when there is none.
func (b *simBroker) call(ctx context.Context, addr string, frame func(opaque int32) []byte) int32 {
	ctx, cancel := context.WithTimeout(ctx, simBrokerRPC)
	defer cancel()
	c := b.conn(ctx, addr)
	if c == nil {
		return -1
	}
	c.mu.Lock()
	c.opaque++
	answer := make(chan int32, 1)
	c.waiting[c.opaque] = answer
	_, err := c.Write(frame(c.opaque))
	c.mu.Unlock()
	if err != nil {
		return -1
	}
	select {
	case code := <-answer:
		return code
	case <-ctx.Done():
		return -1
	}
}

// conn returns the connection to a name server, a new one if need be.
func (b *simBroker) conn(ctx context.Context, addr string) *simBrokerConn {
	b.mu.Lock()
	c := b.conns[addr]
	b.mu.Unlock()
	if c != nil {
		return c
	}
	if b.w.partitioned(b.host, addr) {
		return nil
	}
	raw, err := b.w.net.Dialer(b.host)(ctx, "tcp", addr)
	if err != nil {
		return nil
	}
	c = &simBrokerConn{Conn: raw, waiting: map[int32]chan int32{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.alive || b.conns[addr] != nil {
		raw.Close()
		return b.conns[addr]
	}
	b.conns[addr] = c
	b.w.group.Go(func() { b.read(addr, c) })
	return c
}

func (b *simBroker) read(addr string, c *simBrokerConn) {
	in := bufio.NewReader(c)
	for {
		frame, err := remoting.ReadFrame(in, remoting.MaxFrame, nil)
		if err != nil {
			break
		}
		answer, err := remoting.Decode(frame)
		if err != nil {
			b.w.fail("broken frame", "broker %d from %s: %v", b.id, addr, err)
			break
		}
		c.mu.Lock()
		if waiting := c.waiting[answer.Opaque]; waiting != nil && answer.Flag&remoting.FlagResponse != 0 {
			waiting <- answer.Code
			delete(c.waiting, answer.Opaque)
		}
		c.mu.Unlock()
	}
	c.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conns[addr] == c {
		delete(b.conns, addr)
		delete(b.answered, addr) // the next one has to register anew
	}
}

// end is what every way of dying has in common.
func (b *simBroker) end() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.alive {
		return false
	}
	b.alive, b.diedAt, b.seenBy = false, time.Now(), nil
	for _, s := range b.w.standing() {
		if b.conns[s.namesrv()] != nil && !b.answered[s.namesrv()].IsZero() && !s.paused() {
			b.seenBy = append(b.seenBy, s)
		}
	}
	b.stop()
	return true
}

// Crash ends the process: the kernel closes its connections. Vanish takes the host away: nobody is told.
func (b *simBroker) Crash() bool {
	if !b.end() {
		return false
	}
	b.w.net.Kill(b.host)
	return true
}

func (b *simBroker) Vanish() bool {
	if !b.end() {
		return false
	}
	b.w.net.Freeze(b.host, true) // its reader waits there for ever
	b.mu.Lock()
	b.vanished = true
	b.mu.Unlock()
	return true
}

// Shutdown says goodbye to every known name server, as brokers do, and then ends.
func (b *simBroker) Shutdown() bool {
	b.mu.Lock()
	known, alive := slices.Clone(b.known), b.alive
	b.leaving = true
	b.mu.Unlock()
	if !alive {
		return false
	}
	var told sync.WaitGroup
	for _, addr := range known {
		told.Go(func() {
			b.call(b.w.ctx, addr, func(opaque int32) []byte {
				return remoting.Append(nil, &remoting.Command{
					Code: remoting.UnregisterBroker, Version: remoting.Version500, Opaque: opaque, Fields: []remoting.Field{
						{Name: "brokerName", Value: b.group.name()}, {Name: "brokerAddr", Value: b.addr},
						{Name: "clusterName", Value: simCluster}, {Name: "brokerId", Value: fmt.Sprint(b.brokerID)},
					},
				})
			})
		})
	}
	told.Wait()
	return b.Crash()
}

// NewTopic changes what the broker has, which it tells at once.
func (b *simBroker) NewTopic() {
	b.group.grow()
	b.mu.Lock()
	alive := b.alive
	b.mu.Unlock()
	if alive {
		b.w.group.Go(func() { b.register(b.w.ctx) })
	}
}

// Reset loses the connection to one name server, as a router that forgets it does; the next period opens another one.
func (b *simBroker) Reset() {
	b.mu.Lock()
	var lost *simBrokerConn
	for _, addr := range b.known {
		if lost = b.conns[addr]; lost != nil {
			break
		}
	}
	b.mu.Unlock()
	if lost != nil {
		lost.Close()
	}
}
