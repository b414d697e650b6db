package clientcfg

import (
	"maps"
	"slices"
)

// Changed returns a channel that is closed when the list changes. Take the
// channel before reading the list, and a new one after each change.
func (c *Client) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// OnChange calls f with each new list from now on; what is known already is in
// Servers. A list is new when its servers are others or its name servers are,
// see ServerList.Equal. Calls come one at a time and in order from the
// goroutine that refreshes, which waits for f: a slow f delays refreshes, and f
// must not call Refresh. stop ends it; a call that is under way is not waited
// for.
func (c *Client) OnChange(f func(ServerList)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID++
	id := c.lastID
	c.callbacks[id] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.callbacks, id)
	}
}

// adopt takes a good list, tells the source what was taken, and tells the
// program if the list sends it to other places than the one before. Its caller
// holds the token of asking.
func (c *Client) adopt(l ServerList) {
	c.mu.Lock()
	c.asOf = c.cfg.Now()
	first := c.list.Empty()
	moved := first || !l.Equal(c.list)
	c.list = l
	if addrs := l.Namesrvs(); len(addrs) > 0 {
		c.namesrvs = addrs
	}
	c.selector.set(l, moved)
	var calls []func(ServerList)
	if moved {
		close(c.changed)
		c.changed = make(chan struct{})
		for _, id := range slices.Sorted(maps.Keys(c.callbacks)) {
			calls = append(calls, c.callbacks[id])
		}
	}
	if first {
		close(c.ready)
	}
	c.mu.Unlock()

	if k, ok := c.source.(Learner); ok {
		err := k.Learn(l)
		if err != nil && !c.unkept {
			c.cfg.Log.Warn("server list not kept for the next start", "err", err)
		} else if err == nil && c.unkept {
			c.cfg.Log.Info("server list kept again")
		}
		c.unkept = err != nil
	}
	for _, f := range calls {
		f(l)
	}
}
