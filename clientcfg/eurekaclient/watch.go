package eurekaclient

import (
	"context"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// watch is one subscriber to one application.
type watch struct {
	app     string
	updates chan []*eureka.Instance // holds at most the newest state
}

// Watch returns a channel that receives the instances of an application, of
// every status: their present state as soon as it is known, and the new one
// after each change that a caller of the application could notice. An empty
// slice says that there are none. A slow reader misses states but never the
// newest. The channel is closed when ctx ends.
func (c *Client) Watch(ctx context.Context, app string) <-chan []*eureka.Instance {
	w := &watch{app: eureka.UpperApp(app), updates: make(chan []*eureka.Instance, 1)}
	rc := &c.copy
	rc.mu.Lock()
	rc.watches[w] = true
	if rc.apps != nil {
		w.offer(rc.apps[w.app])
	}
	rc.mu.Unlock()
	context.AfterFunc(ctx, func() {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		delete(rc.watches, w)
		close(w.updates)
	})
	return w.updates
}

// offer puts a state in the place of one that was not read yet. The caller
// holds the copy's lock, so there is one offerer at a time.
func (w *watch) offer(instances []*eureka.Instance) {
	select {
	case <-w.updates:
	default:
	}
	w.updates <- instances
}
