package peerstore_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// seen is what one server tells people about another.
func seen(t *testing.T, by, whom *server) peerstore.Member {
	t.Helper()
	for _, m := range by.list.All() {
		if m.Addresses.Eureka == whom.url {
			return m
		}
	}
	t.Fatalf("%s does not know %s", by.name, whom.name)
	return peerstore.Member{}
}

// While the database is away nobody's row moves, so its last word must not be passed off as news.
func TestWhatIsSaidWhileTheDatabaseIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		servers := w.cluster(3)
		observer, victim := servers[0], servers[2]
		require.Equal(t, "live", seen(t, observer, victim).Verdict)
		require.Less(t, seen(t, observer, victim).Age, 7*time.Second)
		w.db.SetDown(true)
		victim.kill()
		w.within(3*time.Second, "said to be gone", func() bool { return seen(t, observer, victim).Verdict == "unreachable" })
		time.Sleep(time.Minute)
		gone, lives := seen(t, observer, victim), seen(t, observer, servers[1])
		require.True(t, gone.Listed, "nobody can know more than that it does not answer")
		require.Equal(t, "unreachable", gone.Verdict)
		require.Equal(t, "live", lives.Verdict)
		require.Greater(t, gone.Age, time.Minute)
		require.Greater(t, lives.Age, time.Minute, "its heartbeats are as old, as far as anybody saw")
		w.db.SetDown(false)
		w.within(10*time.Second, "seen again", func() bool { return seen(t, observer, servers[1]).Age < 5*time.Second })
	})
}

// logText is a log that may be read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// The log tells a goodbye from a loss, and gives the true reason of each.
func TestReasonsOfDepartures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logText
		w := newWorld(t)
		observer := w.start("observer", "http://10.0.0.9:8761/eureka/", func(_ *peerstore.HeartbeaterConfig, l *peerstore.ListConfig) {
			l.Log = slog.New(slog.NewTextHandler(&log, nil))
		})
		leaver, crashed := w.start("leaver", ""), w.start("crashed", "")
		w.within(10*time.Second, "listed", func() bool { return observer.lists(leaver.url) && observer.lists(crashed.url) })
		line := func(s *server, id string) string {
			for l := range strings.Lines(log.String()) {
				if strings.Contains(l, "no longer listed") && strings.Contains(l, id) {
					return l
				}
			}
			return ""
		}
		id := leaver.hb.Self().ID
		leaver.stop()
		w.within(5*time.Second, "left", func() bool { return line(leaver, id) != "" })
		require.Contains(t, line(leaver, id), "level=INFO")
		require.Contains(t, line(leaver, id), "reason=left")

		id = crashed.hb.Self().ID
		crashed.kill()
		next := w.start("next", crashed.url)
		w.within(10*time.Second, "replaced", func() bool { return line(crashed, id) != "" && observer.lists(next.url) })
		require.Contains(t, line(crashed, id), "level=WARN")
		require.Regexp(t, `reason=(superseded|"another incarnation)`, line(crashed, id))
		require.NotContains(t, log.String(), "epoch=-")
	})
}

// Who begins to serve shows at once what it holds: not the nothing of its registration until the next heartbeat.
func TestRowOfANewServerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.start("new", "", func(h *peerstore.HeartbeaterConfig, _ *peerstore.ListConfig) {
			h.Stats = func() peerstore.Stats { return peerstore.Stats{Instances: 7} }
		})
		time.Sleep(time.Second) // a heartbeat is three
		view, err := w.db.Rows(t.Context(), "test")
		require.NoError(t, err)
		require.Len(t, view.Rows, 1)
		require.Equal(t, peerstore.PhaseServing, view.Rows[0].Phase)
		require.Equal(t, 7, view.Rows[0].Stats.Instances, s.name)
	})
}
