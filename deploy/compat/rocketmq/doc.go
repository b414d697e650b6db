// Package rocketmq runs real RocketMQ software, unmodified and of pinned
// versions, against three real Zonekeeper processes on loopback addresses: two
// 5.5.0 brokers (master and slave), a 4.9.7 broker, the Java clients of both
// releases, rocketmq-client-go 2.1.2, and every command of mqadmin 5.5.0 that
// talks to a name server.
//
// "make compat-rocketmq" in the repository's root builds the server and runs it
// all, in about ten minutes; with SHORT=yes in less than four. Alone:
// ZONEKEEPER_BIN=…/zonekeeper go test -v [-short] ./rocketmq in the folder
// above. It needs Go, a JDK 17 with Maven, PostgreSQL as peerstore/localpg finds
// it, and 3 GB of memory; it fails, and says what to install, when one is
// missing. Maven brings the software once and it is kept in the user's cache
// directory.
//
// # What is asked
//
// One test is one story, because brokers take long to start, and each scenario
// prints what it saw in a line:
//
//   - Brokers that know nothing but the address server find the only name server
//     and register; each client library produces, and gets what all produce.
//   - The name servers go from one to three and to two, the first one being the
//     one that goes, while everybody produces and consumes: no send fails, no
//     message is lost, no broker is restarted, and whoever asks any server on the
//     clients' list at any moment gets the whole route. Java and Go clients ask
//     for the list every 120 s and no setting changes that. The short run does
//     not wait for it but puts new clients in the place of the old ones.
//   - mqadmin's commands, each with the outcome that it was seen to have with the
//     Apache NameServer 5.5.0.
//   - An order topic, whose configuration a server that starts later has too.
//   - Brokers are killed: within a second no name server names them. They come
//     back; one of them is told of one name server only and is known to all.
//   - A broker's write permission is wiped and all name servers are killed: when
//     they are back, and the brokers with them, it is still wiped.
//   - At the end every message that was ever acknowledged has arrived.
//
// The programs that send and receive are in software/java and golang. The stable
// address of the address server is a TCP proxy that the test owns.
//
// Every process is in a group of its own that is killed at the end, by the
// kernel should the test be killed itself; data is removed, and logs are kept
// when the test fails.
package rocketmq
