package namesrv_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

const serverAddress = "127.0.0.1:9876"

// testServer is a server on a network in memory. Tests run it inside synctest.
type testServer struct {
	*namesrv.Server
	table   *routeinfo.Table
	net     *pipeNet
	metrics *prometheus.Registry
	log     *lockedBuffer
	stop    func() // ends Serve and waits for it
}

// startServer serves until the test ends.
func startServer(t *testing.T, cfg namesrv.Config) *testServer {
	t.Helper()
	s := &testServer{
		table: routeinfo.New(routeinfo.Config{}), net: newPipeNet(), metrics: prometheus.NewRegistry(), log: new(lockedBuffer),
	}
	cfg.Registerer = s.metrics
	cfg.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if cfg.Dial == nil {
		cfg.Dial = s.net.Dial
	}
	var err error
	s.Server, err = namesrv.New(cfg, s.table)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	ln := s.net.listen(t, serverAddress)
	go func() { served <- s.Serve(ctx, ln) }()
	var once sync.Once
	s.stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-served)
		})
	}
	t.Cleanup(s.stop)
	return s
}

func (s *testServer) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metric:
		for _, m := range f.GetMetric() {
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !found {
					continue metric
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// peer is a connection to a server as a test uses it.
type peer struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (s *testServer) dial(t *testing.T) *peer { return s.dialFrom(t, "127.0.0.1") }

func (s *testServer) dialFrom(t *testing.T, host string) *peer {
	t.Helper()
	nc, err := s.net.dialFrom(host, serverAddress)
	require.NoError(t, err)
	return newPeer(t, nc)
}

func newPeer(t *testing.T, nc net.Conn) *peer {
	t.Cleanup(func() { nc.Close() })
	return &peer{t: t, Conn: nc, r: bufio.NewReader(nc)}
}

func (p *peer) send(frame []byte) {
	p.t.Helper()
	_, err := p.Write(frame)
	require.NoError(p.t, err)
}

// receive takes the next frame, within a minute.
func (p *peer) receive() *remoting.Command {
	p.t.Helper()
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(time.Minute)))
	frame, err := remoting.ReadFrame(p.r, remoting.MaxFrame, nil)
	require.NoError(p.t, err)
	c, err := remoting.Decode(frame)
	require.NoError(p.t, err)
	return c
}

// call sends a request and takes its answer.
func (p *peer) call(c remoting.Command) *remoting.Command {
	p.t.Helper()
	if c.Version == 0 {
		c.Version = remoting.Version
	}
	p.send(remoting.Append(nil, &c))
	return p.receive()
}

// ask is call with fields as name, value, name, value.
func (p *peer) ask(code remoting.Code, fields ...string) *remoting.Command {
	p.t.Helper()
	return p.call(request(code, fields...))
}

func request(code remoting.Code, fields ...string) remoting.Command {
	c := remoting.Command{Code: code, Version: remoting.Version, Opaque: 7}
	for i := 0; i < len(fields); i += 2 {
		c.Fields = append(c.Fields, remoting.Field{Name: fields[i], Value: fields[i+1]})
	}
	return c
}

// register registers a broker with topics, which has to succeed.
func (p *peer) register(r remoting.Registration, topics ...string) *remoting.Command {
	p.t.Helper()
	p.send(registration(r, topics...))
	c := p.receive()
	require.Equal(p.t, remoting.Success, c.Code, c.Remark)
	return c
}

func registration(r remoting.Registration, topics ...string) []byte {
	if r.Cluster == "" {
		r.Cluster = "c"
	}
	if r.Name == "" {
		r.Name = "broker-a"
	}
	if r.Addr == "" {
		r.Addr = "10.0.0.1:10911"
	}
	if r.HAAddr == "" {
		r.HAAddr = "10.0.0.1:10912"
	}
	if r.Version == (remoting.DataVersion{}) {
		r.Version = remoting.DataVersion{Timestamp: 1, Counter: 1}
	}
	for _, name := range topics {
		r.Topics = append(r.Topics, remoting.TopicConfig{Name: name, ReadQueues: 4, WriteQueues: 4, Perm: 6})
	}
	r.HasTopics = true
	return remoting.AppendRegistration(nil, &r, remoting.RegistrationForm{Version: remoting.Version, Opaque: 3})
}

// routed reports whether a topic has a route.
func (p *peer) routed(topic string) bool {
	p.t.Helper()
	c := p.ask(remoting.GetRouteByTopic, "topic", topic)
	require.Contains(p.t, []remoting.Code{remoting.Success, remoting.TopicNotExist}, c.Code, c.Remark)
	return c.Code == remoting.Success
}

// ended reports whether the server has closed the connection, after everybody did what he could.
func (p *peer) ended() bool {
	p.t.Helper()
	synctest.Wait()
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(time.Nanosecond)))
	_, err := io.Copy(io.Discard, p.r)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newTable() *routeinfo.Table { return routeinfo.New(routeinfo.Config{}) }
