package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// builtIn is the directory of what buildOnce made, for TestMain to remove.
var builtIn string

// buildOnce makes the program that tests with real processes run; ZONEKEEPER_BIN names one that is there already.
var buildOnce = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("ZONEKEEPER_BIN"); bin != "" {
		return bin, nil
	}
	var err error
	if builtIn, err = os.MkdirTemp("", "zonekeeper-test-"); err != nil {
		return "", err
	}
	bin := filepath.Join(builtIn, "zonekeeper")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", &buildError{string(out), err}
	}
	return bin, nil
})

type buildError struct {
	output string
	err    error
}

func (e *buildError) Error() string { return e.err.Error() + ": " + e.output }

// process is one real server.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	base   string // http://host:port
	listen chan string
	exited chan struct{}

	mu  sync.Mutex
	log []logLine
}

type logLine struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"msg"`
	Listen  string    `json:"listen"`
	Peer    string    `json:"peer"`
	URL     string    `json:"url"`
	text    string
}

// spawn starts `zonekeeper serve` with an environment of nothing but what is given, and waits until it listens. It is killed when the
// test ends.
func spawn(t *testing.T, environ ...string) *process {
	t.Helper()
	p := launch(t, environ...)
	p.awaitListening()
	return p
}

// launch is spawn without the wait.
func launch(t *testing.T, environ ...string) *process {
	t.Helper()
	bin, err := buildOnce()
	require.NoError(t, err)
	p := &process{t: t, cmd: exec.Command(bin, "serve"), listen: make(chan string, 1), exited: make(chan struct{})}
	p.cmd.Env = append([]string{"ZONEKEEPER_HTTP_LISTEN=127.0.0.1:0", "ZONEKEEPER_LOG_FORMAT=json", "ZONEKEEPER_DATA_DIR=-"}, environ...)
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go p.follow(stderr)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			for _, l := range p.lines() {
				t.Log(p.base, l.text)
			}
		}
	})
	return p
}

// awaitListening waits for the line that says where the process listens.
func (p *process) awaitListening() {
	p.t.Helper()
	select {
	case address := <-p.listen:
		p.base = "http://" + address
	case <-p.exited:
		p.t.Fatalf("the server ended at once: %+v", p.lines())
	case <-time.After(30 * time.Second):
		p.t.Fatal("the server does not listen")
	}
}

// follow reads the log to its end and then the exit code.
func (p *process) follow(stderr io.Reader) {
	defer close(p.exited)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		l := logLine{text: lines.Text()}
		_ = json.Unmarshal(lines.Bytes(), &l) // a line that is no JSON, such as a panic's, is kept as it is
		p.mu.Lock()
		p.log = append(p.log, l)
		p.mu.Unlock()
		if l.Message == "starting" {
			p.listen <- l.Listen
		}
	}
	_ = p.cmd.Wait()
}

func (p *process) lines() []logLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]logLine(nil), p.log...)
}

func (p *process) eurekaURL() string { return p.base + "/eureka/" }

// kill ends it as a crash does.
func (p *process) kill() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Kill())
	<-p.exited
}

// stop asks it to end and waits.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.exited:
	case <-time.After(60 * time.Second):
		p.t.Fatal("the server does not stop")
	}
	require.Zero(p.t, p.cmd.ProcessState.ExitCode())
}

// request does one call; status 0 is no answer.
func (p *process) request(client *http.Client, method, path, body string) (status int, text string) {
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(read)
}

// answers is the status of an answer to a call without a body.
func (p *process) answers(client *http.Client, method, path string) int {
	status, _ := p.request(client, method, path, "")
	return status
}

func (p *process) ready(client *http.Client) bool {
	status, _ := p.request(client, http.MethodGet, "/readyz", "")
	return status == http.StatusOK
}

// zone is the servers that clients are told by this one.
func (p *process) zone(client *http.Client) []string {
	status, text := p.request(client, http.MethodGet, "/zone", "")
	if status != http.StatusOK {
		return nil
	}
	return strings.Fields(text)
}

// spawnSample runs the client of docker-compose.yml; stop asks it to end and waits.
func spawnSample(t *testing.T, environ map[string]string) (stop func()) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "client")
	build := exec.Command("go", "build", "-o", bin, "../../deploy/samples/client")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	cmd := exec.Command(bin)
	for key, value := range environ {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	require.NoError(t, cmd.Start())
	end := sync.OnceValue(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		return cmd.Wait()
	})
	t.Cleanup(func() { _ = end() })
	return func() { require.NoError(t, end()) }
}
