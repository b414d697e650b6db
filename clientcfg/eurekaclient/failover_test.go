package eurekaclient_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg/eurekaclient"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// noCallFails starts a program on the cluster and returns a check that no beat
// and no fetch failed and no lease was lost since the last check.
func noCallFails(t *testing.T, f *cluster) (*program, func()) {
	t.Helper()
	in := orders()
	in.LeaseInfo = eureka.LeaseInfo{RenewalIntervalInSecs: 5, DurationInSecs: 15}
	p := start(t, f, eurekaclient.Config{Instance: in, FetchInterval: 5 * time.Second, Timeout: 2 * time.Second})
	require.NoError(t, p.Wait(t.Context()))
	time.Sleep(6 * time.Second) // the first fetch may have come before the registration
	return p, func() {
		t.Helper()
		synctest.Wait()
		st := p.Status()
		require.NoError(t, st.LeaseErr)
		require.NoError(t, st.FetchErr)
		require.NotNil(t, f.instance("ORDERS", ordersID))
		require.Empty(t, f.lost)
		require.Contains(t, p.Applications(), "ORDERS")
	}
}

func host(url string) string { return url[len("http://"):][:2] }

// TestServerInUseFails shows that one call is enough to find another server,
// whatever way the server in use fails.
func TestServerInUseFails(t *testing.T) {
	for _, way := range []string{"", "broken", "hangs", "not eureka"} {
		t.Run("state "+way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newCluster("a1", "a2", "a3")
				p, check := noCallFails(t, f)
				defer p.stop()
				for range 5 {
					used := host(p.Status().Server)
					posts := f.count("POST", "")
					f.set(way, used)
					for range 30 {
						time.Sleep(time.Second)
						check()
					}
					require.NotEqual(t, used, host(p.Status().Server))
					require.Equal(t, posts, f.count("POST", ""), "moving needs no registration")
					f.set("up", used)
				}
			})
		})
	}
}

func TestAllServersReplacedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		p, check := noCallFails(t, f)
		p.db.gone.Store(true) // the servers tell about themselves
		present := []string{"a1", "a2", "a3"}
		for _, next := range []string{"b1", "b2", "b3", "c1", "c2", "c3"} {
			f.set("up", next)
			present = append(present, next)
			f.announce(present[1:]...)
			for range 15 {
				time.Sleep(time.Second)
				check()
			}
			f.set("", present[0])
			present = present[1:]
			check()
		}
		require.Contains(t, present, host(p.Status().Server))
		p.stop()
		require.Nil(t, f.instance("ORDERS", ordersID))
	})
}

// TestSomethingElseAtTheAddress: who takes no PUT at all is no Eureka server, and
// no reason to give the lease up.
func TestSomethingElseAtTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		p := start(t, f, eurekaclient.Config{Instance: orders(), NoFetch: true})
		defer p.stop()
		require.NoError(t, p.Wait(t.Context()))
		f.set("not eureka", host(p.Status().Server))
		time.Sleep(34 * time.Second)
		require.NoError(t, p.Status().LeaseErr)
		require.Less(t, time.Since(p.Status().Renewed), 10*time.Second)
	})
}

// TestASilentServerDoesNotKeepTheGoodbye: the lease is cancelled at another
// server, within Goodbye, when the one of the session hangs.
func TestASilentServerDoesNotKeepTheGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		p := start(t, f, eurekaclient.Config{Instance: orders()})
		require.NoError(t, p.Wait(t.Context()))
		f.set("hangs", host(p.Status().Server))
		began := time.Now()
		p.stop()
		require.Nil(t, f.instance("ORDERS", ordersID))
		require.Less(t, time.Since(began), 5*time.Second)
	})
}

// TestALeavingServerIsLeftBeforeItCloses: who is no longer on the list is not
// called again, though it still answers.
func TestALeavingServerIsLeftBeforeItCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		p, check := noCallFails(t, f)
		defer p.stop()
		used := host(p.Status().Server)
		var rest []string
		for _, h := range []string{"a1", "a2", "a3"} {
			if h != used {
				rest = append(rest, h)
			}
		}
		f.announce(rest...)
		time.Sleep(18 * time.Second) // a refresh of the list and a beat
		check()
		require.NotEqual(t, used, host(p.Status().Server))
	})
}

func TestDatabaseGoneForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		p, check := noCallFails(t, f)
		defer p.stop()
		p.db.gone.Store(true)
		for i := range 600 {
			time.Sleep(time.Second)
			if i == 300 { // and the servers do not rest meanwhile
				f.set("", "a1")
				f.set("up", "b1")
				f.announce("a2", "a3", "b1")
			}
			check()
		}
		p.db.gone.Store(false)
		time.Sleep(time.Minute)
		check()
		require.Equal(t, 1, f.count("POST", ""))
	})
}

// TestEverybodyGoneForAMinute: then no client can renew, but it is back within
// seconds after a server is.
func TestEverybodyGoneForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2")
		p, check := noCallFails(t, f)
		defer p.stop()
		f.set("", "a1", "a2")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Error(t, p.Status().LeaseErr)
		require.Error(t, p.Status().FetchErr)
		require.Len(t, p.Instances("ORDERS"), 1, "the last copy stays")
		f.forget("ORDERS", ordersID)
		f.set("up", "a2")
		time.Sleep(10 * time.Second)
		f.lost = nil
		check()
	})
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		p, check := noCallFails(t, f)
		defer p.stop()
		used := map[string]bool{}
		for range 120 {
			time.Sleep(30 * time.Second)
			check()
			used[p.Status().Server] = true
		}
		require.Len(t, used, 3, "load evens out with time")
	})
}
