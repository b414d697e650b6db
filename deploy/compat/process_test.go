package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	t    *testing.T
	cmd  *exec.Cmd
	log  string // everything it said
	done chan struct{}
	err  error // valid after done
}

// run starts a program and sees to it that it is gone at the end of the test.
func run(t *testing.T, c command) *process {
	t.Helper()
	p := &process{t: t, log: filepath.Join(t.TempDir(), c.name+".log"), done: make(chan struct{})}
	file, err := os.Create(p.log)
	require.NoError(t, err)
	p.cmd = exec.Command(c.args[0], c.args[1:]...)
	p.cmd.Dir = c.dir
	// The servers take ZONEKEEPER_* for options, and ZONEKEEPER_BIN is none.
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "ZONEKEEPER_") })
	p.cmd.Env = append(p.cmd.Env, c.env...)
	p.cmd.Stderr = file
	p.cmd.Stdout = io.Writer(file)
	if c.line != nil {
		p.cmd.Stdout = &lineWriter{to: file, line: c.line}
	}
	p.cmd.WaitDelay = 5 * time.Second
	require.NoError(t, p.cmd.Start(), "start %s", c.name)
	go func() {
		p.err = p.cmd.Wait()
		file.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.terminate()
		if errors.Is(p.wait(5*time.Second), errStillRunning) {
			p.kill()
		}
	})
	return p
}

func (p *process) terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// kill ends it like a power cut and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
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

var errStillRunning = errors.New("it is still running")

// wait returns how it ended: nil for exit code 0, and for ending by SIGTERM,
// which is how a JVM reports an orderly end.
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
	return "    " + strings.Join(lines[max(0, len(lines)-25):], "\n    ")
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
		w.line(strings.TrimSpace(string(line)))
		w.rest = append([]byte(nil), rest...)
	}
	return w.to.Write(p)
}
