// Package compat runs real Eureka clients, unmodified and of pinned versions,
// against three real Zonekeeper processes on loopback addresses.
//
// "make compat" in the repository's root builds the server and runs it all.
// Alone: ZONEKEEPER_BIN=…/zonekeeper go test -v . The package needs Go, Node
// with npm, Python 3 with venv, a JDK 17 with Maven, and PostgreSQL as
// peerstore/localpg finds it; it fails, and says what to install, when one is
// missing. Client libraries come through their ordinary package managers once
// and are kept in the user's cache directory.
//
// # What is asked of each client
//
// It registers, renews, and sees all the other clients' applications. Then each
// of the three servers is killed with SIGKILL, one after the other, and started
// again: whichever server a client talks to, it loses it at least once. It must
// renew at another within the time its own settings allow, and no server may
// lose its lease meanwhile. Clients that can learn new addresses then live
// through all servers being replaced by others at addresses that nobody told
// them. At last each is asked to stop, and must be gone from every server at
// once.
//
// The programs are in clients/; each reads COMPAT_SERVERS, COMPAT_APP,
// COMPAT_PORT, COMPAT_INTERVAL and COMPAT_LEASE (seconds), prints "sees" and the
// applications it sees, and stops on SIGTERM.
package compat
