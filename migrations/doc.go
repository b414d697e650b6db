// Package migrations owns the database schema: numbered SQL files that goose applies, embedded in the binary.
//
// The files use unqualified names. The schema they land in is an argument of every function here, and becomes search_path for the
// length of each migration's transaction; the functions they create remember it (SET search_path FROM CURRENT). So two installations,
// or two tests, share a database without knowing of each other.
//
// Any number of servers may call Up at the same moment: one migrates, the others wait for it. Changes only expand: a schema serves
// the releases back to the version in its table schema_compat, so that servers are upgraded one by one. Down exists for tests and for
// the first minutes after a mistake.
//
// Roles are separate and optional (see Roles): a plain database URL works without them.
package migrations
