package clientcfg_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

func TestFileSourceOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er", "servers.list")
	first := clientcfg.NewFileSource(path)
	_, err := first.Servers(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, first.Learn(three))
	require.NoError(t, first.Learn(clientcfg.ServerList{}), "an empty list is not worth keeping")

	l, err := clientcfg.NewFileSource(path).Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, three.ETag(), l.ETag())
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	require.NoError(t, err)
	require.Equal(t, []string{path}, names, "nothing is left beside the file")
	require.NoError(t, os.Remove(path))
	restarted := clientcfg.ServerList{Servers: append([]clientcfg.Server(nil), three.Servers...)}
	restarted.Servers[0].ID = "other"
	require.NoError(t, first.Learn(restarted))
	require.NoFileExists(t, path, "the same places are not written again")
	require.NoError(t, first.Learn(clientcfg.ServerList{Servers: three.Servers[:1]}))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func TestFileSourceRefusesADamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "servers.list")
	require.NoError(t, clientcfg.NewFileSource(path).Learn(three))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := range len(whole) {
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o600))
		_, err := clientcfg.NewFileSource(path).Servers(t.Context())
		require.Error(t, err, "cut at %d", cut)
		flipped := append([]byte(nil), whole...)
		flipped[cut] ^= 1
		require.NoError(t, os.WriteFile(path, flipped, 0o600))
		_, err = clientcfg.NewFileSource(path).Servers(t.Context())
		require.Error(t, err, "bit flipped at %d", cut)
	}
}

func TestFileSourceTriesAFullDiskAgain(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	f := clientcfg.NewFileSource(filepath.Join(dir, "file", "servers.list"))
	require.ErrorContains(t, f.Learn(three), "keep the server list")
	require.Error(t, f.Learn(three), "it is tried again")
}

// A list from the last run starts a process, and does not hide from it that
// nobody answers.
func TestFileSourceIsForTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "servers.list")
	require.NoError(t, clientcfg.NewFileSource(path).Learn(three))
	gone := &database{}
	gone.gone.Store(true)
	c := clientcfg.New(clientcfg.Sources(gone, clientcfg.NewFileSource(path)), clientcfg.Config{})
	require.NoError(t, c.Refresh(t.Context()))
	confirmed, err := c.Status()
	require.NoError(t, err)
	require.ErrorContains(t, c.Refresh(t.Context()), "no route to database")
	asOf, err := c.Status()
	require.Error(t, err)
	require.Equal(t, confirmed, asOf)
	require.Equal(t, three.DefaultZone(""), c.DefaultZone())
}
