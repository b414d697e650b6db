package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version whose SQL the migrations use.
const oldest = 13

// installation is a directory with postgres and initdb.
type installation struct {
	bin     string
	version string // as the program says: 15.18
	major   int
}

// places is where package managers put server programs, beside PATH; * stands for versions. Debian keeps them out of PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PGDG packages for Red Hat
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/lib/postgresql*/bin",                           // SUSE, Gentoo
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew, ARM
	"/usr/local/opt/postgresql*/bin",                     // Homebrew, Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew on Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/Library/PostgreSQL/*/bin", "/opt/PostgreSQL/*/bin", // EDB
	"/opt/local/lib/postgresql*/bin",                                           // MacPorts
	"/usr/local/pgsql/bin", "/usr/local/lib/postgresql*/bin", "/usr/local/bin", // from source, FreeBSD
	`C:\Program Files\PostgreSQL\*\bin`,
}

// find chooses the installation to run: the configured one, else the newest installed one (for an existing data directory: the newest
// of its version), else a fetched one.
func find(ctx context.Context, cfg Config, who account, dirs []string) (installation, error) {
	wanted, err := dataVersion(cfg.DataDir)
	if err != nil {
		return installation{}, err
	}
	if cfg.Bin != "" {
		in, err := inspect(ctx, cfg.Bin)
		if err == nil && wanted != 0 && in.major != wanted {
			err = fmt.Errorf("data directory %s was made by PostgreSQL %d, %s has %d", cfg.DataDir, wanted, cfg.Bin, in.major)
		}
		return in, err
	}
	found := installed(ctx, dirs)
	for _, in := range found {
		if (wanted == 0 || in.major == wanted) && who.mayEnter(in.bin) == nil {
			return in, nil
		}
	}
	fetched, err := fetch(ctx, cfg)
	if err == nil {
		err = who.mayEnter(fetched.bin)
	}
	switch {
	case err != nil && wanted != 0:
		return installation{}, fmt.Errorf("data directory %s needs PostgreSQL %d: install that version, or use another directory: %w",
			cfg.DataDir, wanted, err)
	case err != nil:
		return installation{}, fmt.Errorf("%w (%w)", ErrNoPostgres, err)
	case wanted != 0 && fetched.major != wanted:
		return installation{}, fmt.Errorf("data directory %s needs PostgreSQL %d: install that version, or use another directory",
			cfg.DataDir, wanted)
	}
	return fetched, nil
}

// usualDirs are the directories of this machine in which server programs may be.
func usualDirs() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range places {
		if matches, err := filepath.Glob(pattern); err == nil {
			dirs = append(dirs, matches...)
		}
	}
	return dirs
}

// installed lists what is in the directories, newest first.
func installed(ctx context.Context, dirs []string) []installation {
	var out []installation
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) {
			continue
		}
		if in, err := inspect(ctx, dir); err == nil {
			out = append(out, in)
		}
	}
	slices.SortStableFunc(out, func(a, b installation) int { return cmp.Compare(b.major, a.major) })
	return out
}

var versionNumber = regexp.MustCompile(`\b(\d+)(\.\d+)*`)

// inspect asks the programs in a directory for their version.
func inspect(ctx context.Context, bin string) (installation, error) {
	// Distributions link single programs into other directories; the program itself asks where it really is, and so do we.
	if real, err := filepath.EvalSymlinks(filepath.Join(bin, program("postgres"))); err == nil {
		bin = filepath.Dir(real)
	}
	for _, name := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(bin, program(name))); err != nil {
			return installation{}, fmt.Errorf("no %s in %s", name, bin)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(bin, program("postgres")), "--version").Output()
	if err != nil {
		return installation{}, fmt.Errorf("ask %s for its version: %w", bin, err)
	}
	m := versionNumber.FindStringSubmatch(string(out))
	if m == nil {
		return installation{}, fmt.Errorf("%s says %q, which is no version", bin, out)
	}
	major, err := strconv.Atoi(m[1])
	if err != nil || major < oldest {
		return installation{}, fmt.Errorf("PostgreSQL %s in %s is older than %d", m[0], bin, oldest)
	}
	return installation{bin: bin, version: m[0], major: major}, nil
}

func program(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// dataVersion reads which major version made a directory; 0 when there is none yet.
func dataVersion(dir string) (int, error) {
	if dir == "" {
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "data", "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read data directory: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("data directory %s: PG_VERSION is %q", dir, text)
	}
	return major, nil
}
