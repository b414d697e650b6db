package peerstore_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// nameServer makes a server of the world one that runs a name server, beginning in phase joining.
func nameServer(name string) option {
	return func(h *peerstore.HeartbeaterConfig, _ *peerstore.ListConfig) {
		h.Peer.Addresses.Namesrv = namesrvOf(name)
	}
}

func namesrvOf(name string) string { return name + ":9876" }

// nameServers starts n of them, which serve as far as Eureka goes; the RocketMQ side is up to the test.
func (w *world) nameServers(n int) []*server {
	servers := make([]*server, n)
	for i := range servers {
		name := fmt.Sprintf("s%d", i+1)
		servers[i] = w.start(name, "", nameServer(name))
		time.Sleep(time.Second) // each is older than the next
	}
	time.Sleep(3 * time.Second)
	return servers
}

func (s *server) setNamesrv(phase peerstore.Phase) {
	s.hb.SetNamesrvPhase(phase)
	s.list.Refresh()
}

func namesOf(peers []peerstore.Peer) []string {
	var names []string
	for _, p := range peers {
		names = append(names, p.Addresses.Namesrv)
	}
	return names
}

func (s *server) clients() []string { return namesOf(s.list.NamesrvClients()) }
func (s *server) brokers() []string { return namesOf(s.list.NamesrvBrokers()) }

// The life of a name server as the two lists of every server show it.
func TestNameServerLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.nameServers(3)
		plain := w.start("plain", "")
		time.Sleep(2 * time.Second)
		all := []string{"s1:9876", "s2:9876", "s3:9876"}
		show := func(limit time.Duration, clients, brokers []string) {
			t.Helper()
			w.within(limit, fmt.Sprint(clients, brokers), func() bool {
				return w.everywhere(func(s *server) bool { return slices.Equal(s.clients(), clients) && slices.Equal(s.brokers(), brokers) })
			})
		}
		show(time.Second, nil, all)
		for _, s := range servers {
			s.setNamesrv(peerstore.PhaseServing)
		}
		show(250*time.Millisecond, all, all)

		changed := plain.list.Changed()
		servers[0].setNamesrv(peerstore.PhaseDraining)
		show(250*time.Millisecond, all[1:], all)
		select {
		case <-changed:
		default:
			require.Fail(t, "the signal fires when a name server's phase changes")
		}
		require.True(t, plain.serves(servers[0].url), "the Eureka side is another matter")
		servers[0].setNamesrv(peerstore.PhaseLeft)
		show(250*time.Millisecond, all[1:], all[1:])

		servers[1].kill()
		show(3*time.Second, all[2:], all[1:]) // clients are told of nobody unreachable; brokers while its lease lasts
		show(15*time.Second, all[2:], all[2:])

		servers[2].setNamesrv(peerstore.PhaseDraining)
		show(250*time.Millisecond, all[2:], all[2:]) // the last one keeps itself
		servers[2].setNamesrv(peerstore.PhaseLeft)
		servers[2].stop()
		time.Sleep(time.Minute)
		require.Equal(t, all[2:], plain.clients(), "never empty once it had somebody")
		require.Equal(t, all[2:], plain.brokers())

		servers[0].setNamesrv("")
		again := w.start("s4", "", nameServer("s4"))
		time.Sleep(5 * time.Second)
		again.setNamesrv(peerstore.PhaseServing)
		w.within(time.Second, "until there is somebody else", func() bool {
			return slices.Equal(plain.clients(), []string{"s4:9876"}) && slices.Equal(plain.brokers(), []string{"s4:9876"})
		})
	})
}

// Phases and addresses are told by the servers themselves while the database is away: to those who have rows, to newcomers, and to
// those who start from the disk.
func TestNameServersWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.nameServers(2)
		old := w.start("old", "", withCache(dir), nameServer("old"))
		time.Sleep(2 * time.Second)
		for _, s := range w.all {
			s.setNamesrv(peerstore.PhaseServing)
		}
		time.Sleep(2 * time.Second)
		saved, err := peerstore.NewDiskCache(dir).LoadList("test", time.Now())
		require.NoError(t, err)
		require.Equal(t, []string{"s1:9876", "s2:9876"}, namesOf(saved.Peers))
		require.Equal(t, peerstore.PhaseServing, saved.Peers[0].NamesrvPhase)

		w.db.SetDown(true)
		old.stop()
		time.Sleep(time.Minute)
		servers[0].setNamesrv(peerstore.PhaseDraining)
		w.within(3*time.Second, "a phase that no row tells", func() bool { return slices.Equal(servers[1].clients(), []string{"s2:9876"}) })

		fresh := w.start("fresh", "", withCache(dir), nameServer("fresh"))
		w.start("seeded", "", nameServer("seeded"), func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) {
			l.Seeds = []string{servers[1].url}
		})
		w.within(10*time.Second, "all know all", func() bool {
			return w.everywhere(func(s *server) bool {
				for _, name := range []string{"s1:9876", "s2:9876", "fresh:9876", "seeded:9876"} {
					if !slices.Contains(s.brokers(), name) {
						return false
					}
				}
				return slices.Equal(s.clients(), []string{"s2:9876"})
			})
		})
		require.Contains(t, servers[0].brokers(), "old:9876", "nobody can say that its lease is over")
		fresh.setNamesrv(peerstore.PhaseServing)
		servers[0].hb.SetPhase(peerstore.PhaseLeft, "") // a goodbye is for both sides, whatever the other one says
		servers[0].setNamesrv(peerstore.PhaseServing)
		w.within(3*time.Second, "a newcomer serves, and the leaver is gone", func() bool {
			return w.everywhere(func(s *server) bool {
				clients := s.clients()
				slices.Sort(clients)
				return slices.Equal(clients, []string{"fresh:9876", "s2:9876"}) && !slices.Contains(s.brokers(), "s1:9876")
			}, servers[0])
		})
	})
}

// A server whose row is lost registers again as what it is: no list loses it.
func TestNameServerRegistersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.nameServers(3)
		for _, s := range servers {
			s.setNamesrv(peerstore.PhaseServing)
		}
		time.Sleep(2 * time.Second)
		all := servers[0].clients()
		require.Len(t, all, 3)
		lost := 0
		watching := make(chan struct{})
		go func() {
			defer close(watching)
			for range 1000 {
				if len(servers[0].clients()) < 3 || len(servers[0].brokers()) < 3 {
					lost++
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		before := servers[1].hb.Self().ID
		require.NoError(t, w.db.SetPhase(t.Context(), before, peerstore.PhaseExpired, "test"))
		<-watching
		require.NotEqual(t, before, servers[1].hb.Self().ID)
		require.Zero(t, lost)
		require.ElementsMatch(t, all, servers[0].clients())
	})
}

// Of two that advertise one address it is told once; an address that would break the text is told to nobody.
func TestNameServerAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i, address := range []string{
			"10.0.0.1:9876", "10.0.0.1:9876", "[2001:db8::1]:9876", "ns.example:9876",
			"10.0.0.2", ":9876", "10.0.0.3:0", "10.0.0.3:70000", "10.0.0.3:name", "10.0.0.4;10.0.0.5:9876", "10.0.0.6\n:9876", "",
		} {
			w.start(fmt.Sprintf("a%02d", i), "", func(h *peerstore.HeartbeaterConfig, _ *peerstore.ListConfig) {
				h.Peer.Addresses.Namesrv, h.Peer.NamesrvPhase = address, peerstore.PhaseServing
			})
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Second)
		want := []string{"10.0.0.1:9876", "[2001:db8::1]:9876", "ns.example:9876"}
		require.True(t, w.everywhere(func(s *server) bool { return slices.Equal(s.clients(), want) && slices.Equal(s.brokers(), want) }))
		require.Empty(t, w.all[len(w.all)-1].hb.Self().NamesrvPhase, "no address, no name server")
	})
}
