package clientcfg_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// run starts the client and returns what stops it and waits for it.
func run(t *testing.T, c *clientcfg.Client) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// database is a source that can be taken away.
type database struct {
	list  func() clientcfg.ServerList
	gone  atomic.Bool
	empty atomic.Bool
	asked atomic.Int64
}

func (d *database) Servers(context.Context) (clientcfg.ServerList, error) {
	d.asked.Add(1)
	switch {
	case d.gone.Load():
		return clientcfg.ServerList{}, errors.New("no route to database")
	case d.empty.Load():
		return clientcfg.ServerList{}, nil
	}
	return d.list(), nil
}

func TestClientIsNeverEmptyAfterNonEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		db := &database{list: func() clientcfg.ServerList { return three }}
		db.gone.Store(true)
		c := clientcfg.New(db, clientcfg.Config{Zone: "z2", Rand: seeded(), Log: slog.New(slog.NewTextHandler(&log, nil))})
		_, err := c.Next()
		require.ErrorIs(t, err, clientcfg.ErrNoServers)
		require.ErrorContains(t, err, "no source was asked yet")
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Wait(short), context.DeadlineExceeded)

		defer run(t, c)()
		time.Sleep(5 * time.Minute)
		_, err = c.Next()
		require.ErrorContains(t, err, "no route to database")
		require.Less(t, db.asked.Load(), int64(60), "pauses grow")

		db.gone.Store(false)
		require.NoError(t, c.Wait(t.Context()))
		require.Equal(t, three.DefaultZone("z2"), c.DefaultZone())
		confirmed, err := c.Status()
		require.NoError(t, err)

		for _, trouble := range []*atomic.Bool{&db.gone, &db.empty} {
			trouble.Store(true)
			time.Sleep(10 * time.Minute)
			require.Equal(t, three.DefaultZone("z2"), c.DefaultZone())
			asOf, err := c.Status()
			require.Error(t, err)
			require.Less(t, asOf.Sub(confirmed), time.Minute)
			trouble.Store(false)
			time.Sleep(time.Minute)
			synctest.Wait()
			confirmed, err = c.Status()
			require.NoError(t, err)
		}
		require.Equal(t, 3, strings.Count(log.String(), "level=WARN"), "once per change\n%s", &log)
		require.Equal(t, 3, strings.Count(log.String(), "refreshed again"), "%s", &log)
	})
}

func TestClientRefusesBadLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := three
		c := clientcfg.New(&database{list: func() clientcfg.ServerList { return list }}, clientcfg.Config{Cluster: "shop"})
		require.NoError(t, c.Refresh(t.Context()))
		list = clientcfg.ServerList{Cluster: "other", Servers: three.Servers[:1]}
		require.ErrorContains(t, c.Refresh(t.Context()), `cluster "other", not "shop"`)
		list = clientcfg.ServerList{Servers: []clientcfg.Server{{URL: "nonsense"}}}
		require.ErrorContains(t, c.Refresh(t.Context()), "must start with")
		require.Equal(t, three.DefaultZone(""), c.DefaultZone())
	})
}

// An address that went to another cluster leads nobody there, and does not keep
// the client from its own.
func TestAStrangerAtAKnownAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a1", "a2")
		c := clientcfg.New(httpSource(t, w, clientcfg.HTTPConfig{}, server("a1")), clientcfg.Config{Cluster: "test", Rand: seeded()})
		defer run(t, c)()
		require.NoError(t, c.Wait(t.Context()))
		w.set("stranger", "a2")
		for _, next := range []string{"a3", "a4", "a5"} {
			w.set("up", next)
			time.Sleep(5 * time.Minute)
			w.announce("a1", next)
			time.Sleep(time.Minute)
			require.Equal(t, server("a1")+","+server(next), c.DefaultZone())
		}
	})
}

func TestAFullDiskIsSaidOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	var log bytes.Buffer
	source := clientcfg.Sources(clientcfg.Fixed(three.Servers), clientcfg.NewFileSource(filepath.Join(path, "servers.list")))
	c := clientcfg.New(source, clientcfg.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		require.NoError(t, c.Refresh(t.Context()))
	}
	require.NoError(t, os.Remove(path))
	require.NoError(t, c.Refresh(t.Context()))
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), "%s", &log)
	require.Contains(t, log.String(), "server list kept again")
}

func TestChangesAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a1", "b1")
		c := clientcfg.New(httpSource(t, w, clientcfg.HTTPConfig{}, server("a1")), clientcfg.Config{Rand: seeded()})
		var heard []string
		stop := c.OnChange(func(l clientcfg.ServerList) { heard = append(heard, l.DefaultZone("")) })
		var deaf int
		c.OnChange(func(clientcfg.ServerList) { deaf++ })()
		changed := c.Changed()
		stopRun := run(t, c)
		<-changed
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{server("a1") + "," + server("b1")}, heard)

		changed = c.Changed()
		w.announce("b1")
		start := time.Now()
		<-changed
		require.Less(t, time.Since(start), time.Second, "a watch reports a change at once")
		require.Equal(t, server("b1"), c.DefaultZone())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, heard, 2)
		stop()
		w.announce("a1")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, heard, 2)
		require.Zero(t, deaf)
		stopRun()
	})
}

func TestWithoutAWatchTheIntervalCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a1", "a2")
		w.set("old", "a1", "a2")
		c := clientcfg.New(httpSource(t, w, clientcfg.HTTPConfig{}, server("a1")), clientcfg.Config{Rand: seeded()})
		defer run(t, c)()
		require.NoError(t, c.Wait(t.Context()))
		w.announce("a1")
		start := time.Now()
		<-c.Changed()
		require.LessOrEqual(t, time.Since(start), 11*time.Second)
		time.Sleep(10 * time.Minute)
		require.Less(t, len(w.requests()), 10*60, "servers without a watch are not flooded")
	})
}

// TestServersReplacedOneByOne is the promise of the package: no configuration
// names a server that is still there, and the client never lacked one.
func TestServersReplacedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a1", "a2", "a3")
		db := &database{list: func() clientcfg.ServerList { w.mu.Lock(); defer w.mu.Unlock(); return w.list }}
		path := filepath.Join(t.TempDir(), "servers.list")
		file := clientcfg.NewFileSource(path)
		source := clientcfg.Sources(db, httpSource(t, w, clientcfg.HTTPConfig{}, server("a1")), file)
		c := clientcfg.New(source, clientcfg.Config{Rand: seeded()})
		stop := run(t, c)
		require.NoError(t, c.Wait(t.Context()))
		db.gone.Store(true)
		time.Sleep(10 * time.Minute)

		present := []string{"a1", "a2", "a3"}
		for _, next := range []string{"b1", "b2", "b3", "c1", "c2", "c3"} {
			w.set("up", next)
			w.announce(append(present[1:len(present):len(present)], next)...)
			time.Sleep(15 * time.Second)
			w.set("", present[0])
			present = append(present[1:], next)
			order, err := c.Attempts()
			require.NoError(t, err)
			for _, s := range order {
				require.Contains(t, present, strings.Split(s.URL[len("http://"):], ":")[0])
			}
		}
		stop()

		// A new process, whose database and seeds are all gone, starts from the file.
		again := clientcfg.New(clientcfg.Sources(db, httpSource(t, w, clientcfg.HTTPConfig{}, server("a1")), clientcfg.NewFileSource(path)), clientcfg.Config{Rand: seeded()})
		defer run(t, again)()
		require.NoError(t, again.Wait(t.Context()))
		require.Equal(t, c.DefaultZone(), again.DefaultZone())
		w.announce("c3")
		time.Sleep(15 * time.Second)
		require.Equal(t, server("c3"), again.DefaultZone(), "the servers from the file were asked")
	})
}

// TestTheDatabaseIsAskedToBeginWith, and when no server is left that is known.
func TestTheDatabaseIsAskedToBeginWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a1", "a2", "a3")
		db := &database{list: func() clientcfg.ServerList { w.mu.Lock(); defer w.mu.Unlock(); return w.list }}
		c := clientcfg.New(clientcfg.Sources(httpSource(t, w, clientcfg.HTTPConfig{}), db), clientcfg.Config{Rand: seeded()})
		defer run(t, c)()
		time.Sleep(10 * time.Minute)
		require.Equal(t, int64(1), db.asked.Load())
		w.set("", "a1", "a2", "a3")
		w.set("up", "b1")
		w.announce("b1")
		time.Sleep(15 * time.Second)
		require.Equal(t, server("b1"), c.DefaultZone())
		asked := db.asked.Load()
		time.Sleep(10 * time.Minute)
		require.Equal(t, asked, db.asked.Load())
	})
}

func TestRefreshSoonIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &database{list: func() clientcfg.ServerList { return three }}
		c := clientcfg.New(db, clientcfg.Config{Interval: time.Hour, Rand: seeded()})
		defer run(t, c)()
		require.NoError(t, c.Wait(t.Context()))
		for range 1000 {
			c.RefreshSoon()
			time.Sleep(10 * time.Millisecond)
		}
		require.InDelta(t, 20, db.asked.Load(), 3, "once per RetryMin")
	})
}

func TestNextAndFailed(t *testing.T) {
	c := clientcfg.New(clientcfg.Fixed(three.Servers), clientcfg.Config{Rand: seeded()})
	require.NoError(t, c.Refresh(t.Context()))
	seen := map[string]int{}
	for range 9 {
		s, err := c.Next()
		require.NoError(t, err)
		seen[s.URL]++
	}
	require.Equal(t, map[string]int{three.Servers[0].URL: 3, three.Servers[1].URL: 3, three.Servers[2].URL: 3}, seen)
	bad := three.Servers[1]
	c.Failed(bad)
	for range 9 {
		s, err := c.Next()
		require.NoError(t, err)
		require.NotEqual(t, bad, s)
	}
	c.Worked(bad)
	seen = map[string]int{}
	for range 3 {
		s, err := c.Next()
		require.NoError(t, err)
		seen[s.URL]++
	}
	require.Equal(t, 1, seen[bad.URL])
}

func TestSources(t *testing.T) {
	gone := &database{}
	gone.gone.Store(true)
	empty := &database{}
	empty.empty.Store(true)
	l, err := clientcfg.Sources(gone, empty, clientcfg.Fixed(three.Servers)).Servers(t.Context())
	require.NoError(t, err)
	require.True(t, three.Equal(l))
	_, err = clientcfg.Sources(gone, empty, clientcfg.Fixed{}).Servers(t.Context())
	require.ErrorIs(t, err, clientcfg.ErrNoServers)
	require.ErrorContains(t, err, "no route to database")
	_, err = clientcfg.Sources().Servers(t.Context())
	require.ErrorIs(t, err, clientcfg.ErrNoServers)
}
