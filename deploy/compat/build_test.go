package compat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// remedies says where a missing tool comes from.
var remedies = map[string]string{
	"go":      "Go 1.26",
	"node":    "Node (Debian: apt install nodejs)",
	"npm":     "npm (Debian: apt install npm)",
	"python3": "Python 3 with venv (Debian: apt install python3-venv)",
	"java":    "a JDK 17 (Debian: apt install openjdk-17-jdk-headless)",
	"javac":   "a JDK 17, not only its runtime (Debian: apt install openjdk-17-jdk-headless)",
	"mvn":     "Maven (Debian: apt install maven)",
}

// builder builds one client in a directory of its own.
type builder struct {
	ctx    context.Context
	source string // clients/<folder>
	dir    string // a copy of it, where the result stays
}

// build makes every client, or takes what an earlier run left in the cache.
func build(t *testing.T, ctx context.Context) []*client {
	t.Helper()
	all := clients()
	missing := map[string]bool{}
	for _, cl := range all {
		for _, tool := range cl.tools {
			if _, err := exec.LookPath(tool); err != nil {
				missing[remedies[tool]] = true
			}
		}
	}
	for remedy := range missing {
		t.Errorf("a tool is missing: install %s", remedy)
	}
	if t.Failed() {
		t.FailNow()
	}
	for _, cl := range all {
		began := time.Now()
		require.NoError(t, cl.make(t, ctx), "build %s", cl.name)
		if took := time.Since(began); took > time.Second {
			t.Logf("built %s in %.0f s", cl.name, took.Seconds())
		}
	}
	return all
}

// dir is where the client is built: a folder named by its sources, so that
// changed ones are built anew.
func (cl *client) dir(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "zonekeeper-compat", cl.folder+"-"+sourceHash(t, filepath.Join("clients", cl.folder)))
}

func (cl *client) make(t *testing.T, ctx context.Context) error {
	dir := cl.dir(t)
	b := &builder{source: filepath.Join("clients", cl.folder), dir: dir}
	if _, err := os.Stat(filepath.Join(dir, "built")); err == nil && !slices.Contains(cl.tools, "go") {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(b.source)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	b.ctx = ctx
	if err := cl.build(b); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "built"), nil, 0o644)
}

func sourceHash(t *testing.T, dir string) string {
	t.Helper()
	sum := sha256.New()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	}))
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// goProgram builds in this module, which pins the versions; Go has its own
// cache.
func (b *builder) goProgram() error {
	return b.do(".", "go", "build", "-o", filepath.Join(b.dir, "client"), "./"+filepath.ToSlash(b.source))
}

func (b *builder) npm() error {
	return b.do(b.dir, "npm", "install", "--no-package-lock", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
}

func (b *builder) pip() error {
	if err := b.do(b.dir, "python3", "-m", "venv", "venv"); err != nil {
		return fmt.Errorf("%w\n(%s)", err, remedies["python3"])
	}
	return b.do(b.dir, filepath.Join("venv", "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt")
}

// java lets Maven bring the libraries and compiles by itself, which needs none
// of Maven's other plugins.
func (b *builder) java() error {
	if err := b.do(b.dir, "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory=lib"); err != nil {
		return err
	}
	sources, err := filepath.Glob(filepath.Join(b.dir, "src/main/java/*.java"))
	deeper, err2 := filepath.Glob(filepath.Join(b.dir, "src/main/java/*/*.java"))
	if err != nil || err2 != nil {
		return fmt.Errorf("find sources: %w %w", err, err2)
	}
	args := []string{"--release", "17", "-parameters", "-proc:none", "-d", "classes", "-cp", "lib/*"}
	return b.do(b.dir, "javac", append(args, append(sources, deeper...)...)...)
}

// do runs a tool and returns what it said if it fails.
func (b *builder) do(dir, name string, args ...string) error {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args[:min(2, len(args))], " "), err, out)
	}
	return nil
}
