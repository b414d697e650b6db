// Package peerstoretest helps to test whoever keeps or reads peer rows: Fake is a database in memory that breaks on command,
// Exercise the suite that every Store must pass, and Naive the evaluation that we do not use, as a control group: a test in
// which it does no harm has not injected its fault.
package peerstoretest
