package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func (p *program) serveCommand() *cobra.Command {
	return with(&cobra.Command{
		Use:   "serve",
		Short: "Run a registry server",
		Long: "Run a registry server. Give every server the same database URL; they find each other.\n\n" +
			"  zonekeeper serve --db-url postgres://user:password@db/zonekeeper\n\n" +
			"Every option is also an environment variable (ZONEKEEPER_...) and a key of the file that --config names;\n" +
			"docs/configuration.md lists them all.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context()) },
	}, onServe|onAny)
}

func (p *program) serve(ctx context.Context) error {
	cfg := p.config
	listener, err := listenOn(ctx, cfg.HTTP.Listen, "--http-listen")
	if err != nil {
		return err
	}
	defer listener.Close()
	cfg = p.complete(cfg, listener.Addr())
	if err := cfg.knowsSomebody(); err != nil {
		return err
	}

	deps := Deps{Listener: listener, Hurry: p.again, Log: p.log}
	if cfg.Database.URL != "" {
		// The pool outlives the signal to stop: the server says goodbye through it.
		db, err := openDatabase(context.WithoutCancel(ctx), cfg, p.log)
		if err != nil {
			return err
		}
		defer db.Close()
		deps.Store, deps.Intent, deps.Prepare = db.store, db.intents(), db.prepare(cfg.Database.Migrate)
	}
	app, err := New(cfg, deps)
	if err != nil {
		return err
	}
	go tuneGC(ctx, p.environ)
	go p.readAgain(ctx)
	p.log.Info("starting", "version", version(), "listen", listener.Addr().String(), "url", cfg.AdvertiseURL, "cluster", cfg.Cluster,
		"zone", cfg.Zone, "database", redacted(cfg.Database.URL))
	p.warnIfOpen(listener.Addr(), cfg)
	return app.Run(ctx)
}

// knowsSomebody refuses a complete configuration with which no other server could ever be found.
func (c Config) knowsSomebody() error {
	if c.Database.URL != "" || len(c.Peer.Seeds) > 0 || hasList(c) {
		return nil
	}
	return usageError{"nothing says where the other servers are: set --db-url (ZONEKEEPER_DB_URL, DATABASE_URL or libpq's PG* variables), " +
		"or --peer-seeds; there is no list from an earlier run either"}
}

// complete fills what follows from the machine: the address to tell others, and where the list is kept.
func (p *program) complete(cfg Config, listener net.Addr) Config {
	if cfg.AdvertiseURL == "" {
		cfg.AdvertiseURL = advertiseURL(listener, cfg.Database.URL)
	}
	if cfg.DataDir != "" {
		return cfg
	}
	if cfg.DataDir = defaultDataDir(); cfg.DataDir == "" {
		p.log.Warn("there is no directory for the list of servers (no HOME): this server cannot start while the database is away; set --data-dir")
	}
	return cfg
}

// warnIfOpen says once what an open door means.
func (p *program) warnIfOpen(addr net.Addr, cfg Config) {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil || isLoopback(host) {
		return
	}
	p.log.Warn("whoever reaches this address can register, read and remove instances: it asks for no credentials", "listen", addr.String())
	if cfg.Peer.ReplicationAuth == "" {
		p.log.Warn("replication batches of Java Eureka servers are taken from anybody, as Eureka does; --peer-replication-auth changes that")
	}
}

// listenOn opens the one port. That it is taken is said in one line that names it and the flag that chooses another.
func listenOn(ctx context.Context, address, flag string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another process: stop it, or choose another with %s", portOf(address), flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be opened by this user: choose one above 1023 with %s", portOf(address), flag)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

func portOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if host == "" {
		return "port " + port
	}
	return "port " + port + " of " + strings.Trim(host, "[]")
}

// hasList reports whether an earlier run left a list of servers.
func hasList(cfg Config) bool {
	dir := cfg.stateDir()
	if dir == "" {
		return false
	}
	list, err := peerstore.NewDiskCache(dir).LoadList(cfg.Cluster, time.Now())
	return err == nil && len(list.Peers) > 0
}
