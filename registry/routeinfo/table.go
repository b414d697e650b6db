package routeinfo

import (
	"hash/maphash"
	"sync"
	"time"
)

// Limits of what a table keeps, beyond those of one registration (remoting.MaxName and the like). Whoever would go over
// them is refused. Those of one broker are such that what carries it to other servers (replication) has room for it.
const (
	MaxBrokers        = 10_000    // addresses
	MaxTopics         = 1_000_000 // names
	MaxBrokerTopics   = 262_144   // names that one broker has
	MaxBrokerMappings = 250_000   // static topics and the queues that they name, of one broker
	MaxBrokerNames    = 12 << 20  // bytes of the names of one broker's topics, filter servers and static topics together
	MaxWords          = 100_000   // keys, wipes and deletions, those taken back too
	MaxWordBytes      = 64 << 20  // of names and values of all words
)

// limits are these, or less in tests.
type limits struct{ brokers, topics, brokerTopics, brokerMappings, brokerNames, words, wordBytes int }

const defaultTimeout = 120 * time.Second // apache/rocketmq RouteInfoManager.java: DEFAULT_BROKER_CHANNEL_EXPIRED_TIME

// Table is the route state of one server. All methods may be called at the same time.
type Table struct {
	cfg    Config
	seed   maphash.Seed
	limits limits

	mu      sync.RWMutex
	options Options
	self    string
	epoch   int64
	frozen  bool
	quiet   bool // what changes now is nobody's news

	topics  map[string]*topic
	shapes  shapes
	brokers map[BrokerKey]*broker
	groups  map[groupKey]*group
	byConn  map[ConnID]map[*broker]struct{}
	deaths  map[BrokerKey]time.Time // of brokers that are not here: when the last server that we hear saw them go
	peers   map[string]*peer
	mapped  map[string]int      // how many sources tell of a static topic's mapping
	buried  map[*topic]struct{} // topics with a deletion in force
	words   words
	feed    feed
	notices notices
	lists   lists

	digest digest

	lastNumber uint32 // of brokers
	// gen counts changes of groups and options, on which any encoded answer may depend; version counts all changes that
	// clients might see.
	gen, version uint64
}

// New returns an empty table. It starts nothing: time comes in with each call, and Expire is the caller's to repeat.
func New(cfg Config) *Table {
	cfg = cfg.withDefaults()
	return &Table{
		cfg: cfg, seed: maphash.MakeSeed(), limits: limits{MaxBrokers, MaxTopics, MaxBrokerTopics, MaxBrokerMappings, MaxBrokerNames, MaxWords, MaxWordBytes},
		options: cfg.Options, self: cfg.Self, epoch: cfg.Epoch,
		topics:  make(map[string]*topic),
		shapes:  newShapes(),
		brokers: make(map[BrokerKey]*broker),
		groups:  make(map[groupKey]*group),
		byConn:  make(map[ConnID]map[*broker]struct{}),
		deaths:  make(map[BrokerKey]time.Time),
		peers:   make(map[string]*peer),
		mapped:  make(map[string]int),
		buried:  make(map[*topic]struct{}),
		words:   newWords(),
		feed:    newFeed(cfg.Feed),
		notices: newNotices(),

		gen: 1, version: 1,
	}
}

// SetEpoch sets the number of this incarnation, once it is known or when it has changed.
func (t *Table) SetEpoch(epoch int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch = epoch
}

// SetSelf sets this server's own peer id, once it is known.
func (t *Table) SetSelf(peer string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.self = peer
}

// SetOptions changes the switches; the next answers follow them.
func (t *Table) SetOptions(o Options) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o == t.options {
		return
	}
	t.options = o
	t.reread("")
	for key := range t.words.kv[orderNamespace].byKey() {
		t.classify(key)
	}
	t.regroup()
}

// Options are the switches in force.
func (t *Table) Options() Options {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.options
}

// Freeze keeps everything that is here: nothing expires, closed connections mean nothing. A server that has left the
// brokers' list still answers late lookups in full that way. What brokers and other servers say goes on counting.
func (t *Table) Freeze(frozen bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frozen = frozen
}

// regroup makes every encoded answer stale.
func (t *Table) regroup() {
	t.gen++
	t.version++
}

const permWrite = 2 // apache/rocketmq PermName.java: PERM_WRITE
