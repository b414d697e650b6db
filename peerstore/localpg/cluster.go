package localpg

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// superuser is the role that initdb makes; database is one that every server has.
const (
	superuser = "zonekeeper"
	database  = "postgres"
)

// passwordFile is the superuser's password beside the data.
const passwordFile = "password"

// ourPassword is what rand.Text returns.
var ourPassword = regexp.MustCompile(`^[A-Z2-7]{26}\n$`)

// cluster is a data directory (PostgreSQL's word for it) and what runs on it.
type cluster struct {
	install  installation
	who      account
	dir      string // holds data, password and log
	data     string
	durable  bool
	settings map[string]string
	password string
}

// init makes the data directory, or reads the password of one that exists.
func (c *cluster) init(ctx context.Context) error {
	file := filepath.Join(c.dir, passwordFile)
	if _, err := os.Stat(filepath.Join(c.data, "PG_VERSION")); err == nil {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("data directory %s was not made by zonekeeper: %w", c.dir, err)
		}
		c.password = strings.TrimSpace(string(text))
		return nil
	}
	c.password = rand.Text()
	if err := os.WriteFile(file, []byte(c.password+"\n"), 0o600); err != nil {
		return fmt.Errorf("prepare local PostgreSQL: %w", err)
	}
	if err := c.who.own(file); err != nil {
		return fmt.Errorf("prepare local PostgreSQL: %w", err)
	}
	args := []string{"-D", c.data, "-U", superuser, "--pwfile", file, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"}
	if !c.durable {
		args = append(args, "--no-sync", "--wal-segsize=1") // small files: the directory is made and removed for every run
	}
	cmd := c.who.command(ctx, filepath.Join(c.install.bin, program("initdb")), args...)
	cmd.Dir = c.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("initdb of %s: %w: %s", c.install.bin, err, tail(out))
	}
	return nil
}

// options are the settings of postgresql.conf that make the server ours.
func (c *cluster) options(port int) map[string]string {
	o := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": "",
		"max_connections":         "300",
		"shared_buffers":          "32MB",
		"logging_collector":       "off",
	}
	if !c.durable {
		maps.Copy(o, map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
			"max_wal_size": "256MB", "min_wal_size": "8MB", "autovacuum_naptime": "10s"})
	}
	maps.Copy(o, c.settings)
	return o
}

// choosePort returns the port that the settings name, or a free one.
func (c *cluster) choosePort(ctx context.Context) (int, error) {
	fixed, ok := c.settings["port"]
	if !ok {
		return freePort(ctx)
	}
	port, err := strconv.Atoi(fixed)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("start local PostgreSQL: port %q is no port", fixed)
	}
	return port, nil
}

// run starts the server and waits until it takes connections. When somebody takes a free port first it tries another.
func (c *cluster) run(ctx context.Context) (*process, int, error) {
	for try := 1; ; try++ {
		port, err := c.choosePort(ctx)
		if err != nil {
			return nil, 0, err
		}
		args := []string{"-D", c.data}
		options := c.options(port)
		for _, name := range slices.Sorted(maps.Keys(options)) {
			args = append(args, "-c", name+"="+options[name])
		}
		logFile := filepath.Join(c.dir, "log")
		p, err := startProcess(c.who, c.dir, logFile, filepath.Join(c.install.bin, program("postgres")), args...)
		if err != nil {
			return nil, 0, fmt.Errorf("start local PostgreSQL: %w", err)
		}
		err = c.waitReady(ctx, p)
		if err == nil {
			return p, port, nil
		}
		_ = p.stop(true)
		if other := c.holder(); other != 0 && ctx.Err() == nil {
			return nil, 0, fmt.Errorf("%s %w: a PostgreSQL, as of another `zonekeeper dev`, runs on it as process %d; stop it, or choose another directory", c.dir, ErrInUse, other)
		}
		said, _ := os.ReadFile(logFile)
		if try < 5 && ctx.Err() == nil && bytes.Contains(said, []byte("Address already in use")) {
			continue
		}
		return nil, 0, fmt.Errorf("start local PostgreSQL: %w: %s", err, tail(said))
	}
}

// waitReady looks at the last line that the server writes into postmaster.pid, as pg_ctl does.
func (c *cluster) waitReady(ctx context.Context, p *process) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return errors.New("it ended at once")
		case <-tick.C:
		}
		if text, err := os.ReadFile(filepath.Join(c.data, "postmaster.pid")); err == nil && isReady(text, p.pid) {
			return nil
		}
	}
}

// holder is the process that runs on the data directory, 0 for none. Asked when ours has ended and taken its own file along.
func (c *cluster) holder() int {
	text, err := os.ReadFile(filepath.Join(c.data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if pid, err := strconv.Atoi(strings.TrimSpace(first)); err == nil && pid > 0 && isAlive(pid) {
		return pid
	}
	return 0
}

// isReady reads postmaster.pid: the first line is the server's process, the eighth its state
// (postgres src/include/utils/pidfile.h). A file that an earlier server left names another process.
func isReady(text []byte, pid int) bool {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if n == 1 && line != strconv.Itoa(pid) {
			return false
		}
		if n == 8 {
			return line == "ready"
		}
	}
	return false
}

func (c *cluster) url(port int) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, c.password), Host: "127.0.0.1:" + strconv.Itoa(port),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// tail is the end of what a program said, for an error in one line.
func tail(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " | ")
}
