package eurekaclient

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Client is one registered instance, a copy of the registry, or both. All
// methods may be called from many goroutines, and before Run.
type Client struct {
	cfg     Config
	random  random
	session session
	lease   lease
	copy    registryCopy
}

// New checks the configuration and returns a Client that has done nothing yet.
func New(cfg Config) (*Client, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, random: random{r: cfg.Rand}}
	c.lease = lease{instance: cfg.Instance, dirty: true, poke: make(chan struct{}, 1), held: make(chan struct{})}
	c.copy = registryCopy{fetched: make(chan struct{}), watches: make(map[*watch]bool)}
	return c, nil
}

// Run registers, renews and fetches until ctx ends; then it cancels the lease
// and returns ctx's error. Trouble with servers never ends it. Call it once.
func (c *Client) Run(ctx context.Context) error {
	// Who starts together with its server list should not begin with an error.
	first, cancel := context.WithTimeout(ctx, 2*time.Second)
	_ = c.cfg.Servers.Wait(first)
	cancel()
	var loops sync.WaitGroup
	if c.cfg.Instance != nil {
		loops.Go(func() { c.keepLease(ctx) })
	}
	if !c.cfg.NoFetch {
		loops.Go(func() { c.keepCopy(ctx) })
	}
	<-ctx.Done()
	loops.Wait()
	return ctx.Err()
}

// Wait blocks until the instance is registered and the first copy is there, as
// far as the configuration asks for them, or until ctx ends; the error then says
// what came in its way.
func (c *Client) Wait(ctx context.Context) error {
	var waits []chan struct{}
	if c.cfg.Instance != nil {
		waits = append(waits, c.lease.held)
	}
	if !c.cfg.NoFetch {
		waits = append(waits, c.copy.fetched)
	}
	for _, w := range waits {
		select {
		case <-w:
		case <-ctx.Done():
			st := c.Status()
			return errors.Join(ctx.Err(), st.LeaseErr, st.FetchErr)
		}
	}
	return nil
}

// Status is how a Client fares. Errors are nil after something worked.
type Status struct {
	// Server is the URL of the server of this session, for people: a password
	// in it is hidden. "" between two.
	Server string
	// Renewed is when a server last confirmed the lease; zero: never.
	Renewed time.Time
	// LeaseErr is why the last registration or renewal failed.
	LeaseErr error
	// Fetched is when a server last confirmed the copy; zero: never.
	Fetched time.Time
	// FetchErr is why the last fetch failed.
	FetchErr error
}

// Status returns how the client fares.
func (c *Client) Status() Status {
	var st Status
	st.Server = c.session.url()
	st.Renewed, st.LeaseErr = c.lease.outcome.read()
	st.Fetched, st.FetchErr = c.copy.outcome.read()
	return st
}

// Instance returns a copy of what is registered, nil if nothing is.
func (c *Client) Instance() *eureka.Instance {
	if c.cfg.Instance == nil {
		return nil
	}
	return c.lease.snapshot()
}

// outcome is the end of the last try at something that is tried for ever.
type outcome struct {
	mu   sync.Mutex
	good time.Time
	err  error
}

// set keeps the end of a try and says whether it turned from good to bad or
// back, which is what is worth a line in a log.
func (o *outcome) set(now time.Time, err error) (turned bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	turned = (err == nil) != (o.err == nil)
	o.err = err
	if err == nil {
		o.good = now
	}
	return turned
}

func (o *outcome) read() (good time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.good, o.err
}

// random is a source of chance that several loops share.
type random struct {
	mu sync.Mutex
	r  *rand.Rand
}

// around returns d, spread evenly by ± part of it.
func (r *random) around(d time.Duration, part float64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(float64(d) * (1 - part + 2*part*r.r.Float64()))
}

// below returns a random part of d.
func (r *random) below(d time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(r.r.Int64N(int64(d) + 1))
}
