// Package localpg finds, fetches, starts and stops a PostgreSQL server on this machine, for "zonekeeper dev" and for tests.
//
// In this order: a URL that was given (nothing is started); installed server programs, also where distributions hide them; programs
// that github.com/fergusstrange/embedded-postgres fetches and checks, cached for the next time; else ErrNoPostgres, which says what to
// install.
//
// A started server listens on a free port of the loopback address only, behind a random password, and is a process group of its
// own, so that Ctrl-C reaches it through Stop and in Stop's order. It cannot outlive this process: Linux kills it with us, and on
// every Unix a watching shell does so when our end of a pipe closes, and removes what is temporary. PostgreSQL refuses to run as root;
// then it runs as "postgres" or "nobody", in directories that this user may enter.
package localpg
