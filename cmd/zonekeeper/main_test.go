package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write generated and golden files instead of comparing them")

// TestMain checks that no goroutine outlives the tests but those of the PostgreSQL that they share, which ends with the process.
func TestMain(m *testing.M) {
	const localpg = "github.com/zonekeeper/zonekeeper/peerstore/localpg."
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction(localpg+"startProcess.func1"), goleak.IgnoreAnyFunction(localpg+"start.func2"),
		goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"), // of pgtest's migrations
		goleak.Cleanup(func(code int) {
			if builtIn != "" {
				_ = os.RemoveAll(builtIn)
			}
			os.Exit(code)
		}))
}

// outcome is what a run of the command line left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// command runs the program in this process, with exactly this environment.
func command(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	return commandIn(t.Context(), environ, args...)
}

func commandIn(ctx context.Context, environ []string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	p := &program{args: args, environ: environ, stdout: &stdout, stderr: &stderr}
	code := p.run(ctx)
	return outcome{code, stdout.String(), stderr.String()}
}

// golden compares got with a file that people review, or writes the file when the test runs with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err, "run `make golden` and read the difference")
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Fatalf("%s differs (-file +now); run `make golden` if that is meant:\n%s", name, diff)
	}
}
