package peerstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func TestStartFromDiskWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cluster(4)
		old := w.start("old", "", withCache(dir))
		time.Sleep(5 * time.Second)
		w.db.SetDown(true)
		old.stop()
		time.Sleep(time.Minute)

		fresh := w.start("fresh", "", withCache(dir))
		w.within(time.Second, "it knows the others", func() bool { return len(fresh.list.Peers()) == 4 })
		require.True(t, fresh.list.Settled())
		require.Equal(t, "peers", fresh.list.Status().Source)
		for _, p := range fresh.list.Peers() {
			require.True(t, p.Unverified && p.Reachable)
			require.Equal(t, "defaultZone", p.Zone, "remembered")
		}
		w.within(4*time.Second, "the others know it, and it serves", func() bool {
			return w.everywhere(func(s *server) bool { return s.serves(fresh.url) && len(s.list.Serving()) == 5 }, old)
		})
		require.Negative(t, fresh.hb.Self().Epoch)

		second := w.start("second", "", withCache(t.TempDir()), func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) {
			l.Seeds = []string{fresh.url, "http://nowhere:1/", "not a url"}
		})
		w.within(8*time.Second, "a second one is introduced to all through the first", func() bool {
			return w.everywhere(func(s *server) bool { return s.serves(second.url) && len(s.list.Serving()) == 6 })
		})

		second.kill()
		w.within(3*time.Second, "and leaves like everybody", func() bool {
			return w.everywhere(func(s *server) bool { return !s.serves(second.url) })
		})
		w.within(14*time.Second, "all lists", func() bool {
			return w.everywhere(func(s *server) bool { return !s.lists(second.url) })
		})

		id := fresh.hb.Self().ID
		w.db.SetDown(false)
		time.Sleep(10 * time.Second)
		require.Equal(t, id, fresh.hb.Self().ID)
		require.Positive(t, fresh.hb.Self().Epoch)
		require.True(t, w.everywhere(func(s *server) bool {
			for _, p := range s.list.Serving() {
				if p.Unverified {
					return false
				}
			}
			return len(s.list.Serving()) == 5
		}), "verified as soon as its row appears")
	})
}

// A server that is restarted at its old address while the database is away takes the place of its old incarnation, whose row
// still counts as live when the database comes back.
func TestRestartAtTheSameAddressWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cluster(3)
		old := w.start("old", "", withCache(dir))
		time.Sleep(5 * time.Second)
		w.db.SetDown(true)
		time.Sleep(time.Second)
		oldID := old.hb.Self().ID
		old.kill()
		fresh := w.start("again", old.url, withCache(dir))
		only := func(id string) bool {
			return w.everywhere(func(s *server) bool {
				n := 0
				for _, p := range s.list.Peers() {
					if p.Addresses.Eureka == old.url {
						n++
						if p.ID != id {
							return false
						}
					}
				}
				return n == 1
			}, fresh)
		}
		w.within(5*time.Second, "it replaces its predecessor", func() bool { return only(fresh.hb.Self().ID) })
		require.NotEqual(t, oldID, fresh.hb.Self().ID)
		time.Sleep(30 * time.Second)
		w.db.SetDown(false)
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			require.True(t, only(fresh.hb.Self().ID))
			require.True(t, w.everywhere(func(s *server) bool { return s.serves(fresh.url) }))
		}
	})
}

func TestWholeClusterStartsFromDiskWithoutDatabase(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i, dir := range dirs {
			w.start(string(rune('a'+i)), "", withCache(dir))
		}
		time.Sleep(5 * time.Second)
		w.db.SetDown(true)
		for _, s := range w.all {
			s.stop()
		}
		time.Sleep(time.Minute)
		for i, dir := range dirs {
			w.start(string(rune('a'+i)), "", withCache(dir))
			time.Sleep(time.Second)
		}
		w.within(10*time.Second, "all see all", func() bool {
			return w.everywhere(func(s *server) bool { return len(s.list.Serving()) == 3 && len(s.list.Peers()) == 2 })
		})
	})
}

func TestLoneServerStartsFromDiskWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.start("lone", "", withCache(dir))
		time.Sleep(5 * time.Second)
		s.stop()
		w.db.SetDown(true)
		s = w.start("lone", "", withCache(dir), func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) { l.Store = nil })
		w.within(3*time.Second, "it serves", func() bool { return len(s.list.Serving()) == 1 })
	})
}

func TestBadFilesOnDisk(t *testing.T) {
	good := func(t *testing.T, change func(*peerstore.SavedList)) string {
		dir := t.TempDir()
		l := peerstore.SavedList{
			Cluster: "test", ClusterUUID: "uuid", SavedAt: time.Now(), Peers: []peerstore.Peer{{
				ID: "a", Cluster: "test", Addresses: peerstore.Addresses{Eureka: "http://a:8761/eureka/"},
			}},
		}
		change(&l)
		require.NoError(t, peerstore.NewDiskCache(dir).SaveList(l))
		return filepath.Join(dir, "list.json")
	}
	same := func(*peerstore.SavedList) {}
	for name, make := range map[string]func(t *testing.T) string{
		"truncated": func(t *testing.T) string {
			file := good(t, same)
			require.NoError(t, os.Truncate(file, 40))
			return file
		},
		"empty": func(t *testing.T) string {
			file := good(t, same)
			require.NoError(t, os.Truncate(file, 0))
			return file
		},
		"wrong checksum": func(t *testing.T) string {
			file := good(t, same)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), "8761", "8762", 1)), 0o600))
			return file
		},
		"another cluster": func(t *testing.T) string {
			return good(t, func(l *peerstore.SavedList) { l.Cluster = "prod" })
		},
		"thirty days old": func(t *testing.T) string {
			return good(t, func(l *peerstore.SavedList) { l.SavedAt = time.Now().Add(-30 * 24 * time.Hour) })
		},
		"huge": func(t *testing.T) string {
			file := good(t, same)
			require.NoError(t, os.Truncate(file, 1<<30))
			return file
		},
		"a directory": func(t *testing.T) string {
			file := good(t, same)
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.Mkdir(file, 0o700))
			return file
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := make(t)
			cache := peerstore.NewDiskCache(filepath.Dir(file))
			_, err := cache.LoadList("test", time.Now())
			require.Error(t, err)
			l := peerstore.NewList(peerstore.ListConfig{Cluster: "test", Cache: cache, Self: func() peerstore.Peer { return peerstore.Peer{} }})
			require.Empty(t, l.Peers(), "never fatal")
			require.False(t, l.Settled())
		})
	}
	t.Run("good", func(t *testing.T) {
		l, err := peerstore.NewDiskCache(filepath.Dir(good(t, same))).LoadList("test", time.Now())
		require.NoError(t, err)
		require.Len(t, l.Peers, 1)
	})
}

// The database's word beats the disk's: a list of another cluster of the same name is forgotten.
func TestForeignListOnDisk(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, peerstore.NewDiskCache(dir).SaveList(peerstore.SavedList{
		Cluster: "test", ClusterUUID: "of another time", SavedAt: time.Now(), Peers: []peerstore.Peer{{
			ID: "a", Cluster: "test", Addresses: peerstore.Addresses{Eureka: "http://gone:8761/eureka/"},
		}},
	}))
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cluster(2)
		s := w.start("new", "", withCache(dir))
		time.Sleep(5 * time.Second)
		require.Len(t, s.list.Serving(), 3)
		saved, err := peerstore.NewDiskCache(dir).LoadList("test", time.Now())
		require.NoError(t, err)
		require.Equal(t, s.list.ClusterUUID(), saved.ClusterUUID)
		require.Len(t, saved.Peers, 2)
	})
}

func TestAnnouncementsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.cluster(2)[0]
		uuid := s.list.ClusterUUID()
		stranger := peerstore.Peer{
			ID: "x", Cluster: "test", Epoch: -4, Phase: peerstore.PhaseJoining, Addresses: peerstore.Addresses{Eureka: "http://x:1/eureka/"},
		}
		announce := func(caller string, change func(*peerstore.Announcement)) error {
			a := peerstore.Announcement{ClusterUUID: uuid, Peer: stranger}
			change(&a)
			_, err := s.list.Announce(peerstore.Caller{PeerID: caller}, a)
			return err
		}
		require.ErrorIs(t, announce("x", func(a *peerstore.Announcement) { a.ClusterUUID = "other" }), peerstore.ErrForeign)
		require.ErrorIs(t, announce("x", func(a *peerstore.Announcement) { a.Peer.Cluster = "other" }), peerstore.ErrForeign)
		for _, bad := range []func(*peerstore.Announcement){
			func(a *peerstore.Announcement) { a.Peer.ID = "y" },
			func(a *peerstore.Announcement) { a.Peer.Phase = peerstore.PhaseLeft },
			func(a *peerstore.Announcement) { a.Peer.Addresses.Eureka = "nonsense" },
			func(a *peerstore.Announcement) { a.Peer.Addresses.Eureka = s.url },
			func(a *peerstore.Announcement) { a.Peer.Zone = strings.Repeat("z", 1000) },
			func(a *peerstore.Announcement) { a.Peer.Addresses.Namesrv = strings.Repeat("z", 10_000) },
		} {
			require.ErrorIs(t, announce("x", bad), peerstore.ErrBadAnnouncement)
		}
		require.NoError(t, announce("x", func(*peerstore.Announcement) {}))
		time.Sleep(5 * time.Second)
		require.False(t, s.lists("http://x:1/eureka/"), "nobody answers there, so nobody is listed")
		var err error
		for i := range 300 {
			id := "many" + string(rune('a'+i))
			err = announce(id, func(a *peerstore.Announcement) { a.Peer.ID = id })
			if err != nil {
				break
			}
		}
		require.ErrorIs(t, err, peerstore.ErrTooMany)
		time.Sleep(time.Minute)
		require.Len(t, s.list.All(), 2, "and the silent are forgotten")
	})
}
