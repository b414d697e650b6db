package rocketmq

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// place is where a run keeps its files. Stores are removed in any case, logs stay when the run fails.
type place struct {
	dir string

	mu   sync.Mutex
	logs map[string]int
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "zonekeeper-rocketmq-")
	require.NoError(t, err)
	p := &place{dir: dir, logs: map[string]int{}}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "logs"), 0o755))
	t.Cleanup(func() {
		if !t.Failed() {
			require.NoError(t, os.RemoveAll(dir))
			return
		}
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			if e.Name() != "logs" {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, e.Name())))
			}
		}
		t.Logf("every program's log is in %s", filepath.Join(dir, "logs"))
	})
	return p
}

// folder makes a directory for a program's data.
func (p *place) folder(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(p.dir, name)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	return dir
}

// newLog opens a program's log; a program that starts again gets another.
func (p *place) newLog(t *testing.T, name string) *os.File {
	t.Helper()
	p.mu.Lock()
	p.logs[name]++
	n := p.logs[name]
	p.mu.Unlock()
	file, err := os.Create(filepath.Join(p.dir, "logs", fmt.Sprintf("%s.%d.log", name, n)))
	require.NoError(t, err)
	return file
}
