package localpg

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeInstall makes a directory with programs that say they are of a version.
func fakeInstall(t *testing.T, version string) string {
	t.Helper()
	bin := filepath.Join(openDir(t), "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
	for _, name := range []string{"postgres", "initdb"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755))
	}
	return bin
}

func TestFindPrefersTheNewest(t *testing.T) {
	dirs := []string{"/nowhere", fakeInstall(t, "14.9"), fakeInstall(t, "16.10 (Debian 16.10-1)"), fakeInstall(t, "9.6.24"), fakeInstall(t, "17beta1"), fakeInstall(t, "15.3")}
	in, err := find(t.Context(), Config{}, account{}, dirs)
	require.NoError(t, err)
	require.Equal(t, 17, in.major)
	require.Equal(t, []string{"17", "16.10", "15.3", "14.9"}, versions(installed(t.Context(), append(dirs, dirs...))))
}

func versions(found []installation) []string {
	var out []string
	for _, in := range found {
		out = append(out, in.version)
	}
	return out
}

func TestFindSuitsTheData(t *testing.T) {
	data := openDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(data, "data"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(data, "data", "PG_VERSION"), []byte("14\n"), 0o600))
	dirs := []string{fakeInstall(t, "14.9"), fakeInstall(t, "16.1")}
	in, err := find(t.Context(), Config{DataDir: data}, account{}, dirs)
	require.NoError(t, err)
	require.Equal(t, "14.9", in.version)

	_, err = find(t.Context(), Config{DataDir: data, Bin: dirs[1]}, account{}, nil)
	require.ErrorContains(t, err, "was made by PostgreSQL 14")
	_, err = find(gone(t), Config{DataDir: data, CacheDir: openDir(t)}, account{}, dirs[1:])
	require.ErrorContains(t, err, "needs PostgreSQL 14: install that version")
}

func TestFindNothing(t *testing.T) {
	_, err := find(gone(t), Config{CacheDir: openDir(t)}, account{}, []string{"/nowhere"})
	require.ErrorIs(t, err, ErrNoPostgres)
	require.ErrorContains(t, err, "apt install postgresql")
	require.NotContains(t, err.Error(), "\n", "one line")
	_, err = find(t.Context(), Config{Bin: fakeInstall(t, "12.22")}, account{}, nil)
	require.ErrorContains(t, err, "older than 13")
	_, err = find(t.Context(), Config{Bin: "/nowhere"}, account{}, nil)
	require.ErrorContains(t, err, "no postgres in /nowhere")
}

// gone is a context that has ended, so that nothing is fetched.
func gone(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A cache that another run has filled is used as it is.
func TestFetchUsesTheCache(t *testing.T) {
	cache := openDir(t)
	require.NoError(t, os.Rename(filepath.Dir(fakeInstall(t, string(fetchVersion))), filepath.Join(cache, "postgresql-"+string(fetchVersion))))
	in, err := fetch(t.Context(), Config{CacheDir: cache})
	require.NoError(t, err)
	require.Equal(t, string(fetchVersion), in.version)
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestIsReady(t *testing.T) {
	file := "4711\n/data\n1700000000\n5432\n\n127.0.0.1\n  123 456\nready   \n"
	require.True(t, isReady([]byte(file), 4711))
	require.False(t, isReady([]byte(file), 4712), "an earlier server's file")
	require.False(t, isReady([]byte(strings.Replace(file, "ready   ", "starting", 1)), 4711))
	require.False(t, isReady([]byte("4711\n/data\n"), 4711))
	require.False(t, isReady(nil, 4711))
}

func TestMayEnter(t *testing.T) {
	dir := openDir(t)
	closed := filepath.Join(dir, "closed", "below")
	require.NoError(t, os.MkdirAll(closed, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(closed), 0o700))
	nobody := account{other: true, name: "nobody", uid: 65534, gid: 65534}
	require.NoError(t, nobody.mayEnter(dir))
	err := nobody.mayEnter(closed)
	require.ErrorContains(t, err, filepath.Dir(closed))
	require.ErrorContains(t, err, "use a directory elsewhere")
	require.NoError(t, account{}.mayEnter(closed), "we ourselves find out by doing")
}
