package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// namesrvEnviron is what a server with a name server is started with. Its waits are those of a cluster test.
func (p pace) namesrvEnviron(t *testing.T, schema string) []string {
	t.Helper()
	return append(p.environ(pgtest.URL(t), schema), "ZONEKEEPER_NAMESRV_LISTEN=127.0.0.1:0", "ZONEKEEPER_NAMESRV_DRAIN=10s", "ZONEKEEPER_NAMESRV_COLD_WAIT=3s",
		"ZONEKEEPER_DRAIN=1s")
}

// namesrv is the address of the process's name server.
func (p *process) namesrv(client *http.Client) string {
	p.t.Helper()
	_, body := p.request(client, http.MethodGet, "/api/v1/status", "")
	var s status
	require.NoError(p.t, json.Unmarshal([]byte(body), &s))
	require.NotNil(p.t, s.Namesrv)
	return s.Namesrv.Address
}

// nsaddr is a list of name servers as this process gives it, nil for none.
func (p *process) nsaddr(client *http.Client, subgroup string) []string {
	status, text := p.request(client, http.MethodGet, "/rocketmq/"+subgroup, "")
	if status != http.StatusOK {
		return nil
	}
	return strings.Split(strings.TrimSpace(text), ";")
}

// TestNameServersOfACluster: brokers come and go, servers come, go and are all restarted, as real processes on a real database.
func TestNameServersOfACluster(t *testing.T) {
	client, pace := caller(t), testPace(t)
	_, schema := pgtest.EmptyPool(t)
	environ := pace.namesrvEnviron(t, schema)
	servers := formed(t, client, 3, environ)
	listAll := func(servers []*process) {
		all(t, client, servers, "list every name server", func(s *process) bool {
			return len(s.nsaddr(client, "nsaddr")) == len(servers) && len(s.nsaddr(client, "nsaddr-broker")) == len(servers)
		})
	}
	listAll(servers)
	dial := func(s *process) *rocketmq { return dialNamesrv(t, s.namesrv(client)) }

	t.Run("a broker of one is known to all, and dead everywhere within a second", func(t *testing.T) {
		holder := dialNamesrv(t, servers[0].namesrv(client))
		holder.register(brokerA)
		var clients []*rocketmq
		for _, s := range servers {
			c := dialNamesrv(t, s.namesrv(client))
			require.Eventually(t, func() bool { return c.routed("TopicA") }, 10*time.Second, time.Millisecond)
			clients = append(clients, c)
			defer c.close() // a server that stops waits for those who may ask it
		}
		database := []string{"ZONEKEEPER_DB_URL=" + pgtest.URL(t), "ZONEKEEPER_DB_SCHEMA=" + schema}
		for args, says := range map[string]string{
			"topics why TopicA": "TopicA is routed on all 3 name servers that answer lookups", "topics ls": "3 of 3", "topics route TopicA": "3 of 3", "brokers ls": "3 of 3",
		} {
			out := command(t, database, strings.Fields(args)...)
			require.Equal(t, exitOK, out.code, out.stdout+out.stderr)
			require.Contains(t, out.stdout, says)
		}
		holder.close()
		died := time.Now()
		for _, c := range clients {
			require.Eventually(t, func() bool { return !c.routed("TopicA") }, 10*time.Second, time.Millisecond)
		}
		t.Logf("gone everywhere after %v", time.Since(died))
		require.Less(t, time.Since(died), time.Second)
	})

	tool := dial(servers[1])
	tool.done(remoting.PutKVConfig, "namespace", "N", "key", "k", "value", "v")
	holder := dial(servers[2])
	holder.register(brokerA)
	require.Eventually(t, func() bool { return tool.routed("TopicA") }, 10*time.Second, 10*time.Millisecond)
	tool.done(remoting.WipeWritePerm, "brokerName", "broker-a")
	tool.close()
	holder.close()
	for _, s := range servers {
		s.stop()
	}

	t.Run("words outlive the restart of all", func(t *testing.T) {
		servers = nil
		for range 2 {
			servers = append(servers, spawn(t, environ...))
		}
		listAll(servers)
		dialNamesrv(t, servers[0].namesrv(client)).register(brokerA)
		for _, s := range servers {
			c := dialNamesrv(t, s.namesrv(client))
			require.Eventually(t, func() bool { return c.perm("TopicA", "broker-a") == 4 }, 10*time.Second, 10*time.Millisecond)
			require.Equal(t, "v", c.kv("N", "k"))
		}
	})
}

// TestNameServersScale: from one to three to two, at new addresses, while brokers and clients follow the lists as real ones do. No lookup fails
// and no route lacks a broker.
func TestNameServersScale(t *testing.T) {
	client, pace := caller(t), testPace(t)
	_, schema := pgtest.EmptyPool(t)
	environ := pace.namesrvEnviron(t, schema)
	servers := formed(t, client, 1, environ)
	book := newAddressBook(client, servers...)

	var brokers []*follower
	for i := range 3 {
		b := broker(fmt.Sprintf("broker-%d", i), fmt.Sprintf("10.9.0.%d:10911", i))
		brokers = append(brokers, book.follow(t, "nsaddr-broker", 200*time.Millisecond, func(conns map[string]net.Conn) error { return registerOnAll(conns, b) }))
	}
	all(t, client, servers, "know every broker", func(s *process) bool {
		c := dialNamesrv(t, s.namesrv(client))
		defer c.close()
		route, _ := c.route("TopicA")
		return route != nil && len(route.Brokers) == 3
	})
	var clients []*follower
	for range 3 {
		clients = append(clients, book.follow(t, "nsaddr", 20*time.Millisecond, lookUp(len(brokers))))
	}

	for range 2 {
		servers = append(servers, spawn(t, environ...))
	}
	all(t, client, servers, "list three", func(s *process) bool { return len(s.nsaddr(client, "nsaddr")) == 3 })
	book.set(servers...)
	first := servers[0]
	servers = servers[1:]
	book.set(servers...) // as a balancer does when readiness goes
	first.stop()
	all(t, client, servers, "list two", func(s *process) bool {
		return len(s.nsaddr(client, "nsaddr")) == 2 && len(s.nsaddr(client, "nsaddr-broker")) == 2
	})
	looked := 0
	for _, c := range clients {
		turns, errs := c.end()
		require.Empty(t, errs, "lookups failed")
		looked += turns
	}
	t.Logf("%d lookups, all whole", looked)
	require.Positive(t, looked)
	for _, b := range brokers {
		_, _ = b.end()
	}
}

// addressBook is the stable name of the address server: some server of the cluster answers.
type addressBook struct {
	client *http.Client
	mu     sync.Mutex
	known  []*process
}

func newAddressBook(client *http.Client, servers ...*process) *addressBook {
	return &addressBook{client: client, known: servers}
}

func (b *addressBook) set(servers ...*process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = slices.Clone(servers)
}

func (b *addressBook) list(subgroup string) []string {
	b.mu.Lock()
	servers := slices.Clone(b.known)
	b.mu.Unlock()
	for _, s := range servers {
		if list := s.nsaddr(b.client, subgroup); list != nil {
			return list
		}
	}
	return nil
}

// follower is a broker or a client that reads its list twice a second and keeps a connection to each name server on it.
type follower struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	mu    sync.Mutex
	turns int
	errs  []error
}

// follow takes turns until end is called. An error of a turn is kept.
func (b *addressBook) follow(t *testing.T, subgroup string, interval time.Duration, turn func(map[string]net.Conn) error) *follower {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &follower{stop: stop}
	f.done.Go(func() {
		conns := make(map[string]net.Conn)
		defer func() {
			for _, c := range conns {
				c.Close()
			}
		}()
		read := time.Time{}
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			if time.Since(read) > 500*time.Millisecond {
				read = time.Now()
				connect(ctx, conns, b.list(subgroup))
			}
			err := turn(conns)
			f.mu.Lock()
			f.turns++
			if err != nil && ctx.Err() == nil {
				f.errs = append(f.errs, err)
			}
			f.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	t.Cleanup(func() { stop(); f.done.Wait() })
	return f
}

func (f *follower) end() (turns int, errs []error) {
	f.stop()
	f.done.Wait()
	return f.turns, f.errs
}

// connect dials whoever is new on the list and lets go of whoever is not on it. Without a list everything stays.
func connect(ctx context.Context, conns map[string]net.Conn, list []string) {
	for addr, c := range conns {
		if list != nil && !slices.Contains(list, addr) {
			c.Close()
			delete(conns, addr)
		}
	}
	for _, addr := range list {
		if conns[addr] == nil {
			if c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr); err == nil {
				conns[addr] = c
			}
		}
	}
}

// registerOnAll registers a broker with every name server, each over its own connection. One that cannot be reached is tried again.
func registerOnAll(conns map[string]net.Conn, b remoting.Registration) error {
	frame := remoting.AppendRegistration(nil, &b, remoting.RegistrationForm{Version: remoting.Version, Opaque: 1})
	for addr, c := range conns {
		if _, err := (&rocketmqConn{c}).try(frame); err != nil {
			c.Close()
			delete(conns, addr)
		}
	}
	return nil
}

// lookUp asks one name server, and the next when the connection breaks, as clients do. Any answer must be the whole route.
func lookUp(brokers int) func(map[string]net.Conn) error {
	frame := remoting.Append(nil, &remoting.Command{
		Code: remoting.GetRouteByTopic, Version: remoting.Version, Opaque: 1, Fields: []remoting.Field{{Name: "topic", Value: "TopicA"}},
	})
	return func(conns map[string]net.Conn) error {
		for addr, c := range conns {
			answer, err := (&rocketmqConn{c}).try(frame)
			if err != nil {
				c.Close()
				delete(conns, addr)
				continue
			}
			route, err := remoting.DecodeTopicRoute(answer.Body)
			switch {
			case answer.Code != remoting.Success:
				return fmt.Errorf("%s answered %d: %s", addr, answer.Code, answer.Remark)
			case err != nil:
				return err
			case len(route.Brokers) != brokers:
				return fmt.Errorf("%s told of %d brokers only", addr, len(route.Brokers))
			}
			return nil
		}
		return errors.New("nobody answered")
	}
}
