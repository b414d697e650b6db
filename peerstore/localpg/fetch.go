package localpg

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchVersion is what embedded-postgres v1.34 knows as newest.
const fetchVersion = embeddedpostgres.V18

// fetch returns the cached programs, or has embedded-postgres download, check and unpack them. Several processes may do so at once:
// each unpacks beside the cache and the first to rename wins.
func fetch(ctx context.Context, cfg Config) (installation, error) {
	cache := cfg.CacheDir
	if cache == "" {
		var err error
		if cache, err = defaultCache(); err != nil {
			return installation{}, err
		}
	}
	final := filepath.Join(cache, "postgresql-"+string(fetchVersion))
	if in, err := inspect(ctx, filepath.Join(final, "bin")); err == nil {
		return in, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return installation{}, fmt.Errorf("cache of PostgreSQL programs: %w", err)
	}
	scratch, err := os.MkdirTemp(cache, "fetching-")
	if err != nil {
		return installation{}, fmt.Errorf("cache of PostgreSQL programs: %w", err)
	}
	defer os.RemoveAll(scratch)
	// The account that will run them must be able to read them.
	if err := os.Chmod(scratch, 0o755); err != nil {
		return installation{}, err
	}
	finish := progress(cfg.Progress, fmt.Sprintf("no installed PostgreSQL found, fetching %s (about 15 MB, once)", fetchVersion))
	defer finish()
	unpacked := filepath.Join(scratch, "programs")
	if err := unpack(ctx, scratch, unpacked); err != nil {
		return installation{}, err
	}
	if _, err := inspect(ctx, filepath.Join(unpacked, "bin")); err != nil {
		return installation{}, fmt.Errorf("fetched PostgreSQL does not run here: %w", err)
	}
	if err := os.Rename(unpacked, final); err != nil {
		// Another process was faster, or left half of something behind.
		if in, other := inspect(ctx, filepath.Join(final, "bin")); other == nil {
			return in, nil
		}
		return installation{}, fmt.Errorf("cache fetched PostgreSQL: %w", err)
	}
	return inspect(ctx, filepath.Join(final, "bin"))
}

// unpack makes embedded-postgres put its programs into a directory. Its Start does more than we want: it also runs the server, in
// its own way, which fails as root. An unknown locale makes initdb give up, and what stays are the programs.
func unpack(ctx context.Context, scratch, into string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	var output bytes.Buffer
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(fetchVersion).
		Port(uint32(port)).
		Locale("none, only the programs are wanted").
		CachePath(filepath.Join(scratch, "archive")).
		RuntimePath(filepath.Join(scratch, "runtime")).
		BinariesPath(into).
		Logger(io.Writer(&output)))
	done := make(chan error, 1)
	go func() { done <- server.Start() }()
	select {
	case <-ctx.Done():
		return fmt.Errorf("fetch PostgreSQL: %w", ctx.Err())
	case err = <-done:
	}
	if err == nil { // it took the locale after all
		return server.Stop()
	}
	if _, missing := os.Stat(filepath.Join(into, "bin", program("postgres"))); missing != nil {
		return fmt.Errorf("fetch PostgreSQL: %s", firstLine(err.Error()))
	}
	return nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// freePort asks the system for a port that nobody has. Somebody may take it before we do; run tries again then.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// defaultCache is where programs stay between runs. It must not be a place where others could put programs for us to run.
func defaultCache() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/zonekeeper", nil // root's own cache is closed to the account that runs PostgreSQL
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place to keep fetched PostgreSQL programs: %w", err)
	}
	return filepath.Join(dir, "zonekeeper"), nil
}
