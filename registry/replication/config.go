package replication

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// Config is what a Replicator needs. Registry, Self, Peers, Changed, Signer and Transport are required.
type Config struct {
	// Registry is copied from and merged into.
	Registry *registry.Registry
	// Self is who this server is now; a new peer id (after the row was lost) makes every stream start anew.
	Self func() peerstore.Identity
	// Peers are the servers to copy to, without this one, usually List.Peers. These are the listed servers of every rule here.
	Peers func() []peerstore.Peer
	// Changed is closed at the next change of Peers, usually List.Changed.
	Changed func() <-chan struct{}
	// Heard is told the id of each peer that was just heard, usually List.Heard. Nil is fine.
	Heard func(peerID string)
	// Lost is told the id of each peer to which an open stream broke, usually List.Doubt. Nil is fine.
	Lost func(peerID string)
	// Signer signs calls to peers and our answers to theirs, and verifies the answers that come back. Calls that come in were
	// verified by whoever calls ServeStream and ServeVouch.
	Signer *peerstore.Signer
	// Transport sends requests to our own servers and to Java servers.
	Transport http.RoundTripper

	// Keepalive is how long a stream may be idle before an empty frame proves that it lives. Defaults to 5 seconds.
	Keepalive time.Duration
	// Silence is how old the last frame of a peer may be for the peer to count as heard. Defaults to 15 seconds.
	Silence time.Duration
	// DigestInterval is how often a stream carries the digest of everything. Defaults to 30 seconds.
	DigestInterval time.Duration
	// RenewalDelay is how long renewals gather before a batch leaves; content never waits. Defaults to 200 milliseconds.
	RenewalDelay time.Duration
	// CallTimeout bounds one call to a peer. Defaults to 4 seconds.
	CallTimeout time.Duration
	// Lease is how long a peer that left the list unheard still counts as unheard: the usual lease of an instance.
	// Defaults to 90 seconds.
	Lease time.Duration
	// MaxQueue bounds the instances that wait for one peer. Beyond it the stream starts anew, which copies what differs.
	// Defaults to 65,536.
	MaxQueue int

	// JavaPeers are base URLs of Eureka servers written in Java, as "http://user:pass@host:8761/eureka/". They get the
	// batches that such servers send to each other.
	JavaPeers []string

	// Now is the clock, in wall and monotonic time. Nil means time.Now.
	Now func() time.Time
	// Rand is uniform in [0,1), for jitter, and safe for concurrent use. Defaults to math/rand/v2.Float64.
	Rand func() float64
	// Log receives one line per change of a peer's state. Nil discards.
	Log *slog.Logger
	// Registerer takes the metrics of this package. Nil means none.
	Registerer prometheus.Registerer
	// Faults plants bugs for simulations; no option of the program sets it.
	Faults Faults
}

func (c *Config) setDefaults() error {
	switch {
	case c.Registry == nil:
		return errors.New("replication: Config.Registry is missing")
	case c.Self == nil, c.Peers == nil, c.Changed == nil:
		return errors.New("replication: Config.Self, Peers or Changed is missing")
	case c.Signer == nil:
		return errors.New("replication: Config.Signer is missing")
	case c.Transport == nil:
		return errors.New("replication: Config.Transport is missing")
	}
	for _, d := range []struct {
		name string
		d    *time.Duration
		def  time.Duration
	}{
		{"Keepalive", &c.Keepalive, 5 * time.Second},
		{"Silence", &c.Silence, 15 * time.Second},
		{"DigestInterval", &c.DigestInterval, 30 * time.Second},
		{"RenewalDelay", &c.RenewalDelay, 200 * time.Millisecond},
		{"CallTimeout", &c.CallTimeout, 4 * time.Second},
		{"Lease", &c.Lease, 90 * time.Second},
	} {
		if *d.d == 0 {
			*d.d = d.def
		}
		if *d.d < 0 {
			return fmt.Errorf("replication: Config.%s is %v, must be positive", d.name, *d.d)
		}
	}
	if c.Silence < 2*c.Keepalive {
		return fmt.Errorf("replication: Config.Silence %v must be at least twice Keepalive %v", c.Silence, c.Keepalive)
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 1 << 16
	}
	if c.MaxQueue < 0 {
		return fmt.Errorf("replication: Config.MaxQueue is %d, must be positive", c.MaxQueue)
	}
	for _, raw := range c.JavaPeers {
		if _, err := parseJavaPeer(raw); err != nil {
			return err
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// parseJavaPeer reads a base URL; errors show it without its password.
func parseJavaPeer(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("replication: a URL of Config.JavaPeers cannot be parsed")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("replication: Config.JavaPeers: %s is not an absolute http or https URL", u.Redacted())
	}
	return u, nil
}

// hostOf is the host name or address in a URL, "" if there is none.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
