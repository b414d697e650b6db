package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
)

func (p *program) devCommand() *cobra.Command {
	return with(&cobra.Command{
		Use:   "dev",
		Short: "Start a whole cluster on this machine, with its own PostgreSQL",
		Long: "Start a whole cluster on this machine: a PostgreSQL (installed, else fetched), and servers of Eureka and RocketMQ on\n" +
			"consecutive loopback ports. Ctrl-C ends all of it and leaves nothing behind.\n\n" +
			"  zonekeeper dev --nodes 3 --demo",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.dev(cmd.Context()) },
	}, onDev|onAny)
}

// readyTime bounds the start of the servers: with a database at hand they need a fraction of a second.
const readyTime = 60 * time.Second

// dev runs until ctx ends. What it starts it stops in reverse: sample clients, servers, database.
func (p *program) dev(ctx context.Context) (err error) {
	if err := p.config.Dev.portsDiffer(); err != nil {
		return err
	}
	// Ports first: that one is taken should be said before anything was started.
	listeners, err := p.devListeners(ctx, "server", p.config.Dev.BasePort, "--base-port")
	if err != nil {
		return err
	}
	defer closeAll(listeners) // again, when their servers did already
	var namesrv []net.Listener
	if p.config.Dev.NamesrvBasePort != 0 {
		if namesrv, err = p.devListeners(ctx, "name server", p.config.Dev.NamesrvBasePort, "--namesrv-base-port"); err != nil {
			return err
		}
		defer closeAll(namesrv)
	}

	postgres, err := localpg.Start(ctx, localpg.Config{
		URL: p.config.Database.URL, DataDir: p.config.Dev.Data, Progress: p.progress, Log: p.log,
	})
	switch {
	case ctx.Err() != nil && err != nil: // whatever was under way broke, as it was told to
		return p.stopping()
	case errors.Is(err, localpg.ErrNoPostgres):
		return usageError{err.Error() + " with --db-url"}
	case errors.Is(err, localpg.ErrForeign):
		return usageError{err.Error() + " with --data"}
	case errors.Is(err, localpg.ErrInUse):
		return fmt.Errorf("%w with --data", err)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()

	cfg := p.config
	cfg.Database.URL = postgres.URL()
	db, err := openDatabase(context.WithoutCancel(ctx), cfg, p.log)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.migrate(ctx); err != nil {
		if ctx.Err() != nil {
			return p.stopping()
		}
		return asked("prepare the database", err)
	}

	apps, err := p.devServers(cfg, db, listeners, namesrv)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, len(apps)+1)
	var servers sync.WaitGroup
	servers.Go(func() {
		select {
		case <-postgres.Done():
			p.level.Set(slog.LevelError) // what the servers have to say of it is not news
			ended <- errPostgresGone
		case <-running.Done():
		}
	})
	for _, a := range apps {
		servers.Go(func() { ended <- a.Run(running) })
	}
	defer func() {
		stop()
		servers.Wait()
	}()
	err = p.awaitReady(ctx, apps, ended)
	switch {
	case ctx.Err() != nil:
		return p.stopping()
	case err != nil:
		return err
	}
	if err := p.welcome(apps, postgres); err != nil {
		return err
	}

	if p.config.Dev.Demo {
		finish, err := p.demo(ctx, apps)
		if err != nil {
			return err
		}
		defer finish()
	}
	select {
	case <-ctx.Done():
		return p.stopping()
	case err := <-ended:
		return err
	}
}

// errPostgresGone ends dev. Its servers could go on without a database, but nothing would bring this one back.
var errPostgresGone = errors.New("the PostgreSQL that dev started has ended, and dev with it")

// stopping answers a Ctrl-C, which ends well whenever it comes.
func (p *program) stopping() error {
	fmt.Fprintln(p.stderr, "Stopping.")
	p.level.Set(slog.LevelError) // servers that see each other go have nothing to say
	return nil
}

// portsDiffer refuses servers and name servers that are to share ports.
func (c DevConfig) portsDiffer() error {
	apart := c.BasePort - c.NamesrvBasePort
	if c.NamesrvBasePort == 0 || apart >= c.Nodes || -apart >= c.Nodes {
		return nil
	}
	return usageError{fmt.Sprintf("--base-port %d and --namesrv-base-port %d overlap: each takes %s; choose them further apart", c.BasePort, c.NamesrvBasePort, many(c.Nodes, "port", "ports"))}
}

// devListeners opens consecutive loopback ports, one for each server.
func (p *program) devListeners(ctx context.Context, what string, base int, flag string) ([]net.Listener, error) {
	var all []net.Listener
	for i := range p.config.Dev.Nodes {
		l, err := listenOn(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(base+i)), flag)
		if err != nil {
			closeAll(all)
			return nil, fmt.Errorf("%s %d of %d: %w", what, i+1, p.config.Dev.Nodes, err)
		}
		all = append(all, l)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// devServers makes one App per listener. They share a process, and nothing else but the database.
func (p *program) devServers(cfg Config, db *database, listeners, namesrv []net.Listener) ([]*App, error) {
	cfg.Drain, cfg.Eureka.ColdWait, cfg.DataDir = 0, 0, "-"
	cfg.Namesrv.Drain, cfg.Namesrv.ColdWait = 0, 0
	var apps []*App
	for i, l := range listeners {
		cfg.AdvertiseURL = "http://" + l.Addr().String() + "/eureka/"
		said := db.intents()
		deps := Deps{Listener: l, Store: db.store, Intent: said, Words: said, Audit: said, Log: p.log.With("server", i+1)}
		if namesrv != nil {
			deps.Namesrv, cfg.Namesrv.Advertise = namesrv[i], namesrv[i].Addr().String()
		}
		app, err := New(cfg, deps)
		if err != nil {
			return nil, err
		}
		apps = append(apps, app)
	}
	return apps, nil
}

// awaitReady waits until every server serves and lists all the others.
func (p *program) awaitReady(ctx context.Context, apps []*App, ended <-chan error) error {
	began := time.Now()
	said := time.Duration(0)
	for tick := time.NewTicker(joinTick); ; {
		ready := 0
		for _, a := range apps {
			if a.phase() == peerstore.PhaseServing && len(a.list.Serving()) >= len(apps) && a.namesrvComplete(len(apps)) {
				ready++
			}
		}
		if ready == len(apps) {
			tick.Stop()
			return nil
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case err := <-ended:
			tick.Stop()
			return fmt.Errorf("ended while starting: %w", err)
		case <-tick.C:
		}
		waited := time.Since(began)
		if waited-said >= time.Second {
			said = waited
			p.progress(fmt.Sprintf("%d of %d servers are ready", ready, len(apps)))
		}
		if waited > readyTime {
			tick.Stop()
			return fmt.Errorf("only %d of %d servers became ready within %s", ready, len(apps), readyTime)
		}
	}
}

// progress is a line about something that takes longer than a second.
func (p *program) progress(doing string) { fmt.Fprintf(p.stderr, "… %s\n", doing) }
