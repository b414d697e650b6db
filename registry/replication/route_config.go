package replication

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// RoutesConfig is what Routes need. Table, Self, Peers, Changed, Signer and Transport are required.
type RoutesConfig struct {
	// Table is told from and inherited into.
	Table *routeinfo.Table
	// Self is who this server is now, which Run tells the Table.
	Self func() peerstore.Identity
	// Peers are the other servers, usually List.Peers. Those that run a name server are asked: a NamesrvPhase that is living.
	Peers func() []peerstore.Peer
	// Changed is closed at the next change of Peers, usually List.Changed.
	Changed func() <-chan struct{}
	// Signer signs calls to peers and our answers to theirs, and verifies the answers that come back. Calls that come in were
	// verified by whoever calls Serve.
	Signer *peerstore.Signer
	// Transport sends requests to our own servers. It must wait longer than Keepalive for an answer.
	Transport http.RoundTripper

	// Keepalive is how long a peer holds its answer back while it has no news. At most 30 seconds. Defaults to 5 seconds.
	Keepalive time.Duration
	// Silence is how long a call may be without its whole answer before the peer counts as not heard. Defaults to 15 seconds.
	Silence time.Duration
	// RelayInterval is how often a copy is taken from some peer that is heard while another is not, so that what the other tells
	// only to that one stays here. Defaults to 30 seconds, a quarter of a broker's usual timeout.
	RelayInterval time.Duration
	// RenewalDelay is how long news that are nothing but renewals gather before an answer leaves. Defaults to 200 milliseconds.
	RenewalDelay time.Duration
	// MaxWaiting bounds the peers whose calls wait here for news. Defaults to 1,024; a cluster is far smaller.
	MaxWaiting int

	// Now is the clock, in wall and monotonic time. Nil means time.Now.
	Now func() time.Time
	// Rand is uniform in [0,1), for jitter, and safe for concurrent use. Defaults to math/rand/v2.Float64.
	Rand func() float64
	// Log receives one line per change of a peer's state. Nil discards.
	Log *slog.Logger
	// Registerer takes the metrics. Nil means none.
	Registerer prometheus.Registerer
	// Faults plants bugs for simulations; no option of the program sets it.
	Faults RouteFaults
}

// RouteFaults switch rules off, so that a test can show that it would notice their absence. Zero is healthy.
type RouteFaults struct {
	// Lossy drops half of the items of every answer that is no part of a full copy.
	Lossy bool
	// Trusting takes for granted that what was told arrived: a lasting difference is never copied anew.
	Trusting bool
}

func (c *RoutesConfig) setDefaults() error {
	switch {
	case c.Table == nil:
		return errors.New("replication: RoutesConfig.Table is missing")
	case c.Self == nil, c.Peers == nil, c.Changed == nil:
		return errors.New("replication: RoutesConfig.Self, Peers or Changed is missing")
	case c.Signer == nil:
		return errors.New("replication: RoutesConfig.Signer is missing")
	case c.Transport == nil:
		return errors.New("replication: RoutesConfig.Transport is missing")
	}
	for _, d := range []struct {
		name string
		d    *time.Duration
		def  time.Duration
	}{
		{"Keepalive", &c.Keepalive, 5 * time.Second},
		{"Silence", &c.Silence, 15 * time.Second},
		{"RelayInterval", &c.RelayInterval, 30 * time.Second},
		{"RenewalDelay", &c.RenewalDelay, 200 * time.Millisecond},
	} {
		if *d.d == 0 {
			*d.d = d.def
		}
		if *d.d < 0 {
			return fmt.Errorf("replication: RoutesConfig.%s is %v, must be positive", d.name, *d.d)
		}
	}
	switch {
	case c.Keepalive > maxRouteWait:
		return fmt.Errorf("replication: RoutesConfig.Keepalive is %v, limit %v", c.Keepalive, maxRouteWait)
	case c.Silence < 2*c.Keepalive:
		return fmt.Errorf("replication: RoutesConfig.Silence %v must be at least twice Keepalive %v", c.Silence, c.Keepalive)
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = 1024
	}
	if c.MaxWaiting < 0 {
		return fmt.Errorf("replication: RoutesConfig.MaxWaiting is %d, must be positive", c.MaxWaiting)
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
