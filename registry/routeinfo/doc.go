// Package routeinfo is the RocketMQ route state of one server: which brokers there are, which topics they have, and what an
// operator said about them. It knows no sockets, no SQL and no clock but the one it is given.
//
// # The life of a broker
//
// A broker is an address in a cluster. Register makes it known over its own connection, or refuses all of it; registering
// again renews it, and overwrites its topics when its data version is another one. Topics that a registration does not carry
// stay: brokers also register single topics, and long tables in pieces. Touch and QueryDataVersion renew it. It goes with
// Unregister, when the connection of its newest registration closes, when it is silent for longer than it said it would be,
// or when another address comes with its id.
//
// Brokers of the same cluster and name are a group: id 0 is its master, others are slaves. What clients see of a group is
// derived from its members whenever it is asked for, never stored: who has which id, whose topics count (those of the member
// with the lowest id), what is left of a permission, who stands in for a missing master.
//
// # What servers agree on
//
// A server that holds a broker over its own connection holds it directly, and tells all others at once: Since is the feed of
// what it holds directly, and Inherit mirrors the feed of another server, exactly. So a broker has a source for each server
// that holds it, and is here as long as it has one. All sources together make what clients see, and that does not depend on
// which of them came first. Of what they say differently, our own connection wins, then the newest data version.
//
// A source of another server expires a little later than it does there; once we do not hear that server any more
// (SetHeard) it expires as by its own timeout, two minutes after its last word at most, and it goes at once when the last
// server that is heard sees the broker go. What one server knows from others is in its full copies only, and counts only for
// servers that the receiver does not hear itself.
//
// Words of operators are registers: keys, wiped write permissions, deleted topics. The greatest version holds on all
// servers, and deletions add up; Config.OnWord hands every one to whoever makes it durable, MergeWord brings it back. Versions
// go by the clock as well as by what is known, so that words said before the stored ones were read win over them; until
// WordsRead is called a key or a wipe is taken back even if nobody here has heard of it. Digest is equal on servers that show
// the same.
//
// # How it is kept
//
// What is said of a topic is a set of rows: these sources of this broker tell of so many queues. Equal sets are one shape,
// and a topic is little more than a name and its shape. Encoded answers belong to the shape, since they do not name the
// topic, and are ready until the shape or a group changes. Only topics whose name matters have answers of their own: those
// with an order configuration, a static mapping, a deletion, and those by which brokers watch their own group.
//
// A feed has one place for each thing that is told, moved to the end by each change. A puller that has seen everything up to
// a number gets what stands behind it, so nothing is kept for pullers and none of them can be too slow.
//
// # Where it differs from Apache's NameServer on purpose
//
//   - A registration is checked before anything changes: what is refused leaves nothing behind.
//   - Groups are told apart by cluster and name. One answer shows a name once, as clients expect.
//   - A late goodbye, close or registration over an old connection does not undo a newer registration. All brokers of a
//     connection go with it. An address that was replaced is forgotten at once.
//   - Without a master, a group has the topics of its member with the lowest id, whatever its version, as soon as the master
//     is gone; upstream keeps what the master said last, and a slave's next registration adds to it. Whether a group may have
//     an acting master, and its zone, follow from all its members, not from whoever registered last.
//   - Wiped permissions hold until they are added again, which restores what the brokers registered. Deleted topics stay
//     deleted until the broker carries them under another data version.
//   - Static mappings go with their broker.
//
// The word "Compat:" in a comment marks where upstream's behaviour is followed although it may surprise.
package routeinfo
