package main

import "time"

// option is one row of the table below: one thing that can be set, everywhere it can be set and all that is said
// about it. The key decides the rest: db.url is --db-url, ZONEKEEPER_DB_URL and `url` under `db` in the file.
type option struct {
	key     string
	group   string // heading in the reference
	scope   scope  // commands that take it
	preset  string // default, in the option's own syntax; "" is none
	help    string // one sentence, lower case, for --help
	more    string // what the reference adds
	reload  bool   // read again on SIGHUP; the others need a restart
	secret  bool   // never printed; ZONEKEEPER_..._FILE names a file that holds it
	flag    bool   // only a flag and an environment variable: it makes no sense in a file
	short   string // one-letter flag
	example string // shown in the example file when there is no default
	binding
}

// scope is the set of commands that take an option.
type scope uint

const (
	onServe   scope = 1 << iota // serve, and everything that looks at the server's configuration
	onDev                       // dev
	onDB                        // whatever may open the database: migrate, peers, zone
	onAsk                       // whatever asks a running cluster: peers, zone
	onPrint                     // whatever prints a result
	onAny                       // every command that can be configured at all
	allScopes = onServe | onDev | onDB | onAsk | onPrint | onAny
)

// Headings of the reference, in its order.
const (
	aboutDatabase = "Database"
	aboutCluster  = "Cluster"
	aboutHTTP     = "HTTP"
	aboutEureka   = "Eureka behaviour"
	aboutProcess  = "Process"
	aboutDev      = "Only `zonekeeper dev`"
	aboutCommands = "Operators' commands"
)

// options is the one table. Flags, environment, file, --help, docs/configuration.md, the example file and the checks are
// made from it, in its order; options_test.go fails when a generated text is stale.
var options = []option{
	{
		key: "db.url", group: aboutDatabase, scope: onServe | onDev | onDB, secret: true,
		example: "postgres://zonekeeper:secret@db1,db2/zonekeeper?target_session_attrs=read-write",
		help:    "PostgreSQL that the cluster's servers share; may name several hosts",
		more: "`DATABASE_URL` and libpq's `PG*` variables (`PGHOST`, `PGDATABASE` or `PGSERVICE`) are taken when this is set nowhere. " +
			"It is never on a request's path: when the database is away, servers go on with what they know.",
		binding: databaseURL(func(c *Config) *string { return &c.Database.URL }),
	},
	{
		key: "db.schema", group: aboutDatabase, scope: onServe | onDev | onDB, preset: "zonekeeper",
		help:    "schema that holds our tables, functions and views",
		binding: schema(func(c *Config) *string { return &c.Database.Schema }),
	},
	{
		key: "migrate", group: aboutDatabase, scope: onServe, preset: "auto",
		help: "what to do when the schema is older than this program: bring it up, wait until somebody did, or do not look",
		more: "`auto` is safe with any number of servers starting at once. " +
			"`check` is for a server whose role may not change tables: run `zonekeeper migrate up` with one that may.",
		binding: oneOf(func(c *Config) *string { return &c.Database.Migrate }, "auto", "check", "off"),
	},
	{
		key: "db.pooler", group: aboutDatabase, scope: onServe | onDev | onDB, preset: "auto",
		help:    "whether a transaction pooler (PgBouncer) stands before the database: then nothing relies on a session, and changes are seen by polling",
		binding: oneOf(func(c *Config) *string { return &c.Database.Pooler }, "auto", "on", "off"),
	},

	{
		key: "cluster", group: aboutCluster, scope: onServe | onDB | onAsk, preset: "default",
		help:    "name of the cluster; servers with the same name and database find each other",
		binding: clusterName(func(c *Config) *string { return &c.Cluster }),
	},
	{
		key: "region", group: aboutCluster, scope: onServe, preset: "default",
		help:    "region of this server",
		binding: word(func(c *Config) *string { return &c.Region }),
	},
	{
		key: "zone", group: aboutCluster, scope: onServe | onAsk, preset: "defaultZone",
		help:    "zone of this server; clients of a zone are told its servers first",
		binding: word(func(c *Config) *string { return &c.Zone }),
	},
	{
		key: "advertise-url", group: aboutCluster, scope: onServe,
		example: "http://10.1.2.3:8761/eureka/",
		help:    "address that peers and clients are told, ending in /eureka/",
		more: "Not set: the address from which this host reaches the database, else its first address that others can reach, else " +
			"loopback, with the port of `http.listen`.",
		binding: eurekaURL(func(c *Config) *string { return &c.AdvertiseURL }),
	},
	{
		key: "peer.heartbeat", group: aboutCluster, scope: onServe | onDev, preset: "3s",
		help:    "how often a server renews its row in the database",
		more:    "A floor: intervals grow together with the number of servers.",
		binding: duration(func(c *Config) *time.Duration { return &c.Peer.Heartbeat }, 50*time.Millisecond, time.Minute),
	},
	{
		key: "peer.ttl", group: aboutCluster, scope: onServe | onDev, preset: "10s",
		help:    "how long a row lives without a heartbeat; at least three heartbeats",
		binding: duration(func(c *Config) *time.Duration { return &c.Peer.TTL }, time.Second, 10*time.Minute),
	},
	{
		key: "peer.poll", group: aboutCluster, scope: onServe | onDev, preset: "2s",
		help:    "how often the list of servers is read; notifications make changes visible sooner",
		binding: duration(func(c *Config) *time.Duration { return &c.Peer.Poll }, 50*time.Millisecond, time.Minute),
	},
	{
		key: "peer.seeds", group: aboutCluster, scope: onServe,
		example: "[http://10.1.2.3:8761/eureka/, http://10.1.2.4:8761/eureka/]",
		help:    "addresses of servers to ask when there is neither a database nor a list from the last run",
		binding: eurekaURLs(func(c *Config) *[]string { return &c.Peer.Seeds }),
	},
	{
		key: "peer.replication-auth", group: aboutCluster, scope: onServe, secret: true,
		example: "peer:secret",
		help:    "credentials, as user:password, that Java Eureka servers must send with their batches; none: open, as Eureka's own",
		more:    "Our own servers do not use it: their calls are signed with a secret that the database hands out.",
		binding: credentials(func(c *Config) *string { return &c.Peer.ReplicationAuth }),
	},
	{
		key: "drain", group: aboutCluster, scope: onServe, preset: "40s",
		help: "longest time a stopping server goes on answering after it left every list",
		more: "It stops earlier when no client has called for five seconds, and at once when no other server serves or a second signal " +
			"comes. Clients whose session ends in this time leave by themselves.",
		binding: duration(func(c *Config) *time.Duration { return &c.Drain }, 0, time.Hour),
	},

	{
		key: "http.listen", group: aboutHTTP, scope: onServe, preset: ":8761",
		help:    "address and port to listen on",
		binding: listen(func(c *Config) *string { return &c.HTTP.Listen }),
	},
	{
		key: "http.max-body", group: aboutHTTP, scope: onServe, preset: "1MiB",
		help:    "largest request body",
		binding: size(func(c *Config) *int64 { return &c.HTTP.MaxBody }, 4<<10, 64<<20),
	},
	{
		key: "http.max-batch", group: aboutHTTP, scope: onServe, preset: "16MiB",
		help:    "largest replication batch",
		binding: size(func(c *Config) *int64 { return &c.HTTP.MaxBatch }, 64<<10, 256<<20),
	},
	{
		key: "http.max-connections", group: aboutHTTP, scope: onServe, preset: "20000",
		help:    "most connections at a time; further ones wait to be accepted",
		binding: integer(func(c *Config) *int { return &c.HTTP.MaxConnections }, 16, 1_000_000),
	},

	{
		key: "eureka.register-self", group: aboutEureka, scope: onServe, preset: "true",
		help:    "show our own servers in the registry, as application and vip ZONEKEEPER",
		more:    "Java and Spring clients follow the list of servers by it (`bootstrapResolverStrategy=composite`).",
		binding: boolean(func(c *Config) *bool { return &c.Eureka.RegisterSelf }),
	},
	{
		key: "eureka.self-preservation", group: aboutEureka, scope: onServe | onDev, preset: "evidence",
		help: "when to stop evicting: on evidence that the fault is on our side, by Eureka's counting, or never",
		binding: oneOf(func(c *Config) *string { return &c.Eureka.SelfPreservation },
			"evidence", "upstream", "off"),
	},
	{
		key: "eureka.preservation-bound", group: aboutEureka, scope: onServe, preset: "30m",
		help:    "longest time that self-preservation, or an unreachable server, holds up evictions; 0: no bound",
		binding: duration(func(c *Config) *time.Duration { return &c.Eureka.PreservationBound }, 0, 24*time.Hour),
	},
	{
		key: "eureka.lease-factor", group: aboutEureka, scope: onServe, preset: "1",
		help:    "lease durations an instance stays without a renewal: 1 as Eureka documents, 2 as it does",
		binding: integer(func(c *Config) *int { return &c.Eureka.LeaseFactor }, 1, 2),
	},
	{
		key: "eureka.eviction-interval", group: aboutEureka, scope: onServe, preset: "1s",
		help:    "how often leases are looked at",
		binding: duration(func(c *Config) *time.Duration { return &c.Eureka.EvictionInterval }, 100*time.Millisecond, time.Minute),
	},
	{
		key: "eureka.delta", group: aboutEureka, scope: onServe, preset: "true",
		help:    "answer apps/delta; without it clients fetch everything each time",
		binding: boolean(func(c *Config) *bool { return &c.Eureka.Delta }),
	},
	{
		key: "eureka.cold-wait", group: aboutEureka, scope: onServe, preset: "30s",
		help: "how long a cluster that starts from nothing takes registrations before it shows lists",
		more: "Only when the last servers knew instances: so that clients find a full list rather than an empty one. " +
			"The default is the time in which every client with Eureka's own settings renews once.",
		binding: duration(func(c *Config) *time.Duration { return &c.Eureka.ColdWait }, 0, 10*time.Minute),
	},
	{
		key: "eureka.peers", group: aboutEureka, scope: onServe,
		example: "[http://eureka-1:8761/eureka/]",
		help:    "Java Eureka servers to copy to and from, for a migration",
		binding: eurekaURLs(func(c *Config) *[]string { return &c.Eureka.Peers }),
	},

	{
		key: "data-dir", group: aboutProcess, scope: onServe,
		example: "/var/lib/zonekeeper",
		help:    "directory for the last list of servers, in <cluster>/<host_port>/ below it; -: none",
		more:    "Not set: the user's cache directory. With it a server starts while the database is away.",
		binding: text(func(c *Config) *string { return &c.DataDir }),
	},
	{
		key: "log.level", group: aboutProcess, scope: onAny, preset: "info", reload: true,
		help:    "least severity that is logged",
		binding: oneOf(func(c *Config) *string { return &c.Log.Level }, "debug", "info", "warn", "error"),
	},
	{
		key: "log.format", group: aboutProcess, scope: onAny, preset: "auto",
		help:    "form of the log: plain lines, JSON, or lines for a terminal and JSON for anything else",
		binding: oneOf(func(c *Config) *string { return &c.Log.Format }, "auto", "text", "json"),
	},

	{
		key: "config", group: aboutProcess, scope: onAny, flag: true,
		help:    "file to read options from, in YAML",
		binding: text(func(c *Config) *string { return &c.File }),
	},

	{
		key: "nodes", group: aboutDev, scope: onDev, preset: "3", flag: true,
		help:    "how many servers",
		binding: integer(func(c *Config) *int { return &c.Dev.Nodes }, 1, 32),
	},
	{
		key: "base-port", group: aboutDev, scope: onDev, preset: "8761", flag: true,
		help:    "port of the first server; the others take the next ones",
		binding: integer(func(c *Config) *int { return &c.Dev.BasePort }, 1, 65_535),
	},
	{
		key: "demo", group: aboutDev, scope: onDev, preset: "false", flag: true,
		help:    "register a few sample applications that keep renewing",
		binding: boolean(func(c *Config) *bool { return &c.Dev.Demo }),
	},
	{
		key: "data", group: aboutDev, scope: onDev, flag: true,
		help:    "directory that keeps the database for the next run; none: gone at exit",
		binding: text(func(c *Config) *string { return &c.Dev.Data }),
	},

	{
		key: "server", group: aboutCommands, scope: onAsk, flag: true,
		help:    "server to ask, such as http://localhost:8761",
		more:    "Not set: `peers` and `zone` ask the database, `preservation` asks http://127.0.0.1:8761.",
		binding: serverURL(func(c *Config) *string { return &c.Ask.Server }),
	},
	{
		key: "output", group: aboutCommands, scope: onPrint, preset: "table", flag: true, short: "o",
		help:    "form of the result",
		binding: oneOf(func(c *Config) *string { return &c.Ask.Output }, "table", "json", "yaml"),
	},
	{
		key: "timeout", group: aboutCommands, scope: onAsk | onDB, preset: "10s", flag: true,
		help:    "longest wait for an answer",
		binding: duration(func(c *Config) *time.Duration { return &c.Ask.Timeout }, time.Second, 10*time.Minute),
	},
}
