package routeinfo

import (
	"log/slog"
	"math/rand/v2"
)

// Options are the switches of a name server that bear on its routes, under the meaning and the defaults that
// apache/rocketmq NamesrvConfig.java gives them (ReturnOrderTopicConfig is true there, all others false).
type Options struct {
	OrderMessage                bool // orderMessageEnable: routes carry a topic's order configuration
	ReturnOrderTopicConfig      bool // returnOrderTopicConfigToBroker: answers to registrations carry all of it
	SupportActingMaster         bool // supportActingMaster: the lowest broker of a group without master stands in under id 0
	NotifyMinBrokerIDChanged    bool // notifyMinBrokerIdChanged: brokers are told when the lowest id of their group changes
	DeleteTopicWithRegistration bool // deleteTopicWithBrokerRegistration: topics that a registration does not carry go
}

// DefaultOptions are upstream's.
func DefaultOptions() Options { return Options{ReturnOrderTopicConfig: true} }

// Config is what a table needs. The zero value works: a server alone.
type Config struct {
	// Options are all off by default; DefaultOptions are upstream's.
	Options Options
	// Self is this server's own peer id: nothing is inherited from it, whoever relays it. Callers that learn it late use
	// SetSelf.
	Self string
	// Epoch is the number of this incarnation in the order of all starts; it breaks ties between words. SetEpoch changes
	// it later.
	Epoch int64
	// Feed tells pullers of Since that this table began anew. Defaults to a random number.
	Feed uint64
	// OnWord is told of every word accepted here or merged from elsewhere, under the table's lock, in order. It must be
	// quick, must not block and must not call the table.
	OnWord func(Word)
	// Log defaults to none.
	Log *slog.Logger
	// Faults breaks rules on purpose, for simulations that must catch it.
	Faults Faults
}

// Faults are mistakes that a simulation plants to show that it would notice them. No option of the program sets them.
type Faults struct {
	NoFence         bool // a late unregistration or close removes a newer registration over another connection
	KeepUnheard     bool // a broker's death does not take along what servers that are not heard had said of it
	ForgetDeletions bool // deletions of topics hold until the next registration only
}

func (c Config) withDefaults() Config {
	if c.Feed == 0 {
		c.Feed = rand.Uint64() | 1 // never the 0 that pullers begin with
	}
	if c.OnWord == nil {
		c.OnWord = func(Word) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
