// Command zonekeeper is a service registry that Eureka clients use unchanged and that forms
// its own cluster: servers find each other through one PostgreSQL, and nothing else is told to them.
//
// main turns signals into a cancelled context and an error into an exit code; every command is a
// file of its own, app.go is the server, and options.go holds the one table from which flags, environment
// variables, file keys, help and reference are made.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, the same for every command.
const (
	exitOK     = 0
	exitFailed = 1 // the command was understood and did not succeed
	exitUsage  = 2 // a flag, an argument or the configuration is wrong: repeating will not help
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{
		args:    os.Args[1:],
		environ: os.Environ(),
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		again:   secondSignal,
		hangups: hangups,
	}
	code := p.run(ctx)
	stop()
	os.Exit(code)
}

// hangups returns a channel of SIGHUPs, which no longer end the process. Called by commands that have something to read again.
func hangups() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals
}

// secondSignal returns a channel that is closed when another signal to stop arrives: somebody is in a hurry.
// Called once the first one has been seen.
func secondSignal() <-chan struct{} {
	hurry := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		close(hurry)
	}()
	return hurry
}
