package rocketmq

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// command is a program to run beside the test.
type command struct {
	name string
	args []string
	dir  string
	env  []string
	// line is called with each line of standard output, if not nil.
	line func(string)
}

// process is one that the test started and ends.
type process struct {
	name  string
	cmd   *exec.Cmd
	input io.WriteCloser
	log   string // everything it said
	done  chan struct{}
	err   error // valid after done
}

// run starts a program and sees to it that it, and whatever it started, is gone at the end of the test: killed by us, or by
// the kernel should the test itself be killed.
func run(t *testing.T, p *place, c command) *process {
	t.Helper()
	file := p.newLog(t, c.name)
	pr := &process{name: c.name, log: file.Name(), done: make(chan struct{})}
	pr.cmd = exec.Command(c.args[0], c.args[1:]...)
	pr.cmd.Dir = c.dir
	pr.cmd.Env = append(environment(), c.env...)
	pr.cmd.Stderr = file
	pr.cmd.Stdout = io.Writer(file)
	if c.line != nil {
		pr.cmd.Stdout = &lineWriter{to: file, line: c.line}
	}
	pr.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	pr.cmd.WaitDelay = 5 * time.Second
	input, err := pr.cmd.StdinPipe()
	require.NoError(t, err)
	pr.input = input
	require.NoError(t, startOnLastingThread(pr.cmd), "start %s", c.name)
	go func() {
		pr.err = pr.cmd.Wait()
		file.Close()
		close(pr.done)
	}()
	t.Cleanup(pr.kill)
	return pr
}

// environment is ours without what would change how the programs find name servers: zonekeeper takes ZONEKEEPER_* for
// options, and every RocketMQ program prefers NAMESRV_ADDR to the address server.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "ZONEKEEPER_") || strings.HasPrefix(e, "NAMESRV_ADDR=") || strings.HasPrefix(e, "JAVA_TOOL_OPTIONS=")
	})
}

// starts hands commands to one goroutine that never leaves its thread: the kernel sends Pdeathsig when the starting
// thread ends, and Go's other threads may end at any time.
var starts = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func startOnLastingThread(cmd *exec.Cmd) error {
	result := make(chan error)
	starts() <- func() { result <- cmd.Start() }
	return <-result
}

func (p *process) terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// kill ends it like a power cut and waits until it is gone.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// say writes a line to its input.
func (p *process) say(t *testing.T, words ...string) {
	t.Helper()
	_, err := io.WriteString(p.input, strings.Join(words, " ")+"\n")
	require.NoError(t, err, "%s does not listen\n%s", p.name, p.tail())
}

var errStillRunning = errors.New("it is still running")

// wait returns how it ended: nil for exit code 0, and for ending by SIGTERM, which is how a JVM reports an orderly end.
func (p *process) wait(within time.Duration) error {
	select {
	case <-p.done:
	case <-time.After(within):
		return errStillRunning
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) && exit.ExitCode() == 128+int(syscall.SIGTERM) {
		return nil
	}
	if p.err != nil {
		return fmt.Errorf("%w\n%s", p.err, p.tail())
	}
	return nil
}

// tail returns the end of what it said.
func (p *process) tail() string {
	all, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(all)), "\n")
	return p.name + " said last:\n    " + strings.Join(lines[max(0, len(lines)-25):], "\n    ")
}

// lineWriter passes on what it gets and calls a function for each whole line.
type lineWriter struct {
	to   io.Writer
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			break
		}
		w.line(strings.TrimSuffix(string(line), "\r"))
		w.rest = append([]byte(nil), rest...)
	}
	return w.to.Write(p)
}
