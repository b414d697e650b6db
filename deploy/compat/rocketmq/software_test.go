package rocketmq

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// software is what the programs are run from.
type software struct {
	five   release // broker, client, mqadmin
	four   release // broker, client
	golang string  // the Go client's program
}

// release is one version of RocketMQ with our programs compiled against it.
type release struct {
	version string
	dir     string // holds lib, classes and the configuration of its logs
}

// java returns the command line of a main class. Heaps are small, and the faster of the two compilers is enough: half a
// dozen JVMs share the machine.
func (r release) java(heap string, options ...string) []string {
	args := []string{"java", "-Xmx" + heap, "-XX:MaxDirectMemorySize=128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Drocketmq.home.dir=" + r.dir,
		"-Drocketmq.client.logUseSlf4j=true", "-Dlogback.configurationFile=" + filepath.Join(r.dir, "conf", "logback_broker.xml"), // both 4.9
		"-cp", filepath.Join(r.dir, "classes") + ":" + r.dir + ":" + filepath.Join(r.dir, "lib", "*")}
	return append(args, options...)
}

// remedies says where a missing tool comes from.
var remedies = map[string]string{
	"go":    "Go 1.26",
	"java":  "a JDK 17 (Debian: apt install openjdk-17-jdk-headless)",
	"javac": "a JDK 17, not only its runtime (Debian: apt install openjdk-17-jdk-headless)",
	"mvn":   "Maven (Debian: apt install maven)",
}

func buildSoftware(t *testing.T, ctx context.Context) software {
	t.Helper()
	for tool, remedy := range remedies {
		_, err := exec.LookPath(tool)
		require.NoError(t, err, "a tool is missing: install %s", remedy)
	}
	ctx, cancel := context.WithTimeout(ctx, 6*time.Minute)
	defer cancel()
	s := software{
		five: build(t, ctx, "5.5.0", "rocketmq5", "Traffic.java", "Orders.java", "Admin.java"),
		four: build(t, ctx, "4.9.7", "rocketmq4", "Traffic.java"),
	}
	s.golang = filepath.Join(s.five.dir, "golang")
	do(t, ctx, ".", "go", "build", "-o", s.golang, "./golang")
	return s
}

// build brings a release's libraries with Maven and compiles our programs, or takes what an earlier run left in the user's
// cache.
func build(t *testing.T, ctx context.Context, version, folder string, programs ...string) release {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	source := filepath.Join("software", folder)
	sum := hash(t, source, filepath.Join("software", "java"))
	r := release{version: version, dir: filepath.Join(cache, "zonekeeper-compat", folder+"-"+sum)}
	built := filepath.Join(r.dir, "built")
	if _, err := os.Stat(built); err == nil {
		return r
	}
	began := time.Now()
	require.NoError(t, os.RemoveAll(r.dir))
	require.NoError(t, os.CopyFS(r.dir, os.DirFS(source)))
	do(t, ctx, r.dir, "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory=lib")
	args := []string{"--release", "17", "-proc:none", "-d", filepath.Join(r.dir, "classes"), "-cp", filepath.Join(r.dir, "lib", "*")}
	for _, p := range programs {
		args = append(args, filepath.Join("software", "java", p))
	}
	do(t, ctx, ".", "javac", args...)
	require.NoError(t, os.WriteFile(built, nil, 0o644))
	t.Logf("RocketMQ %s: fetched and compiled in %.0f s", version, time.Since(began).Seconds())
	return r
}

// hash names the folder of a build by its sources, so that changed ones are built anew.
func hash(t *testing.T, dirs ...string) string {
	t.Helper()
	sum := sha256.New()
	for _, dir := range dirs {
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
			return err
		}))
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

func do(t *testing.T, ctx context.Context, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, args[0], out)
}
