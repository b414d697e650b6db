package replication

import "sync/atomic"

// Totals count what happened since the start. They may be read at any time.
type Totals struct {
	EntriesSent      atomic.Uint64 // changes and parts of copies
	RenewalsSent     atomic.Uint64
	EntriesReceived  atomic.Uint64
	RenewalsReceived atomic.Uint64
	Streams          atomic.Uint64 // opened to peers
	Overflows        atomic.Uint64 // streams begun anew because a peer was too slow
	Refused          atomic.Uint64 // calls of peers that were malformed or out of order
	Oversized        atomic.Uint64 // instances too large to copy
	JavaItems        atomic.Uint64 // items sent to Java servers
	JavaDropped      atomic.Uint64 // of these, dropped: expired, overflowed, or refused for good
}
