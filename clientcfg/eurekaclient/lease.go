package eurekaclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// retryFirst and retryLast bound the pauses after failed beats and fetches.
const (
	retryFirst = 500 * time.Millisecond
	retryLast  = 5 * time.Second
)

// lease is what we registered, or are about to.
type lease struct {
	mu       sync.Mutex
	instance *eureka.Instance // never changed in place: replaced
	dirty    bool             // no server has accepted instance as it is now
	stamp    int64            // the last dirty timestamp drawn

	poke    chan struct{} // something changed: beat now
	held    chan struct{} // closed by the first registration
	sent    bool          // a registration left; only keepLease's goroutine asks
	outcome outcome
}

func (l *lease) snapshot() *eureka.Instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.instance.Clone()
}

// change replaces the instance, so that it is registered again with a fresh
// dirty timestamp.
func (l *lease) change(edit func(*eureka.Instance)) {
	l.mu.Lock()
	in := l.instance.Clone()
	edit(in)
	l.instance, l.dirty = in, true
	l.mu.Unlock()
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

// toRegister returns the instance with a fresh dirty timestamp: later than any
// before, whatever the clock says.
func (l *lease) toRegister(now time.Time) *eureka.Instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stamp = max(l.stamp+1, now.UnixMilli())
	in := l.instance.Clone()
	in.LastDirtyTimestamp = l.stamp
	l.instance, l.dirty = in, true
	return in
}

// accepted notes that a server took this registration. Whatever changed since
// is still dirty.
func (l *lease) accepted(in *eureka.Instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.instance == in {
		l.dirty = false
	}
}

// SetStatus registers another status: DOWN or OUT_OF_SERVICE take the instance
// out of traffic, UP puts it back. An operator's override at the servers wins.
func (c *Client) SetStatus(s eureka.Status) {
	if c.cfg.Instance != nil {
		c.lease.change(func(in *eureka.Instance) { in.Status = s })
	}
}

// SetMetadata registers other metadata. The Client copies m.
func (c *Client) SetMetadata(m eureka.Metadata) {
	if c.cfg.Instance != nil {
		c.lease.change(func(in *eureka.Instance) { in.Metadata = m.Clone() })
	}
}

// keepLease beats until ctx ends, then cancels.
func (c *Client) keepLease(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		err := c.beat(ctx)
		if ctx.Err() != nil {
			break
		}
		pause := c.random.around(c.cfg.Instance.LeaseInfo.RenewalInterval(), 0.1)
		if err == nil {
			failures = 0
		} else {
			failures++
			pause = min(pause, c.backoff(failures))
		}
		if turned := c.lease.outcome.set(c.cfg.Now(), err); turned && err != nil {
			c.cfg.Log.Warn("lease not renewed, trying on", "app", c.cfg.Instance.App, "instance", c.cfg.Instance.InstanceID, "err", err)
		} else if turned {
			c.cfg.Log.Info("lease renewed again", "app", c.cfg.Instance.App, "instance", c.cfg.Instance.InstanceID)
		}
		wait(ctx, pause, c.lease.poke)
	}
	c.cancel(context.WithoutCancel(ctx))
}

// beat registers if there is something to register, and renews otherwise. A
// server that does not know the lease, or knows it differently, gets a new
// registration at once.
func (c *Client) beat(ctx context.Context) error {
	c.lease.mu.Lock()
	in, dirty := c.lease.instance, c.lease.dirty
	c.lease.mu.Unlock()
	if dirty {
		return c.register(ctx)
	}
	q := url.Values{"status": {in.Status.String()}, "lastDirtyTimestamp": {strconv.FormatInt(in.LastDirtyTimestamp, 10)}}
	status, err := c.call(ctx, request{
		method: http.MethodPut,
		path:   leasePath(in) + "?" + q.Encode(),
		final: func(status int) bool {
			return status == http.StatusNotFound || status == http.StatusConflict
		},
	})
	if err != nil {
		return fmt.Errorf("renew %s/%s: %w", in.App, in.InstanceID, err)
	}
	if status == http.StatusNotFound || status == http.StatusConflict {
		return c.register(ctx)
	}
	return nil
}

func (c *Client) register(ctx context.Context) error {
	in := c.lease.toRegister(c.cfg.Now())
	c.lease.sent = true
	_, err := c.call(ctx, request{
		method: http.MethodPost,
		path:   "apps/" + url.PathEscape(in.App),
		body:   eureka.AppendInstanceDocument(nil, in, eureka.JSON, eureka.Live),
	})
	if err != nil {
		return fmt.Errorf("register %s/%s: %w", in.App, in.InstanceID, err)
	}
	c.lease.accepted(in)
	select {
	case <-c.lease.held:
	default:
		close(c.lease.held)
	}
	c.cfg.Log.Debug("registered", "app", in.App, "instance", in.InstanceID, "peer", c.session.url())
	return nil
}

// cancel ends the lease. A registration whose answer got lost may have arrived,
// so it goes out also when none was confirmed.
func (c *Client) cancel(ctx context.Context) {
	if !c.lease.sent {
		return
	}
	ctx, stop := context.WithTimeout(ctx, c.cfg.Goodbye)
	defer stop()
	in := c.lease.snapshot()
	_, err := c.call(ctx, request{
		method: http.MethodDelete,
		path:   leasePath(in),
		final:  func(status int) bool { return status == http.StatusNotFound },
	})
	if err != nil {
		c.cfg.Log.Warn("lease not cancelled, it will expire", "app", in.App, "instance", in.InstanceID, "err", err)
	}
}

func leasePath(in *eureka.Instance) string {
	return "apps/" + url.PathEscape(in.App) + "/" + url.PathEscape(in.ID())
}

// backoff returns the pause after so many failures in a row: full jitter, a
// random part of a bound that doubles.
func (c *Client) backoff(failures int) time.Duration {
	bound := retryFirst
	for ; failures > 1 && bound < retryLast; failures-- {
		bound *= 2
	}
	return c.random.below(min(bound, retryLast))
}

// wait returns after d, at the end of ctx, or when poked.
func wait(ctx context.Context, d time.Duration, poke <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-poke:
	}
}
