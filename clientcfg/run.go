package clientcfg

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run keeps the list fresh until ctx ends, and then returns ctx's error. It
// reports nothing else: a source that fails is asked again, for ever.
func (c *Client) Run(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; {
		err := c.Refresh(ctx)
		if err == nil {
			failures = 0
			c.rest(ctx, c.interval(), c.watch)
			continue
		}
		failures++
		c.rest(ctx, c.backoff(failures), nil)
	}
	return ctx.Err()
}

// Refresh asks the source once and takes its list if it is good. An error means
// that the list stayed as it was. It is for programs that need the list once;
// beside Run, which may be waiting in a watch, RefreshSoon is quicker.
func (c *Client) Refresh(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	err := c.take(asking, c.source.Servers)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	c.report(err)
	if err != nil {
		return fmt.Errorf("refresh the server list: %w", err)
	}
	return nil
}

// rest waits until the pause is over, ctx ends, or RefreshSoon was called, with
// RetryMin as the least. meanwhile, if not nil, runs as long.
func (c *Client) rest(ctx context.Context, pause time.Duration, meanwhile func(context.Context)) {
	resting, cancel := context.WithTimeout(ctx, pause)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if meanwhile != nil {
			meanwhile(resting)
		}
	}()
	sleep(resting, c.cfg.RetryMin)
	select {
	case <-resting.Done():
	case <-c.hurry:
	}
	cancel()
	<-done
}

// watch follows changes until ctx ends, if the source can. Its failures are not
// reported: the next refresh finds out whether anything is wrong.
func (c *Client) watch(ctx context.Context) {
	w, ok := c.source.(Watcher)
	if !ok {
		return
	}
	for failures := 0; ctx.Err() == nil; {
		err := c.take(ctx, func(ctx context.Context) (ServerList, error) {
			return w.Watch(ctx, c.Servers().ETag())
		})
		switch {
		case errors.Is(err, errCannotWatch):
			return
		case err != nil:
			failures++
			sleep(ctx, c.cfg.RetryMin+c.backoff(failures))
		default:
			failures = 0
			c.report(nil)
			// Whoever answers at once and without a change must not be asked
			// in a tight loop.
			sleep(ctx, c.cfg.RetryMin)
		}
	}
}

// take calls the source, one caller at a time, checks what it says and adopts
// it.
func (c *Client) take(ctx context.Context, ask func(context.Context) (ServerList, error)) error {
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l, err := ask(ctx)
	if err != nil {
		return err
	}
	if l, err = c.check(l); err != nil {
		return err
	}
	c.adopt(l)
	return nil
}

// check refuses lists that must not replace a good one.
func (c *Client) check(l ServerList) (ServerList, error) {
	l, err := l.Normalize()
	switch {
	case err != nil:
		return ServerList{}, err
	case l.Empty():
		return ServerList{}, ErrNoServers
	case c.cfg.Cluster != "" && l.Cluster != "" && l.Cluster != c.cfg.Cluster:
		return ServerList{}, fmt.Errorf("the list is that of cluster %q, not %q", l.Cluster, c.cfg.Cluster)
	}
	return l, nil
}

// report keeps the outcome of a refresh, and logs only when it turns.
func (c *Client) report(err error) {
	c.mu.Lock()
	before := c.lastErr
	c.lastErr = err
	known := len(c.list.Servers)
	c.mu.Unlock()
	wasGood := before == nil || errors.Is(before, errNotAsked)
	switch {
	case err != nil && wasGood:
		c.cfg.Log.Warn("server list not refreshed, keeping the last one", "servers", known, "err", err)
	case err == nil && !wasGood:
		c.cfg.Log.Info("server list refreshed again", "servers", known)
	}
}

// interval returns Config.Interval ± 10 %.
func (c *Client) interval() time.Duration {
	return c.cfg.Interval*9/10 + c.random(c.cfg.Interval/5)
}

// backoff returns the pause after so many failures in a row: full jitter, a
// random part of a bound that doubles.
func (c *Client) backoff(failures int) time.Duration {
	bound := c.cfg.RetryMin
	for ; failures > 1 && bound < c.cfg.RetryMax; failures-- {
		bound *= 2
	}
	return c.random(min(bound, c.cfg.RetryMax))
}

func (c *Client) random(below time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.cfg.Rand.Int64N(int64(below) + 1))
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
