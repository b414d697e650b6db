package clientcfg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config tells a Client how to behave. The zero value works.
type Config struct {
	// Zone is the client's own; servers of it are preferred. Empty: all alike.
	Zone string
	// Cluster, if not empty, refuses lists that name another one. It matters
	// where addresses are used again, so that a remembered server may turn
	// into somebody else's.
	Cluster string
	// Interval is the time between two refreshes, spread by ±10 %. A Watcher
	// reports changes sooner. Defaults to 10 seconds.
	Interval time.Duration
	// Timeout bounds one refresh. Defaults to 15 seconds.
	Timeout time.Duration
	// RetryMin and RetryMax bound the pause after a failed refresh: a random
	// part of RetryMin, which doubles with each failure up to RetryMax. Default
	// to 500 milliseconds and 30 seconds.
	RetryMin, RetryMax time.Duration
	// Quarantine is how long a server reported by Failed comes last. Defaults
	// to 10 seconds.
	Quarantine time.Duration
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Rand draws the start of the round robin and all pauses. The Client locks
	// around it; nobody else may use it. Defaults to a randomly seeded one.
	Rand *rand.Rand
	// Log hears when the sources fail and when they are back. Defaults to
	// silence.
	Log *slog.Logger
}

// Client holds the list of servers: the last one that a source gave and that
// was not empty. All methods may be called from many goroutines, and before Run.
type Client struct {
	source Source
	cfg    Config
	hurry  chan struct{}
	asking chan struct{} // lets one caller at a time into the source
	unkept bool          // the source could not keep the list; of whoever asks

	mu        sync.Mutex
	list      ServerList
	namesrvs  []string // of the last list that had some
	selector  selector
	changed   chan struct{}
	ready     chan struct{}
	callbacks map[int]func(ServerList)
	lastID    int
	lastErr   error
	asOf      time.Time
}

// New returns a Client that knows nobody yet. It asks nobody before Run or
// Refresh is called.
func New(source Source, cfg Config) *Client {
	cfg.Interval = cmp.Or(max(cfg.Interval, 0), 10*time.Second)
	cfg.Timeout = cmp.Or(max(cfg.Timeout, 0), 15*time.Second)
	cfg.RetryMin = cmp.Or(max(cfg.RetryMin, 0), 500*time.Millisecond)
	cfg.RetryMax = max(cmp.Or(cfg.RetryMax, 30*time.Second), cfg.RetryMin)
	cfg.Quarantine = cmp.Or(max(cfg.Quarantine, 0), 10*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		source:    source,
		cfg:       cfg,
		hurry:     make(chan struct{}, 1),
		asking:    make(chan struct{}, 1),
		changed:   make(chan struct{}),
		ready:     make(chan struct{}),
		callbacks: make(map[int]func(ServerList)),
		lastErr:   errNotAsked,
	}
	c.selector = selector{zone: cfg.Zone, rest: cfg.Quarantine, draw: cfg.Rand.IntN}
	return c
}

var errNotAsked = errors.New("no source was asked yet")

// Servers returns the last good list; empty before the first.
func (c *Client) Servers() ServerList {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}

// DefaultZone returns the servers as a comma list, own zone first; "" before
// the first list.
func (c *Client) DefaultZone() string { return c.Servers().DefaultZone(c.cfg.Zone) }

// Namesrvs returns the RocketMQ name servers to use, as ServerList.Namesrvs,
// and never none after some: while the list names none, as between the moments
// in which all of them are restarted, those it named last. The slice is the
// caller's.
func (c *Client) Namesrvs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.namesrvs)
}

// NamesrvAddr returns Namesrvs joined by semicolons, as RocketMQ's namesrvAddr;
// "" before the first list that names some.
func (c *Client) NamesrvAddr() string { return strings.Join(c.Namesrvs(), ";") }

// Next returns the server to call now: round robin from a random start, own
// zone first, those that failed lately only when all did. The error wraps
// ErrNoServers and says why nobody is known.
func (c *Client) Next() (Server, error) {
	order, err := c.Attempts()
	if err != nil {
		return Server{}, err
	}
	return order[0], nil
}

// Attempts returns every server once, in the order in which one call should try
// them; the first is what Next would have returned.
func (c *Client) Attempts() ([]Server, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if order := c.selector.order(c.cfg.Now()); len(order) > 0 {
		return order, nil
	}
	return nil, fmt.Errorf("%w: %w", ErrNoServers, c.lastErr)
}

// Failed reports that a call to the server failed in a way that another server
// may not: it comes last for Config.Quarantine.
func (c *Client) Failed(s Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.selector.failed(s.URL, c.cfg.Now())
}

// Worked reports that the server answered, which ends its quarantine.
func (c *Client) Worked(s Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.selector.worked(s.URL)
}

// RefreshSoon asks Run to refresh now instead of at its next interval; for
// callers for whom all servers just failed. Asking often costs nothing more:
// there is at least RetryMin between two refreshes.
func (c *Client) RefreshSoon() {
	select {
	case c.hurry <- struct{}{}:
	default:
	}
}

// Wait blocks until there is a list or ctx ends.
func (c *Client) Wait(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		return fmt.Errorf("wait for a server list: %w (%w)", ctx.Err(), c.lastErr)
	}
}

// Status tells how good the list is: when a source last confirmed it (zero:
// never), and the error of the last refresh, nil if it worked.
func (c *Client) Status() (asOf time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asOf, c.lastErr
}
