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
	if err := cfg.portsDiffer(); err != nil {
		return err
	}
	listener, err := listenOn(ctx, cfg.HTTP.Listen, "--http-listen")
	if err != nil {
		return err
	}
	defer listener.Close()
	deps := Deps{Listener: listener, Hurry: p.again, Log: p.log}
	if err := cfg.Namesrv.usable(); err != nil {
		return err
	}
	if cfg.Namesrv.Listen != "" {
		if deps.Namesrv, err = listenOn(ctx, cfg.Namesrv.Listen, "--namesrv-listen"); err != nil {
			return err
		}
		defer deps.Namesrv.Close()
	}
	cfg = p.complete(cfg, listener.Addr())
	if deps.Namesrv != nil && cfg.Namesrv.Advertise == "" {
		cfg.Namesrv.Advertise = advertiseNamesrv(deps.Namesrv.Addr(), cfg.AdvertiseURL, cfg.Database.URL)
	}
	if err := cfg.knowsSomebody(); err != nil {
		return err
	}

	if cfg.Database.URL != "" {
		// The pool outlives the signal to stop: the server says goodbye through it.
		db, err := openDatabase(context.WithoutCancel(ctx), cfg, p.log)
		if err != nil {
			return err
		}
		defer db.Close()
		said := db.intents()
		deps.Store, deps.Prepare = db.store, db.prepare(cfg.Database.Migrate)
		deps.Intent, deps.Words, deps.Audit = said, said, said
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
	if deps.Namesrv != nil {
		p.sayNamesrv(deps.Namesrv.Addr(), cfg.Namesrv)
	}
	return app.Run(ctx)
}

// sayNamesrv says once what the name server does with what it was told, and who may change what it says.
func (p *program) sayNamesrv(addr net.Addr, c NamesrvConfig) {
	p.log.Info("name server", "listen", addr.String(), "address", c.Advertise, "tls", c.Settings.TLSServerMode)
	for _, w := range c.Warnings {
		p.log.Warn("a part of the configuration may not be meant", "what", w.String())
	}
	host, _, err := net.SplitHostPort(addr.String())
	switch allow := p.loaded.values["namesrv.admin-allow"]; {
	case c.Admin.Any:
		p.log.Warn("whoever reaches the name server can delete its topics and change its configuration: --namesrv-admin-allow is any")
	case err == nil && isLoopback(host):
	default:
		p.log.Info("who may change topics, permissions and configuration of the name server", "from", allow, "accessKeys", len(c.Admin.AccessKeys),
			"option", "--namesrv-admin-allow")
	}
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

// portsDiffer refuses two listeners of ours at one address: at the second of them the system would only say that it is taken.
func (c Config) portsDiffer() error {
	if c.Namesrv.Listen == "" {
		return nil
	}
	web, err := net.ResolveTCPAddr("tcp", c.HTTP.Listen)
	if err != nil {
		return nil // opening it says so, and with which option
	}
	namesrv, err := net.ResolveTCPAddr("tcp", c.Namesrv.Listen)
	if err != nil {
		return nil // likewise
	}
	every := func(a *net.TCPAddr) bool { return a.IP == nil || a.IP.IsUnspecified() } // of both families: net.Listen takes 0.0.0.0 for [::] too
	same := web.IP.Equal(namesrv.IP) && web.Zone == namesrv.Zone
	if web.Port == 0 || web.Port != namesrv.Port || !(every(web) || every(namesrv) || same) {
		return nil
	}
	return usageError{fmt.Sprintf("--http-listen (%s) and --namesrv-listen (%s) are the same port: HTTP and RocketMQ need one each", c.HTTP.Listen, c.Namesrv.Listen)}
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
