// Package intent keeps operators' durable word: status overrides of instances; for RocketMQ the key-value configuration, wiped write
// permissions and deleted topics; and the record of who used which administration request.
//
// A request never waits for the database. The registry or the route table holds what was said and copies it to the other servers at
// once; a queue writes it behind, in the order in which words were given per key, and keeps what it could not write while the database
// is away. What was written is loaded once, before a server serves. What had to be given up is counted, and the log says so: it is in
// force, and lost when all servers restart.
//
// There are three queues of one kind. Queue and Words replace an older word that waits under the same key; Audit is append-only. An
// override is stored as last written. A Word has a version: only a newer one replaces what is stored, so every server may write every
// word it hears of, in any order.
package intent
