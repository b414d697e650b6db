package rocketmq

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// brokersDie kills the brokers one after the other, each like a power cut: no name server may name it a second later. Then
// they come back.
func (w *world) brokersDie(master, old *broker) {
	w.t.Helper()
	w.dies(old)
	w.withoutOld()
	w.dies(master)

	began := time.Now()
	master.start(w)
	// A broker that is told one name server only is known to all.
	old.start(w, w.servers[len(w.servers)-1].addr())
	appeared := w.appearances(old)
	first, last := slices.MinFunc(appeared, time.Time.Compare), slices.MaxFunc(appeared, time.Time.Compare)
	w.saw("restart: %s, which was told of one name server only, is in the routes of all %d, of the last %s after the first",
		old, len(w.servers), short(last.Sub(first)))
	require.LessOrEqual(w.t, w.pulse.since(first)-w.pulse.since(last), gone, "a route was not shared in time")
	w.until(patience, fmt.Sprintf("%s is back everywhere", master), func() bool {
		return w.carried(only(master), master) && w.carried(steady, w.brokers...)
	})
	w.saw("restart: %s is back at all %d name servers %s after its start", master, len(w.servers), short(time.Since(began)))
	// Clients learn of it when they ask again, every 30 s. Until then Java clients use the other broker; the Go client may have asked
	// while there was no master at all, and then sends nothing.
	for _, lib := range libraries() {
		before := w.ledger.sentVia(lib.name)
		w.until(patience, lib.title+" sends to both brokers again", func() bool {
			sent := w.ledger.sentVia(lib.name)
			return sent[master.name] > before[master.name] && sent[old.name] > before[old.name]
		})
	}
}

// dies kills a broker and measures until when each name server names it.
func (w *world) dies(b *broker) {
	w.t.Helper()
	killed := time.Now()
	b.kill()
	took := make([]string, len(w.servers))
	for i, s := range w.servers {
		w.until(patience, fmt.Sprintf("%s is gone from %s", b, s), func() bool {
			r, known, err := routeOf(w.ctx, s.addr(), only(b))
			return err == nil && (!known || !r.has(b))
		})
		took[i] = short(time.Since(killed))
	}
	require.LessOrEqual(w.t, w.pulse.since(killed), gone, "%s was named too long after its death", b)
	w.saw("kill -9: %s is gone from all %d name servers after %s", b, len(w.servers), strings.Join(took, ", "))
}

// appearances returns when the broker was first seen in its topic's route, at each server.
func (w *world) appearances(b *broker) []time.Time {
	w.t.Helper()
	at := make([]time.Time, len(w.servers))
	var watchers sync.WaitGroup
	for i, s := range w.servers {
		watchers.Go(func() {
			for deadline := time.Now().Add(patience); time.Now().Before(deadline) && w.ctx.Err() == nil; w.sleep(10 * time.Millisecond) {
				if r, known, err := routeOf(w.ctx, s.addr(), only(b)); err == nil && known && r.has(b) {
					at[i] = time.Now()
					return
				}
			}
		})
	}
	watchers.Wait()
	for i, s := range w.servers {
		if at[i].IsZero() {
			w.explain()
			w.t.Fatalf("%s did not appear at %s within %s", b, s, patience)
		}
	}
	return at
}

// wipedPermission takes the write permission from a broker, kills all name servers and starts them again.
func (w *world) wipedPermission(b *broker) {
	w.t.Helper()
	perm := func(want int) func() bool {
		return func() bool {
			return w.everywhere(steady, func(r route, known bool) bool { return known && r.has(b) && r.perms[b.name] == want })
		}
	}
	w.admin.must("wipe write perm of broker["+b.name+"]", "wipeWritePerm", "-b", b.name)
	w.until(gone, "the broker's permission is 4 everywhere", perm(4))
	// It gets into the database behind the answer.
	w.until(patience, "the wipe is in the database, and in its audit", func() bool {
		return w.count("SELECT count(*) FROM wiped_brokers WHERE broker = $1", b.name) == 1 &&
			w.count("SELECT count(*) FROM admin_audit WHERE code = 205 AND what LIKE '%' || $1 || '%'", b.name) > 0
	})
	w.saw("wiped permission: topics why says: %s", w.why(steady, b.name))
	mark, before := len(w.ledger.failures()), w.ledger.count()
	for _, s := range w.servers {
		s.kill()
	}
	for _, s := range w.servers {
		w.launch(s)
	}
	began := time.Now()
	w.until(patience, "all brokers are back at all name servers", func() bool { return w.carried(steady, w.brokers...) })
	back := time.Since(began)
	require.True(w.t, perm(4)(), "the wiped permission came back")
	require.True(w.t, w.orderConfEverywhere(), "the order configuration is gone")
	w.sleep(brokerPoll + time.Second) // another registration of each broker
	require.True(w.t, perm(4)(), "the wiped permission came back with a registration")
	w.saw("wiped permission: all name servers were killed and started; %s later all brokers are back, %s still has permission 4, and the order topic its configuration; %d messages were sent meanwhile",
		short(back), b.name, w.ledger.count()-before)
	w.unhurt(mark)
	w.admin.must("add write perm of broker["+b.name+"]", "addWritePerm", "-b", b.name)
	w.until(gone, "the permission is 6 everywhere", perm(6))
}

// why returns what Zonekeeper's own command, which asks all servers, says about a broker whose permission was wiped.
func (w *world) why(topic, broker string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.ctx, w.binary, "topics", "why", topic, "--db-url", w.db.url, "--db-schema", w.db.schema, "--cluster", "rocketmq")
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, "topics why: %s", out)
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "addWritePerm -b "+broker) {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	w.t.Fatalf("topics why %s says nothing of a wiped %s:\n%s", topic, broker, out)
	return ""
}
