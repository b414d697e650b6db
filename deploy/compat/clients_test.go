package compat

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is one real client: what it is, how it is run, and what was seen of
// it.
type client struct {
	name   string // library and version
	folder string // below clients/
	tools  []string
	build  func(b *builder) error
	run    func(dir string) []string // the program and its arguments, in the folder where it was built
	// moves is the time that its settings allow between the death of its
	// server and its renewal at another.
	moves time.Duration
	// learns says that it finds servers at addresses it was never told.
	learns bool

	*process
	port int
	mu   sync.Mutex
	seen []string

	registered, sawAll, moved, left time.Duration
	followed                        bool
}

// clients lists them all. A client renews every 2 s; after a server died, the
// next renewal comes 2 s later at most, and a retry inside the call adds little.
// The rest of each time is for a busy machine.
func clients() []*client {
	return []*client{
		{
			name: "this project's eurekaclient (Go)", folder: "zonekeeper", tools: []string{"go"},
			build: (*builder).goProgram, run: func(dir string) []string { return []string{filepath.Join(dir, "client")} },
			moves: 6 * time.Second, learns: true,
		},
		{
			// Picks a server at random for each call and does not try another:
			// of three servers with one dead, one call in three fails.
			name: "fargo 1.4.0 (Go)", folder: "fargo", tools: []string{"go"},
			build: (*builder).goProgram, run: func(dir string) []string { return []string{filepath.Join(dir, "client")} },
			moves: lease,
		},
		{
			// Tries the next server after 0.5 s.
			name: "eureka-js-client 4.5.0 (Node)", folder: "javascript", tools: []string{"node", "npm"},
			build: (*builder).npm, run: func(string) []string { return []string{"node", "client.js"} },
			moves: 8 * time.Second,
		},
		{
			name: "py-eureka-client 0.13.3 (Python)", folder: "python", tools: []string{"python3"},
			build: (*builder).pip, run: func(dir string) []string {
				return []string{filepath.Join(dir, "venv", "bin", "python"), "-u", "client.py"}
			},
			moves: 8 * time.Second,
		},
		{
			name: "Netflix eureka-client 1.10.18", folder: "netflix1", tools: []string{"java", "javac", "mvn"},
			build: (*builder).java, run: java("Client"),
			moves: 8 * time.Second,
		},
		{
			name: "Netflix eureka-client 2.0.6", folder: "netflix2", tools: []string{"java", "javac", "mvn"},
			build: (*builder).java, run: java("Client"),
			moves: 8 * time.Second, learns: true,
		},
		{
			name: "Spring Boot 3.5.16, Cloud 2025.0.1", folder: "spring", tools: []string{"java", "javac", "mvn"},
			build: (*builder).java, run: java("compat.Client"),
			moves: 8 * time.Second, learns: true,
		},
	}
}

// java runs a main class with a small heap: several JVMs share the machine.
func java(class string) func(dir string) []string {
	return func(dir string) []string {
		return []string{"java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", "classes:lib/*", class}
	}
}

func (cl *client) app() string { return "COMPAT-" + strings.ToUpper(cl.folder) }
func (cl *client) id() string {
	return fmt.Sprintf("127.0.0.1:%s:%d", strings.ToLower(cl.app()), cl.port)
}
func (cl *client) path() string { return "apps/" + cl.app() + "/" + cl.id() }

func (cl *client) start(t *testing.T, ctx context.Context, servers []string) {
	t.Helper()
	cl.port = freePort(t)
	dir := cl.dir(t)
	cl.process = run(t, command{
		name: cl.folder,
		args: cl.run(dir),
		dir:  dir,
		env: []string{
			"COMPAT_SERVERS=" + strings.Join(servers, ","),
			"COMPAT_APP=" + cl.app(),
			fmt.Sprintf("COMPAT_PORT=%d", cl.port),
			fmt.Sprintf("COMPAT_INTERVAL=%d", int(interval.Seconds())),
			fmt.Sprintf("COMPAT_LEASE=%d", int(lease.Seconds())),
		},
		line: cl.hear,
	})
}

func (cl *client) hear(line string) {
	if apps, ok := strings.CutPrefix(line, "sees "); ok {
		cl.mu.Lock()
		defer cl.mu.Unlock()
		cl.seen = strings.Fields(apps)
	}
}

func (cl *client) sees(app string) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return slices.Contains(cl.seen, app)
}

// present says whether the server knows the client's instance.
func (cl *client) present(ctx context.Context, s *server) bool {
	code, _ := get(ctx, s.url()+cl.path())
	return code == http.StatusOK
}
