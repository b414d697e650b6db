package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// watch looks, all the time, at what a client that starts at this moment would find: the address server's list, and at
// each server on it the whole route, with every broker. A server that knows only some brokers would take the others away
// from every client that asks it.
type watch struct {
	w    *world
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	looks int
	wrong []string
	seen  map[string]bool // servers looked at
}

func (w *world) watch() *watch {
	ctx, cancel := context.WithCancel(w.ctx)
	g := &watch{w: w, stop: cancel, done: make(chan struct{}), seen: map[string]bool{}}
	brokers := slices.Clone(w.brokers)
	go func() {
		defer close(g.done)
		for ctx.Err() == nil {
			g.look(ctx, brokers)
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	w.t.Cleanup(func() { cancel(); <-g.done })
	return g
}

func (g *watch) look(ctx context.Context, brokers []*broker) {
	list, code := g.w.proxy.list(ctx, "nsaddr")
	if code == 0 { // a client asks again, too
		list, code = g.w.proxy.list(ctx, "nsaddr")
	}
	if len(list) == 0 {
		g.note(ctx, "the address server names nobody (HTTP %d)", code)
	}
	for _, addr := range list {
		r, known, err := routeOf(ctx, addr, steady)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			r, known, err = routeOf(ctx, addr, steady)
		}
		missing := slices.IndexFunc(brokers, func(b *broker) bool { return !r.has(b) })
		switch {
		case err != nil && !g.listed(ctx, addr):
			// It left between the two questions.
		case err != nil:
			g.note(ctx, "%v", err)
		case !known:
			g.note(ctx, "%s: no route", addr)
		case missing >= 0:
			g.note(ctx, "%s: %s is missing in %s", addr, brokers[missing], r)
		default:
			g.mu.Lock()
			g.looks++
			g.seen[addr] = true
			g.mu.Unlock()
		}
	}
}

func (g *watch) listed(ctx context.Context, addr string) bool {
	list, _ := g.w.proxy.list(ctx, "nsaddr")
	return slices.Contains(list, addr)
}

func (g *watch) note(ctx context.Context, format string, args ...any) {
	if ctx.Err() != nil {
		return // the end of the watch, not of a server
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.wrong) < 20 {
		g.wrong = append(g.wrong, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// check ends the watch; it returns how many whole routes were seen, at how many servers.
func (g *watch) check() (looks, servers int) {
	g.w.t.Helper()
	g.stop()
	<-g.done
	require.Empty(g.w.t, g.wrong, "a client that started then would have been misled")
	return g.looks, len(g.seen)
}
