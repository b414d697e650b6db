// Package peerstore knows who the servers of the cluster are: through rows in one shared PostgreSQL while it is there, through each
// other while it is not. It imports the standard library only; the SQL is in peerstore/pgstore.
//
// # The life of a row
//
// Every start of a server is an incarnation with a random peer id. Its Heartbeater registers it, which inserts a row in phase
// joining, gives it the next epoch, and closes any older row with the same address. From then on the row has one writer: its
// owner refreshes it every 3 seconds and moves it to serving, draining and left. Others write it in three cases only: a newer
// incarnation at the same address supersedes it, an operator evicts it, and whoever tidies up closes it as expired after a minute
// of silence. A terminal row never comes back. A server that finds its row gone or closed registers again under a new id, except
// that an evicted one stays out for ten minutes, and a superseded one first asks its own address who answers there.
//
// # What "live" means
//
// The database's own judgement, "renewed within its TTL by the database's clock", is what newcomers start from. It must not be
// what a running server acts on: when the database was away for a minute it says that everybody is dead. So every List watches
// for itself how long a row has not moved, on its own monotonic clock, counting only time in which it was reading, and suspects a peer
// when its observation and the database's clock agree, or when it has watched for twice as long and other rows moved. A suspect is
// removed only when it does not answer at its address either. Explicit words (left, superseded, evicted) count at once.
// judge in liveness.go is the whole rule.
//
// Guards: a server that was paused, or could not read for a while, removes nobody for a TTL; so does one that finds a third of the
// live peers unreachable, for three. Who comes back after the database was away for everybody declares the outage, which
// excuses exactly the rows that were live when it began. A row that vanished is not a goodbye. An empty answer never replaces a
// list. No wall clock of any server is asked.
//
// # Four lists
//
// Peers are whom changes are copied to: live in any phase. Serving is what clients are told: serving, and reachable by this
// server's own probes or replication. A crashed server so leaves the second within three seconds, also while the database is away.
//
// The RocketMQ side of a server has an address and a phase of its own, which end no row and travel wherever the other does: in the
// row, in identities and announcements, on the disk. NamesrvClients is to it what Serving is to Eureka; NamesrvBrokers has whoever joins,
// serves or drains, reachable or not, because brokers must have registered before clients come and stay until clients have left.
//
// # Without the database
//
// Running servers go on: the list stays, and reachability follows the probes. A server that starts finds the last list and the
// cluster's secret in its data directory, asks the addresses on it who they are, and announces itself to them by a signed call; they
// take it as unverified until its row appears. Who knows neither list nor seeds waits.
package peerstore
