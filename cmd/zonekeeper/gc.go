package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// While the heap is small, collecting it each time it has doubled costs a busy server some ten percent of its time and saves a few
// megabytes. So it may grow to gcFloor before that; beyond, the usual doubling applies.
const (
	gcFloor   = 128 << 20
	gcLeast   = 100
	gcMost    = 400 // an idle server stays below 30 MiB
	gcRefresh = 10 * time.Second
)

// gcPercent is the GOGC for a live heap of so many bytes.
func gcPercent(live uint64) int {
	if live == 0 {
		return gcMost
	}
	return int(min(max(gcFloor*100/live, gcLeast), gcMost))
}

// tuneGC follows the size of the heap until ctx ends. Whoever set GOGC knows better and is left alone.
func tuneGC(ctx context.Context, environ []string) {
	if lookup(environ, "GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(gcRefresh)
	defer tick.Stop()
	for {
		metrics.Read(live)
		debug.SetGCPercent(gcPercent(live[0].Value.Uint64()))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
