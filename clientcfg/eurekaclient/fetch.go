package eurekaclient

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// deltaReach is how old a copy may be for a delta: servers keep changes for 180
// seconds by default (Netflix/eureka retentionTimeInMSInDeltaQueue). Older
// deltas would mostly fail the comparison of hash codes, but not surely: one
// instance gone and another come leave it as it was.
const deltaReach = 150 * time.Second

// keepCopy fetches until ctx ends.
func (c *Client) keepCopy(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		err := c.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := c.random.around(c.cfg.FetchInterval, 0.1)
		if err == nil {
			failures = 0
		} else {
			failures++
			pause = min(pause, c.backoff(failures))
		}
		if turned := c.copy.outcome.set(c.cfg.Now(), err); turned && err != nil {
			c.cfg.Log.Warn("registry not fetched, keeping the last copy", "err", err)
		} else if turned {
			c.cfg.Log.Info("registry fetched again")
		}
		wait(ctx, pause, nil)
	}
}

// fetch brings the copy up to date: by a delta if it is recent and the delta
// explains all there is, else by the full list.
func (c *Client) fetch(ctx context.Context) error {
	last, _ := c.copy.outcome.read()
	if !last.IsZero() && c.cfg.Now().Sub(last) < deltaReach {
		done, err := c.fetchDelta(ctx)
		if done || err != nil {
			return err
		}
	}
	var all *eureka.Applications
	_, err := c.call(ctx, request{method: http.MethodGet, path: "apps", read: into(&all)})
	if err != nil {
		return fmt.Errorf("fetch the registry: %w", err)
	}
	c.copy.replace(all)
	return nil
}

// into decodes the body of an answer.
func into(list **eureka.Applications) func(body []byte) error {
	return func(body []byte) (err error) {
		*list, err = eureka.DecodeApplications(body, eureka.JSON)
		return err
	}
}

// fetchDelta reports whether the copy is up to date. A server without deltas
// answers 403 or 404, and so does one that is not ready, but then the full
// fetch goes elsewhere.
func (c *Client) fetchDelta(ctx context.Context) (done bool, err error) {
	var delta *eureka.Applications
	_, err = c.call(ctx, request{
		method: http.MethodGet,
		path:   "apps/delta",
		final:  func(status int) bool { return status == http.StatusForbidden || status == http.StatusNotFound },
		read:   into(&delta),
	})
	if err != nil {
		return false, fmt.Errorf("fetch a delta: %w", err)
	}
	return delta != nil && c.copy.apply(delta), nil
}
