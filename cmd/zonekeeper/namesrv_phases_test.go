package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/peerstoretest"
	"github.com/zonekeeper/zonekeeper/registry/intent/intenttest"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// phases is a network, a database and servers in virtual time, on the waits that ship.
type phases struct {
	t     *testing.T
	net   *simNet
	db    *peerstoretest.Fake
	words intenttest.Fake
	all   []*virtual
}

// virtually runs a test in virtual time and ends what it started.
func virtually(t *testing.T, test func(t *testing.T, p *phases)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &phases{t: t, net: newSimNet(rand.New(rand.NewPCG(1, 2))), db: peerstoretest.NewFake()}
		defer func() { p.end(p.all...) }()
		test(t, p)
	})
}

// virtual is one server of phases.
type virtual struct {
	*App
	t     *testing.T
	net   *simNet
	addr  string
	stop  context.CancelFunc
	hurry chan struct{}
	once  sync.Once
	ended chan struct{}
	path  *peerstoretest.Path
}

// start runs the nth server, with both protocols and what `serve` takes if nothing is said.
func (p *phases) start(n int) *virtual {
	p.t.Helper()
	const scope = onServe | onAny
	l, wrong := load(sources{flags: flagSet(p.t, scope, "--data-dir=-", "--namesrv-listen=:9876")}, scope)
	require.Empty(p.t, wrong)
	cfg, host := l.config, fmt.Sprintf("10.0.0.%d", n)
	v := &virtual{
		t: p.t, net: p.net, addr: net.JoinHostPort(host, "9876"), hurry: make(chan struct{}), ended: make(chan struct{}), path: p.db.NewPath(),
	}
	cfg.AdvertiseURL, cfg.Namesrv.Advertise = "http://"+net.JoinHostPort(host, "8761")+"/eureka/", v.addr
	random := rand.New(rand.NewPCG(uint64(n), 3))
	var lock sync.Mutex
	var err error
	v.App, err = New(cfg, Deps{
		Listener: p.net.Listen(host, "8761"), Namesrv: p.net.Listen(host, "9876"), Dial: p.net.Dialer(host), DialBroker: p.net.Dialer(host),
		Store: v.path, Words: &p.words, Audit: &p.words, Hurry: func() <-chan struct{} { return v.hurry },
		Rand: func() float64 { lock.Lock(); defer lock.Unlock(); return random.Float64() },
		Log:  slog.New(slog.NewTextHandler(p.t.Output(), nil)).With("server", n),
	})
	require.NoError(p.t, err)
	ctx, stop := context.WithCancel(p.t.Context())
	v.stop = stop
	p.all = append(p.all, v)
	go func() {
		defer close(v.ended)
		_ = v.Run(ctx)
	}()
	return v
}

// end stops servers without waiting for anybody.
func (p *phases) end(servers ...*virtual) {
	p.t.Helper()
	for _, v := range servers {
		v.once.Do(func() { close(v.hurry) })
		v.stop()
	}
	for _, v := range servers {
		<-v.ended
	}
}

func (v *virtual) phaseIs(phase peerstore.Phase) bool { return v.heart.Self().NamesrvPhase == phase }

// awaits sleeps until something holds, and returns how long that took.
func (v *virtual) awaits(what string, bound time.Duration, holds func() bool) time.Duration {
	v.t.Helper()
	began := time.Now()
	for !holds() {
		require.Less(v.t, time.Since(began), bound, what)
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began)
}

func (v *virtual) serving() *virtual {
	v.t.Helper()
	v.awaits("serving", 10*time.Second, func() bool { return v.phaseIs(peerstore.PhaseServing) })
	return v
}

// dial connects from some host to the server's name server.
func (v *virtual) dial(from string) *rocketmq {
	v.t.Helper()
	conn, err := v.net.Dialer(from)(v.t.Context(), "tcp", v.addr)
	require.NoError(v.t, err)
	return overConn(v.t, conn)
}

// keepSending sends the same request every interval, until the connection or the server ends.
func (v *virtual) keepSending(c *rocketmq, interval time.Duration, frame []byte) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-time.After(interval):
			case <-v.ended:
				return
			}
			if _, err := c.try(frame); err != nil {
				return
			}
		}
	}()
	return done
}

func TestDrainOfANameServer(t *testing.T) {
	for name, row := range map[string]struct {
		asks        time.Duration // how often the client that stays asks; 0: it does not
		least, most time.Duration // until the server leaves the brokers' list
	}{
		"a client that is silent":       {0, 60 * time.Second, 62 * time.Second},
		"a client that asks and stays":  {30 * time.Second, 150 * time.Second, 152 * time.Second},
		"a client that asks too seldom": {100 * time.Second, 60 * time.Second, 62 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			virtually(t, func(t *testing.T, p *phases) {
				a, b := p.start(1).serving(), p.start(2).serving()
				a.awaits("lists both", 10*time.Second, func() bool { return len(a.list.NamesrvClients()) == 2 })
				holder, client := a.dial("10.9.0.1"), a.dial("10.9.0.2")
				holder.register(brokerA)
				a.keepSending(holder, 30*time.Second, remoting.AppendRegistration(nil, &brokerA, remoting.RegistrationForm{Version: remoting.Version}))
				ended := make(<-chan struct{})
				if row.asks > 0 {
					ended = a.keepSending(client, row.asks, remoting.Append(nil, &remoting.Command{
						Code: remoting.GetRouteByTopic, Version: remoting.Version, Fields: []remoting.Field{{Name: "topic", Value: "TopicA"}},
					}))
				}
				a.stop()
				a.awaits("draining", time.Second, func() bool { return a.phaseIs(peerstore.PhaseDraining) })
				took := a.awaits("left", 3*time.Minute, func() bool { return a.phaseIs(peerstore.PhaseLeft) })
				require.GreaterOrEqual(t, took, row.least-time.Second)
				require.LessOrEqual(t, took, row.most)
				// The broker that stays connected is given the time to read its list, and is not dead.
				took = a.awaits("ended", time.Minute, func() bool { return closed(a.ended) })
				require.GreaterOrEqual(t, took, brokersGo-time.Second)
				require.LessOrEqual(t, took, brokersGo+3*time.Second)
				if row.asks > 0 {
					<-ended
				}
				require.True(t, b.dial("10.9.0.3").routed("TopicA"))
			})
		})
	}
}

// A second signal ends every wait, and nothing but brokers is no reason to wait for clients.
func TestDrainIsCutShort(t *testing.T) {
	virtually(t, func(t *testing.T, p *phases) {
		a, b, c := p.start(1).serving(), p.start(2).serving(), p.start(3).serving()
		for _, v := range []*virtual{a, b, c} {
			v.awaits("lists all", 10*time.Second, func() bool { return len(v.list.NamesrvClients()) == 3 })
		}
		a.dial("10.9.0.1").register(brokerA)
		a.stop()
		require.Less(t, a.awaits("left", time.Minute, func() bool { return a.phaseIs(peerstore.PhaseLeft) }), time.Second, "no client is connected")
		a.awaits("ended", time.Minute, func() bool { return closed(a.ended) })

		client := b.dial("10.9.0.2")
		require.True(t, client.routed("TopicA"), "the last it heard before it left was told to the others")
		b.stop()
		b.awaits("draining", time.Second, func() bool { return b.phaseIs(peerstore.PhaseDraining) })
		time.Sleep(20 * time.Second)
		require.False(t, closed(b.ended))
		b.once.Do(func() { close(b.hurry) })
		require.Less(t, b.awaits("ended", time.Minute, func() bool { return closed(b.ended) }), 6*time.Second)
	})
}

// A cluster that knew brokers and starts from nothing waits a minute for them, however many servers it has; but who can copy does.
func TestColdWaitOfNameServers(t *testing.T) {
	virtually(t, func(t *testing.T, p *phases) {
		a := p.start(1).serving()
		require.Less(t, a.since(), 5*time.Second, "nobody was known before")
		a.dial("10.9.0.1").register(brokerA)
		time.Sleep(10 * time.Second) // its row counts the broker
		p.end(a)

		b, c := p.start(2), p.start(3)
		time.Sleep(30 * time.Second)
		require.True(t, b.phaseIs(peerstore.PhaseJoining))
		require.Equal(t, peerstore.PhaseServing, b.phase(), "Eureka knew no instances, and waits for nobody")
		ready, _ := b.ready()
		require.True(t, ready)
		require.Contains(t, b.namesrvWaiting(), "No other name server knows the routes, so brokers have another 30s to register: 0 of the 1 that the last servers knew are here.")
		require.Len(t, b.list.NamesrvBrokers(), 2)
		require.Empty(t, b.list.NamesrvClients())
		c.dial("10.9.0.1").register(brokerA)
		synctest.Wait()
		_, code := b.dial("10.9.0.2").route("TopicA")
		require.Equal(t, remoting.SystemError, code)
		for _, v := range []*virtual{b, c} {
			v.awaits("serving", time.Minute, func() bool { return v.phaseIs(peerstore.PhaseServing) })
			require.InDelta(t, 60, v.since().Seconds(), 2)
			require.True(t, v.dial("10.9.0.2").routed("TopicA"))
		}
		d := p.start(4).serving()
		require.Less(t, d.since(), 5*time.Second, "it copied the others")
		require.True(t, d.dial("10.9.0.2").routed("TopicA"))
	})
}

// With the database away operators' words are in force, wait, and are written when it is back.
func TestWordsWhileTheDatabaseIsAway(t *testing.T) {
	virtually(t, func(t *testing.T, p *phases) {
		a, b := p.start(1).serving(), p.start(2).serving()
		a.awaits("lists both", 10*time.Second, func() bool { return len(a.list.NamesrvClients()) == 2 })
		p.db.SetDown(true)
		p.words.Fail(errors.New("away"))
		tool := a.dial("10.9.0.9")
		holder := a.dial("10.9.0.1")
		holder.register(brokerA)
		a.keepSending(holder, 30*time.Second, remoting.AppendRegistration(nil, &brokerA, remoting.RegistrationForm{Version: remoting.Version}))
		tool.done(remoting.WipeWritePerm, "brokerName", "broker-a")
		tool.done(remoting.PutKVConfig, "namespace", "N", "key", "k", "value", "v")
		time.Sleep(5 * time.Minute)
		other := b.dial("10.9.0.8")
		require.Equal(t, int32(4), other.perm("TopicA", "broker-a"))
		require.Equal(t, "v", other.kv("N", "k"))
		require.Equal(t, 2, a.namesrv.words.Pending())
		p.db.SetDown(false)
		p.words.Fail(nil)
		a.awaits("written", time.Minute, func() bool { return a.namesrv.words.Pending() == 0 && b.namesrv.words.Pending() == 0 })
		p.end(a, b)

		c := p.start(3)
		c.awaits("serving", 2*time.Minute, func() bool { return c.phaseIs(peerstore.PhaseServing) })
		c.dial("10.9.0.1").register(brokerA)
		require.Equal(t, int32(4), c.dial("10.9.0.8").perm("TopicA", "broker-a"))
	})
}
