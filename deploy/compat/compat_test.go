package compat

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// interval is how often clients renew and fetch, lease how long they may
	// be silent. Both are what a hasty user would set.
	interval = 2 * time.Second
	lease    = 20 * time.Second
	// patience bounds waiting for what depends on the machine: JVMs start,
	// servers start.
	patience = 90 * time.Second
	// limit bounds the whole, so that it ends before go test's own timeout and
	// cleans up after itself.
	limit = 12 * time.Minute
)

func TestRealClients(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	binary := zonekeeperBinary(t)
	clients := build(t, ctx)

	db := startDatabase(t, ctx)
	c := &cluster{t: t, binary: binary, db: db, dir: t.TempDir()}
	for range 3 {
		c.start(freePort(t))
	}
	c.ready(ctx)
	t.Logf("three servers: %s", strings.Join(c.urls(), ", "))

	for _, cl := range clients {
		cl.start(t, ctx, c.urls())
	}
	t.Cleanup(func() { summary(t, clients) })
	started := time.Now()

	everyone(t, ctx, clients, "is registered on every server", patience, func(cl *client) bool {
		if !c.all(ctx, cl.present) {
			return false
		}
		cl.registered = time.Since(started)
		return true
	})
	everyone(t, ctx, clients, "sees all the others", patience, func(cl *client) bool {
		for _, other := range clients {
			if !cl.sees(other.app()) {
				return false
			}
		}
		cl.sawAll = time.Since(started)
		return true
	})
	guard := c.guard(ctx, clients)

	everyone(t, ctx, clients, "renews", patience, renewedAfter(ctx, c, time.Now(), nil))
	for i := range c.servers {
		c.killAndRestart(ctx, i, clients)
	}

	staying := make([]*client, 0, len(clients))
	for _, cl := range clients {
		if cl.learns {
			staying = append(staying, cl)
			continue
		}
		guard.release(cl)
		leave(t, ctx, c, cl)
	}
	c.replaceAll(ctx, staying)
	for _, cl := range staying {
		guard.release(cl)
		leave(t, ctx, c, cl)
	}
	guard.check()
}

// killAndRestart kills one server and expects every client to renew at another
// within its time; then the server comes back at its address.
func (c *cluster) killAndRestart(ctx context.Context, i int, clients []*client) {
	s := c.servers[i]
	c.t.Logf("kill -9 server %d (%s)", i+1, s.url())
	c.kill(s)
	killed := time.Now()
	everyone(c.t, ctx, clients, "renews after kill -9", lease, renewedAfter(ctx, c, killed, func(cl *client, took time.Duration) {
		cl.moved = max(cl.moved, took)
	}))
	for _, cl := range clients {
		require.LessOrEqual(c.t, cl.moved, cl.moves, "%s: renewed elsewhere later than its settings allow", cl.name)
	}
	c.restart(i)
	c.ready(ctx)
}

// replaceAll takes every server away and puts another at a new address in its
// place, one by one, with time for a client to hear of the new one first.
func (c *cluster) replaceAll(ctx context.Context, clients []*client) {
	for i := range c.servers {
		next := c.start(freePort(c.t))
		c.ready(ctx)
		// A fetch, and a refresh of the clients' lists (5 s).
		pause(ctx, interval+8*time.Second)
		old := c.replace(i)
		c.t.Logf("server %d moves from %s to %s", i+1, old.url(), next.url())
		c.stop(old)
		everyone(c.t, ctx, clients, "renews after its servers moved", lease, renewedAfter(ctx, c, time.Now(), nil))
	}
	for _, cl := range clients {
		cl.followed = true
	}
}

// leave stops a client and expects it to be gone from every server before its
// lease could have run out.
func leave(t *testing.T, ctx context.Context, c *cluster, cl *client) {
	t.Helper()
	t.Logf("%s leaves", cl.name)
	from := time.Now()
	cl.terminate()
	everyone(t, ctx, []*client{cl}, "has left", lease/2, func(cl *client) bool {
		return !c.any(ctx, cl.present)
	})
	cl.left = time.Since(from)
	require.NoError(t, cl.wait(patience), "%s did not end well", cl.name)
}

// renewedAfter is a condition: some server holds a renewal that a client sent
// later than since. Renewals are copied within milliseconds, and their age is
// rounded, so what is less than 300 ms later proves nothing.
func renewedAfter(ctx context.Context, c *cluster, since time.Time, then func(*client, time.Duration)) func(*client) bool {
	return func(cl *client) bool {
		at, ok := c.renewal(ctx, cl)
		if !ok || at.Sub(since) < 300*time.Millisecond {
			return false
		}
		if then != nil {
			then(cl, at.Sub(since))
		}
		return true
	}
}

// everyone waits until the condition held once for each client.
func everyone(t *testing.T, ctx context.Context, clients []*client, what string, within time.Duration, holds func(*client) bool) {
	t.Helper()
	waiting := append([]*client(nil), clients...)
	for deadline := time.Now().Add(within); len(waiting) > 0; pause(ctx, 100*time.Millisecond) {
		var still []*client
		for _, cl := range waiting {
			if !holds(cl) {
				still = append(still, cl)
			}
		}
		waiting = still
		if len(waiting) > 0 && (time.Now().After(deadline) || ctx.Err() != nil) {
			for _, cl := range waiting {
				t.Errorf("%s: not so after %s: it %s\n%s", cl.name, within, what, cl.tail())
			}
			t.FailNow()
		}
	}
}

func summary(t *testing.T, clients []*client) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-34s %10s %10s %22s %10s %s\n", "client", "registered", "saw others", "renewed after kill -9", "left", "followed new addresses")
	for _, cl := range clients {
		follows := "does not"
		if cl.learns {
			follows = fmt.Sprint(cl.followed)
		}
		fmt.Fprintf(&b, "%-34s %10s %10s %22s %10s %s\n", cl.name, short(cl.registered), short(cl.sawAll),
			short(cl.moved)+" (of "+cl.moves.String()+")", short(cl.left), follows)
	}
	t.Logf("what was seen\n%s", b.String())
}

func short(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
