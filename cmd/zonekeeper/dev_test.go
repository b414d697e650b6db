package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
)

// transcript is what a process wrote, readable while it runs.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *transcript) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// freePorts finds a run of n ports that nobody has.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range 50 {
		first, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		base := first.Addr().(*net.TCPAddr).Port
		free := base+n < 65_535
		for i := 1; i < n && free; i++ {
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(base+i)))
			if free = err == nil; free {
				l.Close()
			}
		}
		first.Close()
		if free {
			return base
		}
	}
	t.Fatal("no consecutive free ports")
	return 0
}

// The whole of `zonekeeper dev`: ready, with something to see, and gone without a trace after Ctrl-C.
func TestDevLeavesNothingBehind(t *testing.T) {
	bin, err := buildOnce()
	require.NoError(t, err)
	client := caller(t)
	base := freePorts(t, 3)
	temp, err := os.MkdirTemp("", "zonekeeper-dev-") // PostgreSQL has to enter it, as a user who is not root
	require.NoError(t, err)
	require.NoError(t, os.Chmod(temp, 0o777))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(temp)) })

	var out, errs transcript
	namesrv := freePorts(t, 3)
	cmd := exec.Command(bin, "dev", "--nodes", "3", "--demo", "--base-port", strconv.Itoa(base), "--namesrv-base-port", strconv.Itoa(namesrv))
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	require.NoError(t, cmd.Start())
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C ends everything") }, 60*time.Second, 20*time.Millisecond,
		"%s", &errs)
	t.Logf("ready after %v", time.Since(began))
	require.Contains(t, out.String(), "3 servers are ready")

	server := func(i int) string { return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(base+i)) }
	for i := range 3 {
		zone := fetch(t, client, server(i)+"/zone")
		require.Equal(t, 3, strings.Count(zone, "\n"), "every server lists all three")
		require.Eventually(t, func() bool {
			apps := fetch(t, client, server(i)+"/eureka/apps")
			return strings.Contains(apps, "INVENTORY") && strings.Contains(apps, "ORDERS") && strings.Contains(apps, "BILLING")
		}, 15*time.Second, 20*time.Millisecond, "the sample applications are everywhere")
	}

	for i := range 3 {
		c := dialNamesrv(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(namesrv+i)))
		require.Eventually(t, func() bool { return c.routed("SAMPLE-ORDERS") && c.routed("SAMPLE-INVOICES") }, 5*time.Second, 10*time.Millisecond)
	}

	// A broker that registers with one of the name servers is routed on all.
	addr := func(i int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(namesrv+i)) }
	b := dialNamesrv(t, addr(0))
	b.register(brokerA)
	for i := range 3 {
		c := dialNamesrv(t, addr(i))
		require.Eventually(t, func() bool { return c.routed("TopicA") }, 5*time.Second, 10*time.Millisecond)
		require.Equal(t, strings.Join([]string{addr(0), addr(1), addr(2)}, ";")+"\n", fetch(t, client, server(i)+"/rocketmq/nsaddr"))
	}

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	select {
	case err := <-exited:
		require.NoError(t, err, "%s", &errs)
	case <-time.After(30 * time.Second):
		t.Fatalf("dev does not stop: %s", &errs)
	}
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	require.NoError(t, err)
	require.Empty(t, left, "a temporary file is left")
	require.Empty(t, processesIn(t, temp), "a process is left")
	require.NotContains(t, errs.String(), "level=ERROR")
}

// Ctrl-C ends it well at whatever moment it comes: while it makes the database, migrates, or waits for servers.
func TestDevInterruptedWhileStarting(t *testing.T) {
	bin, err := buildOnce()
	require.NoError(t, err)
	for _, after := range []time.Duration{0, 200 * time.Millisecond, 500 * time.Millisecond} {
		t.Run(after.String()+" after its first step", func(t *testing.T) {
			temp, err := os.MkdirTemp("", "zonekeeper-dev-")
			require.NoError(t, err)
			require.NoError(t, os.Chmod(temp, 0o777))
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(temp)) })
			var errs transcript
			cmd := exec.Command(bin, "dev", "--nodes", "1", "--base-port", strconv.Itoa(freePorts(t, 1)), "--namesrv-base-port=off")
			cmd.Env = append(os.Environ(), "TMPDIR="+temp)
			cmd.Stderr = &errs
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			require.NoError(t, cmd.Start())
			require.Eventually(t, func() bool {
				made, err := filepath.Glob(filepath.Join(temp, "*"))
				return err == nil && len(made) > 0
			}, 20*time.Second, time.Millisecond)
			time.Sleep(after)
			require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT), "a terminal tells the whole group")
			require.NoError(t, cmd.Wait(), "%s", &errs)
			require.Equal(t, "Stopping.\n", errs.String())
			require.Empty(t, processesIn(t, temp), "a process is left")
		})
	}
}

// A dev that is killed outright takes its PostgreSQL with it.
func TestDevKilledTakesItsDatabaseAlong(t *testing.T) {
	bin, err := buildOnce()
	require.NoError(t, err)
	temp, err := os.MkdirTemp("", "zonekeeper-dev-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(temp, 0o777))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(temp)) })
	var out transcript
	cmd := exec.Command(bin, "dev", "--nodes", "1", "--base-port", strconv.Itoa(freePorts(t, 1)), "--namesrv-base-port=off")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "1 server is ready") }, 60*time.Second, 20*time.Millisecond)
	require.NotEmpty(t, processesIn(t, temp), "its PostgreSQL runs")
	require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return len(processesIn(t, temp)) == 0 }, 15*time.Second, 50*time.Millisecond, "a process is left")
}

// A directory that is in use is named, with who uses it.
func TestDevOnADirectoryInUse(t *testing.T) {
	dir, err := os.MkdirTemp("", "zonekeeper-dev-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	postgres, err := localpg.Start(t.Context(), localpg.Config{DataDir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, postgres.Stop()) })
	out := command(t, nil, "dev", "--nodes=1", "--base-port", strconv.Itoa(freePorts(t, 1)), "--namesrv-base-port=off", "--data", dir)
	require.Equal(t, exitFailed, out.code)
	require.Regexp(t, "^zonekeeper: "+dir+" is in use: a PostgreSQL, as of another `zonekeeper dev`, runs on it as process [0-9]+; stop it, or choose another directory with --data\n$", out.stderr)
}

// A directory that holds something else is not taken, least of all by root, who would give it away.
func TestDevOnAForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("all of it"), 0o600))
	out := command(t, nil, "dev", "--nodes=1", "--base-port", strconv.Itoa(freePorts(t, 1)), "--namesrv-base-port=off", "--data", dir)
	require.Equal(t, exitUsage, out.code)
	require.Equal(t, "zonekeeper: "+dir+" is not empty, and was not made by `zonekeeper dev`: nothing was changed; choose an empty or a new directory with --data\n", out.stderr)
	held, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, held, 1)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.Geteuid(), int(info.Sys().(*syscall.Stat_t).Uid), "it was given to somebody else")
}

// When its PostgreSQL dies dev says so in one sentence, and goes.
func TestDevEndsWithItsDatabase(t *testing.T) {
	bin, err := buildOnce()
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "zonekeeper-dev-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	var out, errs transcript
	cmd := exec.Command(bin, "dev", "--nodes", "2", "--base-port", strconv.Itoa(freePorts(t, 2)), "--namesrv-base-port=off", "--data", dir)
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "2 servers are ready") }, 60*time.Second, 20*time.Millisecond, "%s", &errs)
	pidfile, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(pidfile), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGQUIT))
	var ended *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &ended)
	require.Equal(t, exitFailed, ended.ExitCode(), "%s", &errs)
	require.True(t, strings.HasSuffix("\n"+errs.String(), "\nzonekeeper: "+errPostgresGone.Error()+"\n"), "the last thing it says: %s", &errs)
	require.Equal(t, 1, strings.Count(errs.String(), errPostgresGone.Error()))
}

func fetch(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	answer, err := client.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", url, text)
	return string(text)
}

// processesIn are the command lines of processes that mention a directory.
func processesIn(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "args").Output()
	require.NoError(t, err)
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, dir) {
			found = append(found, line)
		}
	}
	return found
}

func TestWelcomeGolden(t *testing.T) {
	view := welcomeView{
		Servers:  []string{"http://127.0.0.1:8761/eureka/", "http://127.0.0.1:8762/eureka/"},
		Namesrv:  []string{"127.0.0.1:9876", "127.0.0.1:9877"},
		Database: "PostgreSQL 18.0 (/usr/lib/postgresql/18/bin), port 40000, temporary", URL: "postgres://zonekeeper:x@127.0.0.1:40000/postgres", Demo: true,
	}
	text, err := renderWelcome(view)
	require.NoError(t, err)
	golden(t, filepath.Join("testdata", "golden", "output-dev.txt"), text)
	view.Namesrv = nil
	text, err = renderWelcome(view)
	require.NoError(t, err)
	golden(t, filepath.Join("testdata", "golden", "output-dev-namesrv-off.txt"), text)
}
