package localpg

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func startForTest(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

// openDir returns a directory that the account that runs PostgreSQL may enter, which t.TempDir's parent forbids.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zonekeeper-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// askLogin opens a session far enough to hear how the server wants to be convinced: the type of its authentication request, 0 for
// not at all (https://www.postgresql.org/docs/current/protocol-message-formats.html, AuthenticationSASL is 10).
func askLogin(t *testing.T, server string) uint32 {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", u.Host)
	require.NoError(t, err)
	defer conn.Close()
	body := fmt.Sprintf("\x00\x03\x00\x00user\x00%s\x00database\x00%s\x00\x00", u.User.Username(), strings.Trim(u.Path, "/"))
	_, err = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(body))), body...))
	require.NoError(t, err)
	head := make([]byte, 9)
	_, err = io.ReadFull(conn, head)
	require.NoError(t, err)
	require.Equal(t, byte('R'), head[0])
	return binary.BigEndian.Uint32(head[5:])
}

func TestTemporaryServer(t *testing.T) {
	before := time.Now()
	s := startForTest(t, Config{})
	t.Logf("ready after %v: %s", time.Since(before), s.Describe())
	require.Equal(t, uint32(10), askLogin(t, s.URL()), "another user of this machine needs the password")
	require.Contains(t, s.Describe(), "PostgreSQL 1")
	require.NotContains(t, s.Describe(), "\n")
	require.NotContains(t, s.Describe(), password(t, s.URL()))

	other := startForTest(t, Config{})
	require.NotEqual(t, s.URL(), other.URL())
	require.NotEqual(t, password(t, s.URL()), password(t, other.URL()))

	require.NoError(t, s.Stop())
	<-s.Done()
	require.NoError(t, s.Stop(), "again")
	u, err := url.Parse(s.URL())
	require.NoError(t, err)
	_, err = net.Dial("tcp", u.Host)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	askLogin(t, other.URL())
}

func password(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	p, _ := u.User.Password()
	require.Len(t, p, 26)
	return p
}

// A directory with other things in it stays as it is, even if something in it has one of our names.
func TestForeignDataDir(t *testing.T) {
	for name, held := range map[string]string{"a file": "notes.txt", "a password of something else": "password", "PostgreSQL's own directory": "PG_VERSION"} {
		t.Run(name, func(t *testing.T) {
			dir := openDir(t)
			file := filepath.Join(dir, held)
			require.NoError(t, os.WriteFile(file, []byte("18\n"), 0o600))
			before, err := os.Stat(dir)
			require.NoError(t, err)
			_, err = Start(t.Context(), Config{DataDir: dir})
			require.ErrorIs(t, err, ErrForeign)
			require.ErrorContains(t, err, dir+" is not empty")
			after, err := os.Stat(dir)
			require.NoError(t, err)
			require.Equal(t, before.ModTime(), after.ModTime(), "something was put into it")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, "18\n", string(text))
		})
	}
}

// A start that was cut short, before or in initdb, does not make the directory foreign.
func TestInterruptedFirstStart(t *testing.T) {
	dir := openDir(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte(rand.Text()+"\n"), 0o600))
	s := startForTest(t, Config{DataDir: dir})
	askLogin(t, s.URL())
}

func TestKeptServer(t *testing.T) {
	dir := filepath.Join(openDir(t), "kept")
	s := startForTest(t, Config{DataDir: dir})
	first := password(t, s.URL())
	require.Contains(t, s.Describe(), dir)

	_, err := Start(t.Context(), Config{DataDir: dir})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, dir+" is in use")
	require.ErrorContains(t, err, fmt.Sprintf("process %d", postmaster(t, dir)))
	askLogin(t, s.URL()) // the failed second start did not touch it

	require.NoError(t, s.Stop())
	s = startForTest(t, Config{DataDir: dir})
	require.Equal(t, first, password(t, s.URL()), "programs that know the old URL's password go on")
	require.NoError(t, s.Stop())

	s = startForTest(t, Config{DataDir: dir, Settings: map[string]string{"port": mustPort(t)}})
	require.NoError(t, s.Stop())
	require.FileExists(t, filepath.Join(dir, "data", "PG_VERSION"))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9999\n"), 0o600))
	_, err = Start(t.Context(), Config{DataDir: dir, CacheDir: openDir(t), Bin: s.bin(t)})
	require.ErrorContains(t, err, "made by PostgreSQL 9999")
}

// postmaster is the process that runs on a directory.
func postmaster(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscan(string(text), &pid)
	require.NoError(t, err)
	return pid
}

func mustPort(t *testing.T) string {
	t.Helper()
	port, err := freePort(t.Context())
	require.NoError(t, err)
	return fmt.Sprint(port)
}

// bin reads the program's directory out of the description.
func (s *Server) bin(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(s.Describe(), "(")
	require.True(t, ok)
	bin, _, _ := strings.Cut(rest, ")")
	return bin
}

func TestGivenServer(t *testing.T) {
	s, err := Start(t.Context(), Config{URL: "postgres://u:s3cret@db.example:5432/zk"})
	require.NoError(t, err)
	require.Equal(t, "postgres://u:s3cret@db.example:5432/zk", s.URL())
	require.Equal(t, "PostgreSQL at db.example:5432/zk", s.Describe())
	require.NoError(t, s.Stop())
}

func TestBadSettingsAreReported(t *testing.T) {
	_, err := Start(t.Context(), Config{Settings: map[string]string{"no_such_setting": "1"}})
	require.ErrorContains(t, err, "no_such_setting")
	_, err = Start(t.Context(), Config{Settings: map[string]string{"port": "http"}})
	require.ErrorContains(t, err, `"http"`)
}

func TestStartIsCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Config{})
	require.ErrorIs(t, err, context.Canceled)
}

// The process that started a server is killed: server and directory go with it.
func TestKilledStarter(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperStarter$")
	cmd.Env = append(os.Environ(), "LOCALPG_HELPER=1", "TMPDIR="+openDir(t))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var server, dir string
	lines := bufio.NewScanner(out)
	for dir == "" && lines.Scan() {
		_, _ = fmt.Sscanf(lines.Text(), "started %s %s", &server, &dir)
	}
	require.DirExists(t, dir)
	askLogin(t, server)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	}, 10*time.Second, 10*time.Millisecond, "the directory goes last")
	u, err := url.Parse(server)
	require.NoError(t, err)
	_, err = net.Dial("tcp", u.Host)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// TestHelperStarter is the process that TestKilledStarter kills.
func TestHelperStarter(t *testing.T) {
	if os.Getenv("LOCALPG_HELPER") == "" {
		return // not a test of its own
	}
	s, err := Start(t.Context(), Config{})
	require.NoError(t, err)
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), "zonekeeper-pg-*"))
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	fmt.Printf("started %s %s\n", s.URL(), dirs[0])
	<-s.Done()
}

func TestProgress(t *testing.T) {
	var told []string
	finish := progress(func(s string) { told = append(told, s) }, "quick")
	finish()
	require.Empty(t, told, "less than a second is not worth a word")
	progress(nil, "nobody listens")()
}
