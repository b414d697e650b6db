package eurekaclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// request is one call, before it is known which server answers it.
type request struct {
	method string
	path   string // below the server's URL, escaped
	body   []byte
	// final says which statuses beside 2xx are an answer that no other server
	// would give differently.
	final func(status int) bool
	// read takes the body of a 2xx answer. Its error counts as a failure of the
	// server, as when something else answers at its address.
	read func(body []byte) error
}

// RefusedError is the answer of a server that understood and said no, as any
// other would.
type RefusedError struct {
	Method, URL string
	Status      int
	Reason      string // the start of the body
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// call sends the request to the server of the session, and from one server to
// the next until one answers. It returns the status: 2xx, or one that is final.
func (c *Client) call(ctx context.Context, r request) (status int, _ error) {
	order, err := c.session.order(c.cfg.Now(), c.cfg.Servers.Servers(), c.cfg.Servers.Attempts)
	if err != nil {
		c.cfg.Servers.RefreshSoon()
		return 0, err
	}
	var errs []error
	for _, server := range order {
		status, err := c.attempt(ctx, server, r)
		if err == nil {
			c.cfg.Servers.Worked(server)
			c.session.keep(server, c.cfg.Now(), func() time.Duration { return c.random.around(c.cfg.Session, 0.5) })
			return status, nil
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if refused, ok := errors.AsType[*RefusedError](err); ok && sameEverywhere(refused.Status) {
			return 0, err
		}
		errs = append(errs, err)
		c.cfg.Servers.Failed(server)
		c.session.drop(server)
	}
	c.cfg.Servers.RefreshSoon() // whom we know is gone: somebody else may be there
	return 0, errors.Join(errs...)
}

// sameEverywhere says whether a status judges the request rather than tells of
// the server's state. Not so 401, 403 (not ready yet), 404, 429 and all 3xx and
// 5xx: another server may answer otherwise.
func sameEverywhere(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return true
	}
	return false
}

// attempt sends the request to one server. Where ctx has an end, one silent
// server uses up half of what is left and leaves the rest for the others.
func (c *Client) attempt(ctx context.Context, server clientcfg.Server, r request) (status int, _ error) {
	timeout := c.cfg.Timeout
	if end, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, server.URL+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxBody+1))
	if err != nil {
		return 0, fmt.Errorf("read %s %s: %w", r.method, req.URL.Redacted(), err)
	}
	if int64(len(body)) > c.cfg.MaxBody {
		return 0, fmt.Errorf("%s %s answered more than %d bytes", r.method, req.URL.Redacted(), c.cfg.MaxBody)
	}
	good := resp.StatusCode/100 == 2
	switch {
	case good && r.read != nil:
		if err := r.read(body); err != nil {
			return 0, fmt.Errorf("%s %s: %w", r.method, req.URL.Redacted(), err)
		}
	case !good && (r.final == nil || !r.final(resp.StatusCode)):
		return 0, &RefusedError{r.method, req.URL.Redacted(), resp.StatusCode, string(body[:min(len(body), 200)])}
	}
	return resp.StatusCode, nil
}
