// Package namesrv is a RocketMQ name server over TCP: it accepts the connections of brokers, clients and tools, answers every request
// code of the reference, and watches over the connections that keep brokers alive. What is known about topics and brokers is
// routeinfo's; what the bytes mean is remoting's.
//
// # One connection
//
// Each connection is one goroutine that reads, answers and writes, in that order (conn.go). All frames that arrived together are
// answered before anything is written, so a client that pipelines sixteen queries costs one read and one write. As the goroutine that
// reads is the one that writes, a peer that does not take its answers is not read from either, and after the write deadline it is
// dropped. Nothing a peer can do makes a connection hold more than one frame in and one write out: buffers grow with the bytes that
// came, never by a promised length (inbox.go), all of them together stay below one budget, and when that is spent the half frame that
// was begun first is dropped (budget.go). Of requests that become more in memory than they are on the wire, a few are handled at a
// time, and hosts take turns (gate.go). A frame has to be complete some seconds after its first byte.
//
// Answers may overtake each other by the protocol; here they keep the order of the requests, which every peer can live with.
//
// # What a closed connection means
//
// The connection over which a broker registered is its life: when it closes, however it closes, the broker is gone at once
// (apache/rocketmq BrokerHousekeepingService.java). routeinfo decides which brokers those are; this package gives every connection a
// number that never comes again and reports its end exactly once. The one exception is our own leaving: connections that Serve
// closes because its context ended say nothing about brokers.
//
// # Who may change what
//
// The protocol has no authentication, so every stranger could delete topics (apache/rocketmq CVE-2023-33246 and CVE-2023-37582 began
// that way). Codes that change what operators own are guarded (admin.go): by network, or by the signature that RocketMQ's own clients
// make from an access key. Every use is told to Config.Audit, also the
// refused one, and those that follow it from the same host as a number once a minute (refusals.go).
//
// # Files
//
//   - server.go, config.go, connections.go: the package's surface. settings.go, settingkeys.go, properties.go: the reference's own
//     configuration file, key by key.
//   - accept.go, preamble.go, proxyprotocol.go, tls.go: from a socket to a connection.
//   - conn.go, inbox.go, budget.go, gate.go, answer.go, causes.go: the life of a connection, and its end.
//   - dispatch.go: the table of request codes; 100_put_kv_config.go and so on: one file a code, its header says what it does, since
//     when, and what is ignored.
//   - admin.go, signature.go, audit.go, refusals.go: who may.
//   - scan.go, notify.go, noticequeue.go: what happens without a request.
//   - metrics.go, notes.go: what is counted, and what is logged.
package namesrv
