package compat

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// cluster is the servers under test.
type cluster struct {
	t      *testing.T
	binary string
	db     database
	dir    string

	started int

	mu      sync.Mutex // the guard reads what the test changes
	servers []*server
}

type server struct {
	*process
	port    int
	serving bool
}

func (s *server) url() string { return fmt.Sprintf("http://127.0.0.1:%d/eureka/", s.port) }

// start starts a server and puts it at the end of the list.
func (c *cluster) start(port int) *server {
	s := &server{port: port}
	c.launch(s)
	c.mu.Lock()
	c.servers = append(c.servers, s)
	c.mu.Unlock()
	return s
}

func (c *cluster) launch(s *server) {
	c.started++
	s.process = run(c.t, command{
		name: fmt.Sprintf("server-%d", c.started),
		args: []string{c.binary, "serve",
			"--db-url", c.db.url, "--db-schema", c.db.schema, "--cluster", "compat",
			"--http-listen", fmt.Sprintf("127.0.0.1:%d", s.port), "--advertise-url", s.url(),
			"--data-dir", filepath.Join(c.dir, fmt.Sprint(s.port)), "--drain", "10s"},
	})
}

func (c *cluster) restart(i int) { c.launch(c.servers[i]) }

// kill ends a server like a power cut.
func (c *cluster) kill(s *server) {
	c.setServing(s, false)
	s.kill()
}

// stop ends a server as an operator does.
func (c *cluster) stop(s *server) {
	c.setServing(s, false)
	s.terminate()
	require.NoError(c.t, s.wait(patience), "server %s did not end well", s.url())
}

func (c *cluster) setServing(s *server, serving bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.serving = serving
}

// replace takes the last server started into the place of another.
func (c *cluster) replace(i int) (old *server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.servers) - 1
	old, c.servers[i] = c.servers[i], c.servers[last]
	c.servers = c.servers[:last]
	return old
}

// ready waits until all servers serve.
func (c *cluster) ready(ctx context.Context) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for _, s := range c.servers {
		for {
			if code, _ := get(ctx, fmt.Sprintf("http://127.0.0.1:%d/readyz", s.port)); code == http.StatusOK {
				break
			}
			if time.Now().After(deadline) || ctx.Err() != nil || s.ended() {
				c.t.Fatalf("server %s is not ready\n%s", s.url(), s.tail())
			}
			pause(ctx, 50*time.Millisecond)
		}
	}
	for _, s := range c.servers {
		c.setServing(s, true)
	}
}

func (c *cluster) urls() (out []string) {
	for _, s := range c.servers {
		out = append(out, s.url())
	}
	return out
}

func (c *cluster) living() (out []*server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		if s.serving {
			out = append(out, s)
		}
	}
	return out
}

func (c *cluster) all(ctx context.Context, holds func(context.Context, *server) bool) bool {
	for _, s := range c.living() {
		if !holds(ctx, s) {
			return false
		}
	}
	return true
}

func (c *cluster) any(ctx context.Context, holds func(context.Context, *server) bool) bool {
	return !c.all(ctx, func(ctx context.Context, s *server) bool { return !holds(ctx, s) })
}

// renewal returns the latest renewal of the client that any server knows.
func (c *cluster) renewal(ctx context.Context, cl *client) (at time.Time, ok bool) {
	for _, s := range c.living() {
		code, body := get(ctx, s.url()+cl.path())
		if code != http.StatusOK {
			continue
		}
		in, err := eureka.DecodeInstance(body, eureka.JSON, 0)
		require.NoError(c.t, err)
		if t := time.UnixMilli(in.LeaseInfo.LastRenewalTimestamp); t.After(at) {
			at, ok = t, true
		}
	}
	return at, ok
}

// get returns the status and body of an answer; 0 if there was none.
func get(ctx context.Context, address string) (int, []byte) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, body
}

type database struct{ url, schema string }

// startDatabase uses TEST_DATABASE_URL, in a schema of its own, or starts a
// PostgreSQL.
func startDatabase(t *testing.T, ctx context.Context) database {
	t.Helper()
	given := os.Getenv("TEST_DATABASE_URL")
	pg, err := localpg.Start(ctx, localpg.Config{URL: given, Progress: func(doing string) { t.Log(doing) }})
	require.NoError(t, err)
	t.Log(pg.Describe())
	db := database{url: pg.URL(), schema: fmt.Sprintf("compat_%d_%d", os.Getpid(), time.Now().Unix())}
	t.Cleanup(func() {
		if given != "" {
			dropSchema(t, db)
		}
		require.NoError(t, pg.Stop())
	})
	return db
}

func dropSchema(t *testing.T, db database) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, db.url)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{db.schema}.Sanitize()+" CASCADE")
	require.NoError(t, err)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func zonekeeperBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("ZONEKEEPER_BIN")
	if path == "" {
		t.Fatal("ZONEKEEPER_BIN is not set: run \"make compat\" in the repository's root, which builds the server")
	}
	_, err := os.Stat(path)
	require.NoError(t, err, "ZONEKEEPER_BIN")
	return path
}

// guard watches, from another goroutine, that no server loses a client's lease.
type guard struct {
	t    *testing.T
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	watch map[*client]bool
	looks int
	lost  []string
}

func (c *cluster) guard(ctx context.Context, clients []*client) *guard {
	ctx, cancel := context.WithCancel(ctx)
	g := &guard{t: c.t, stop: cancel, done: make(chan struct{}), watch: map[*client]bool{}}
	for _, cl := range clients {
		g.watch[cl] = true
	}
	go func() {
		defer close(g.done)
		for ; ctx.Err() == nil; pause(ctx, 250*time.Millisecond) {
			for _, s := range c.living() {
				g.look(ctx, s)
			}
		}
	}()
	c.t.Cleanup(func() { cancel(); <-g.done })
	return g
}

// look asks one server for everything. Whoever is missing from an answer, while
// still watched afterwards, was lost.
func (g *guard) look(ctx context.Context, s *server) {
	code, body := get(ctx, s.url()+"apps")
	if code != http.StatusOK {
		return
	}
	all, err := eureka.DecodeApplications(body, eureka.JSON)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.lost = append(g.lost, "undecodable: "+err.Error())
		return
	}
	g.looks++
	there := map[string]bool{}
	for _, a := range all.Applications {
		for _, in := range a.Instances {
			there[a.Name+"/"+in.ID()] = in.Status == eureka.Up
		}
	}
	for cl := range g.watch {
		if !there[cl.app()+"/"+cl.id()] && len(g.lost) < 20 {
			g.lost = append(g.lost, fmt.Sprintf("%s at %s, %s", cl.name, s.url(), time.Now().Format("15:04:05.000")))
		}
	}
}

func (g *guard) release(cl *client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.watch, cl)
}

func (g *guard) check() {
	g.t.Helper()
	g.stop()
	<-g.done
	require.Empty(g.t, g.lost, "leases were lost")
	require.NotZero(g.t, g.looks, "the guard never saw a list")
	g.t.Logf("no lease was missing from any of %d full lists", g.looks)
}
