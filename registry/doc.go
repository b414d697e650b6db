// Package registry is the Eureka state of one server: which instances there are, how long their leases last, what changed
// lately. It knows no sockets, no SQL and no clock but the one it is given.
//
// # The life of an instance
//
// Register makes it visible and begins its lease; registering again renews the lease and, unless an older
// lastDirtyTimestamp comes, replaces the content. Renew keeps the lease. Cancel ends it and leaves a tombstone. Without
// renewals the lease runs out and Evict takes the instance out, silently. SetStatus puts an operator's word over what the
// client says about its status, ClearStatus takes it back.
//
// Readers take a Snapshot: full list, delta and hash code of one version, with their bodies ready in every format. A read
// that follows an answered write sees it. Instance looks at the live state.
//
// # What servers agree on
//
// Config.OnChange tells of every change by a client, whereupon another package sends Entry to our other servers; they
// Merge it. Three things are merged apart, each without regard to the order of arrival:
//
//   - the content, by Version: the greatest wins, and a cancel is a content too;
//   - the override, by its own counter;
//   - the lease: the latest renewal heard anywhere. Between servers only ages travel, never times of a clock.
//
// Digest tells whether two servers hold the same. Evictions are nobody else's business: every server has the same rule,
// and it is never deaf (see Hearing): before an instance goes, no listed server can have heard its client without our
// knowing. So a wrong verdict cannot spread, and heals with the next renewal.
//
// # How it is kept
//
// An instance is a record: a small header and its JSON text, which is what lists are put together from. 64 stripes, each
// with its lock, hold the records by id; leases lie in a table of their own. Writers put what clients should see into a
// list of changes, and the first reader after a change puts these into a sorted tree of segments. A segment keeps its
// compressed text until one of its records changes, and a body is the segments' in a row, some dozens of them to a memory that
// snapshots share. So a change costs the work on its own segment, and nearly nothing for the size of the whole.
//
// # Where it differs from Netflix/eureka on purpose
//
//   - A lease lasts one duration after the last renewal, not two (Config.LeaseFactor), and is counted in 64 bits.
//   - Overrides are kept by application and id, also one that equals the present status, and do not run out.
//   - A change of status by a renewal shows in delta and lists, as every other change does.
//   - A cancel is remembered among our own servers. A client's registration always overrules it.
//   - Self-preservation needs evidence that the fault is ours, keeps only what shares it, says so, and ends.
//   - versions__delta changes if and only if the delta does; vip queries are never stale.
//   - In a delta what is deleted stands after what is not.
//
// The sentence "Compat:" in a comment marks where upstream's behaviour is followed although it may surprise.
package registry
