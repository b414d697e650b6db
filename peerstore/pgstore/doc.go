// Package pgstore keeps the rows of servers in PostgreSQL: peerstore.Store on a pgx pool.
//
// Rules that hold for every call:
//
//   - It has a deadline of its own (Config.OpTimeout), whatever its context says and whatever the server's timeouts are: a commit that
//     waits for a synchronous standby obeys no statement_timeout.
//   - Time is the database's. No argument and no decision is this machine's clock.
//   - Nothing depends on session state: no prepared statements by name (Connect), no search_path, no session locks. So everything but
//     Watch works through a transaction pooler, and Watch says so (peerstore.ErrNoWatch).
//   - A server in recovery is refused: a standby lags, and shows every lease as run out. Its connections are dropped, because a pool
//     checks the role of a server only when it connects.
//   - Reads cannot starve writes: at most two connections of the pool read at a time, and Watch has one outside the pool.
//
// Errors say what is wrong and what helps (see Explain). They never contain a password.
package pgstore
