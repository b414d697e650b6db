package peerstore

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ListConfig is what a List needs.
type ListConfig struct {
	// Store is where rows are read. Nil means that there is no database: the list lives on cache, seeds and announcements.
	Store Store
	// Cluster names the cluster. Required.
	Cluster string
	// Self is who we are now, usually Heartbeater.Self. It must not call the List. Required.
	Self func() Peer
	// Settings are the intervals; zero values take their defaults.
	Settings Settings
	// Prober asks peers who they are. Required.
	Prober Prober
	// Announcer introduces us to peers while we have no row. Nil means never.
	Announcer Announcer
	// Cache keeps the list on disk. Nil means nowhere.
	Cache *DiskCache
	// Seeds are URLs of servers to ask when neither database nor cache know anybody; what follows the port is ignored.
	Seeds []string
	// OnPause is called when the loop finds that it had not run for so long. Nil is fine.
	OnPause func(gap time.Duration)
	// Now is the clock, whose readings must be monotonic. Defaults to time.Now.
	Now func() time.Time
	// Rand is uniform in [0,1), for jitter, and safe for concurrent use. Defaults to math/rand/v2.Float64.
	Rand func() float64
	// Log defaults to discarding.
	Log *slog.Logger
	// Faults plants bugs for simulations. Only tests set it.
	Faults Faults
}

// Faults switch rules off, so that a simulation can show that it would notice their absence. Zero is healthy.
type Faults struct {
	NoGrace     bool // a declared outage excuses nobody
	NoPauseRule bool // verdicts at once after our own pause, time in which nothing was read counts as silence
	NoProbe     bool // a silent lease alone removes, whatever the probe says
	NoLastGood  bool // an empty answer replaces a full list
}

func (c ListConfig) withDefaults() ListConfig {
	c.Settings = c.Settings.WithDefaults()
	if c.OnPause == nil {
		c.OnPause = func(time.Duration) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = mathrand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A List is one observer's list of the servers of the cluster: the last good one, whatever happens to the database. All
// methods are safe for concurrent use; the readers never wait for the database or a peer.
type List struct {
	cfg       ListConfig
	published atomic.Pointer[lists]
	readNow   chan struct{} // the database may have news
	probeNow  chan struct{} // a probe would decide something
	saveNow   chan struct{} // what is on disk is old

	mu        sync.Mutex
	roster    *roster
	readError string // of the last read, empty after a good one
}

// lists is one immutable publication.
type lists struct {
	peers, serving, namesrvClients, namesrvBrokers []Peer

	changed chan struct{} // closed when another publication replaces this one
}

func (l *lists) equal(o *lists) bool {
	return slices.Equal(l.peers, o.peers) && slices.Equal(l.serving, o.serving) &&
		slices.Equal(l.namesrvClients, o.namesrvClients) && slices.Equal(l.namesrvBrokers, o.namesrvBrokers)
}

// NewList returns a List that remembers what cache and seeds tell, as addresses to ask, and does nothing until Run.
func NewList(cfg ListConfig) *List {
	cfg = cfg.withDefaults()
	l := &List{
		cfg: cfg, roster: newRoster(cfg.Cluster, cfg.Settings, cfg.Faults),
		readNow: make(chan struct{}, 1), probeNow: make(chan struct{}, 1), saveNow: make(chan struct{}, 1),
	}
	l.published.Store(&lists{changed: make(chan struct{})})
	l.remember()
	return l
}

// remember takes what the last run left on disk, and the seeds.
func (l *List) remember() {
	if l.cfg.Cache != nil {
		saved, err := l.cfg.Cache.LoadList(l.cfg.Cluster, l.cfg.Now())
		switch {
		case err == nil:
			l.roster.uuid, l.roster.timeline, l.roster.remembered = saved.ClusterUUID, saved.Timeline, true
			for _, p := range saved.Peers {
				l.roster.suggest(p.BaseURL(), p)
			}
		case !errors.Is(err, fs.ErrNotExist):
			l.cfg.Log.Warn("the list on disk is not used", "dir", l.cfg.Cache.Dir(), "err", err)
		}
	}
	for _, seed := range l.cfg.Seeds {
		l.roster.suggest(BaseURL(seed), Peer{})
	}
}

// Peers are the other servers to copy changes to: live in any phase, without ourselves. The slice is the caller's.
func (l *List) Peers() []Peer { return slices.Clone(l.published.Load().peers) }

// Serving are the servers that clients are told: serving and reachable, ourselves included. Once it had somebody it is never empty:
// the last server keeps itself. The slice is the caller's.
func (l *List) Serving() []Peer { return slices.Clone(l.published.Load().serving) }

// NamesrvClients are the name servers that RocketMQ's clients are told: serving and reachable, ourselves included, oldest first, one for
// each address. Once it had somebody it is never empty. The slice is the caller's.
func (l *List) NamesrvClients() []Peer { return slices.Clone(l.published.Load().namesrvClients) }

// NamesrvBrokers are the name servers that RocketMQ's brokers are told: joining, serving or draining, reachable by us or not, since
// brokers must have registered before clients come and stay until clients have left. Otherwise it is as NamesrvClients.
func (l *List) NamesrvBrokers() []Peer { return slices.Clone(l.published.Load().namesrvBrokers) }

// Changed is closed at the next change of any of the four lists: somebody comes, goes, or changes a phase or an address. Ask for it
// before reading the lists.
func (l *List) Changed() <-chan struct{} { return l.published.Load().changed }

// All is everybody we know of with the verdict on each, ourselves included, for people.
func (l *List) All() []Member {
	self := l.cfg.Self()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.roster.all(self, l.cfg.Now())
}

// View is the last view of the database that was accepted, and whether there was one. Its rows are shared: do not change them.
func (l *List) View() (View, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.roster.view, !l.roster.lastRead.IsZero()
}

// ClusterUUID is the identity of the cluster as far as it is known: from the database, else from the disk or a seed.
func (l *List) ClusterUUID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.roster.uuid
}

// Settled reports whether the list rests on something: the database was read, or without it there is a list from disk or seeds, and
// every other server's address on it was asked at least once. Before that, an empty list says nothing.
func (l *List) Settled() bool {
	self := l.cfg.Self()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.roster.settled(self)
}

// Heard tells that replication just heard the peer with this id, which counts as an answered probe.
func (l *List) Heard(id string) {
	l.mu.Lock()
	m, known := l.roster.members[id]
	news := known && !m.reachable()
	if known {
		m.right(l.cfg.Now())
	}
	l.mu.Unlock()
	if news {
		l.update(nil)
	}
}

// Doubt tells that replication just lost the peer with this id: it is probed at once.
func (l *List) Doubt(id string) {
	l.mu.Lock()
	m, known := l.roster.members[id]
	if known {
		m.doubted = true
	}
	l.mu.Unlock()
	if known {
		poke(l.probeNow)
	}
}

// Announce takes a newcomer's announcement whose call was verified to come from caller. The newcomer is listed as soon as it
// answers a probe at its address. Errors are ErrForeign, ErrBadAnnouncement and ErrTooMany.
func (l *List) Announce(caller Caller, a Announcement) (AnnounceAnswer, error) {
	self := l.cfg.Self()
	var err error
	l.update(func(r *roster, now time.Time) { err = r.announced(caller, a, self, now) })
	if err != nil {
		return AnnounceAnswer{}, err
	}
	return AnnounceAnswer{ClusterUUID: l.ClusterUUID(), Peers: append(l.Peers(), self)}, nil
}

// Refresh publishes the lists anew, as after a change of our own phase.
func (l *List) Refresh() { l.update(nil) }

// update changes the roster, judges, and publishes what follows.
func (l *List) update(change func(*roster, time.Time)) {
	self := l.cfg.Self()
	l.mu.Lock()
	defer l.mu.Unlock()
	now, uuid := l.cfg.Now(), l.roster.uuid
	if change != nil {
		change(l.roster, now)
	}
	if l.roster.uuid != uuid {
		poke(l.saveNow)
	}
	l.roster.judgeAll(now)
	l.publish(self, now)
	if l.roster.wantsProbe(self, l.cfg.Settings.Poll, now) {
		poke(l.probeNow)
	}
}

// publish replaces the lists when they differ. The lock is held.
func (l *List) publish(self Peer, now time.Time) {
	old := l.published.Load()
	peers := l.roster.peers(self)
	next := &lists{peers: peers, serving: l.roster.serving(self, peers, now), changed: make(chan struct{})}
	next.namesrvClients, next.namesrvBrokers = l.roster.nameServers(self, peers, now)
	if old.equal(next) {
		return
	}
	l.logChanges(old.peers, next.peers)
	l.published.Store(next)
	close(old.changed)
	poke(l.saveNow)
}

// logChanges says who came and who went, once each.
func (l *List) logChanges(old, next []Peer) {
	has := func(list []Peer, id string) bool {
		return slices.ContainsFunc(list, func(p Peer) bool { return p.ID == id })
	}
	for _, p := range next {
		if !has(old, p.ID) {
			l.cfg.Log.Info("peer listed", about(p)...)
		}
	}
	for _, p := range old {
		if !has(next, p.ID) {
			reason, level := l.roster.departure(p, next), slog.LevelWarn
			if reason == string(PhaseLeft) {
				level = slog.LevelInfo // it was stopped, and said so
			}
			l.cfg.Log.Log(context.Background(), level, "peer no longer listed", append(about(p), "reason", reason)...)
		}
	}
}

// about are the words for a peer in the log. The epoch of one without a row is its own invention and helps nobody.
func about(p Peer) []any {
	words := []any{"peer", p.ID}
	if !p.Unverified {
		words = append(words, "epoch", p.Epoch)
	}
	return append(words, "url", p.Addresses.Eureka)
}

// poke asks a loop to run soon; one request may be pending.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
