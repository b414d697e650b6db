package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// ErrNoPostgres says that there is no PostgreSQL to be had. It is a sentence with the remedy.
var ErrNoPostgres = errors.New("no PostgreSQL found and none could be fetched: install one (Debian, Ubuntu: apt install postgresql; " +
	"Fedora: dnf install postgresql-server; macOS: brew install postgresql), or give a database URL")

// ErrInUse says that another server runs on the data directory.
var ErrInUse = errors.New("is in use")

// ErrForeign says that the data directory holds what is not ours. Nothing in it was touched.
var ErrForeign = errors.New("is not empty, and was not made by `zonekeeper dev`")

// Config says which server is wanted. The zero value is a temporary one, as fast as can be.
type Config struct {
	// URL names a server to use as it is. Nothing is started then.
	URL string
	// DataDir keeps the database, durably, for the next start; it is made if need be, and else is empty or from an earlier start. ""
	// means a temporary one that is gone after Stop, and that does not wait for the disk.
	DataDir string
	// Bin is the directory with postgres and initdb. Empty means: look for them, else fetch them.
	Bin string
	// CacheDir holds fetched programs. Defaults to a directory below the user's cache directory, as root to /var/cache/zonekeeper.
	CacheDir string
	// Settings are further lines of postgresql.conf, for tests of what servers do under them. "port" fixes the port, which is
	// otherwise any free one.
	Settings map[string]string
	// Progress is told what takes longer than a second, in a few words, and never concurrently. Nil is fine.
	Progress func(doing string)
	// Log is told what happened. Nil discards.
	Log *slog.Logger
}

// Server is a PostgreSQL server that somebody may use until Stop.
type Server struct {
	url      string
	describe string
	stop     func() error
	done     chan struct{}
	once     sync.Once
	stopErr  error
}

// URL is how to connect, as a superuser of the server if we started it. It contains a password.
func (s *Server) URL() string { return s.url }

// Describe is one line for people: which program, which version, where it keeps its data, or which server it is.
func (s *Server) Describe() string { return s.describe }

// Done is closed when the server has ended, by Stop or by itself. It is never closed for a server that was given by URL.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server, waits for it, and removes everything temporary. Further calls return what the first did.
func (s *Server) Stop() error {
	s.once.Do(func() { s.stopErr = s.stop() })
	return s.stopErr
}

// Start returns a server that answers. ctx bounds the starting, not the server's life.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.URL != "" {
		return given(cfg.URL)
	}
	if err := checkDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	who, err := runAs()
	if err != nil {
		return nil, err
	}
	install, err := find(ctx, cfg, who, usualDirs())
	if err != nil {
		return nil, err
	}
	return start(ctx, cfg, install, who)
}

// given wraps a server that is not ours.
func given(databaseURL string) (*Server, error) {
	describe := "PostgreSQL at the given URL"
	if u, err := url.Parse(databaseURL); err == nil && u.Host != "" {
		describe = "PostgreSQL at " + u.Host + u.Path
	}
	return &Server{url: databaseURL, describe: describe, stop: func() error { return nil }, done: make(chan struct{})}, nil
}

// start runs the programs on a directory.
func start(ctx context.Context, cfg Config, in installation, who account) (_ *Server, err error) {
	dir, temporary, err := workDir(cfg, who)
	if err != nil {
		return nil, err
	}
	guard, err := watchUs(dir, temporary)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start local PostgreSQL: %w", err), removeIf(temporary, dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, guard.end(), removeIf(temporary, dir))
		}
	}()

	c := cluster{install: in, who: who, dir: dir, data: filepath.Join(dir, "data"), durable: !temporary, settings: cfg.Settings}
	finish := progress(cfg.Progress, "preparing a PostgreSQL database in "+dir)
	err = c.init(ctx)
	finish()
	if err != nil {
		return nil, err
	}
	finish = progress(cfg.Progress, "starting PostgreSQL")
	proc, port, err := c.run(ctx)
	finish()
	if err != nil {
		return nil, err
	}

	if err = guard.mind(proc.pid); err != nil {
		return nil, errors.Join(err, proc.stop(temporary))
	}

	// As long as the server lives somebody must hold the guard's pipe, even if the caller drops the Server: a collected pipe is closed.
	go func() {
		<-proc.ended
		cfg.Log.Info("local PostgreSQL ended", "port", port)
		runtime.KeepAlive(guard)
	}()

	where := "in " + dir
	if temporary {
		where = "temporary"
	}
	s := &Server{
		url:      c.url(port),
		describe: fmt.Sprintf("PostgreSQL %s (%s), port %d, %s%s", in.version, in.bin, port, where, who.suffix()),
		done:     proc.ended,
		stop: func() error {
			return errors.Join(proc.stop(temporary), guard.mind(0), guard.end(), removeIf(temporary, dir))
		},
	}
	cfg.Log.Info("local PostgreSQL started", "version", in.version, "bin", in.bin, "port", port, "dir", dir)
	return s, nil
}

// workDir makes the directory that holds data, log and password, owned by the account the server runs as.
func workDir(cfg Config, who account) (dir string, temporary bool, err error) {
	if cfg.DataDir == "" {
		dir, err = os.MkdirTemp("", "zonekeeper-pg-")
		temporary = true
	} else if dir, err = filepath.Abs(cfg.DataDir); err == nil {
		err = os.MkdirAll(dir, 0o755) // below it, data is 0700
	}
	if err == nil {
		err = who.own(dir)
	}
	if err == nil {
		err = who.mayEnter(dir)
	}
	if err != nil {
		return "", false, errors.Join(fmt.Errorf("directory for local PostgreSQL: %w", err), removeIf(temporary, dir))
	}
	return dir, temporary, nil
}

// checkDataDir refuses a directory with things in it that no start of ours has put there: somebody's home, say, which root would give
// away to the account that runs PostgreSQL.
func checkDataDir(dir string) error {
	if dir == "" {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("directory for local PostgreSQL: %w", err)
	}
	held, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && len(held) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("directory for local PostgreSQL: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, passwordFile)) // the first thing that a start writes, so that an interrupted one has it, too
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && !ourPassword.Match(text):
		return fmt.Errorf("%s %w: nothing was changed; choose an empty or a new directory", dir, ErrForeign)
	case err != nil:
		return fmt.Errorf("directory for local PostgreSQL: %w", err)
	}
	return nil
}

func removeIf(temporary bool, dir string) error {
	if !temporary || dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

// progress says what is being done if it is not finished within a second.
func progress(tell func(string), doing string) (finish func()) {
	if tell == nil {
		return func() {}
	}
	finished := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		t := time.NewTimer(time.Second)
		defer t.Stop()
		select {
		case <-finished:
		case <-t.C:
			tell(doing)
		}
	}()
	return func() { close(finished); <-told }
}
