package main

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

// option is one row of the table below: one thing that can be set, everywhere it can be set and all that is said
// about it. The key decides the rest: db.url is --db-url, ZONEKEEPER_DB_URL and `url` under `db` in the file.
type option struct {
	key       string
	group     string // heading in the reference
	scope     scope  // commands that take it
	preset    string // default, in the option's own syntax; "" is none
	devPreset string // default of dev, where it is another
	help      string // one sentence, lower case, for --help
	more      string // what the reference adds
	reload    bool   // read again on SIGHUP; the others need a restart
	secret    bool   // never printed; ZONEKEEPER_..._FILE names a file that holds it
	flag      bool   // only a flag and an environment variable: it makes no sense in a file
	short     string // one-letter flag
	example   string // shown in the example file when there is no default
	binding
}

// scope is the set of commands that take an option.
type scope uint

const (
	onServe   scope = 1 << iota // serve, and everything that looks at the server's configuration
	onDev                       // dev
	onDB                        // whatever may open the database: migrate, peers, zone, topics, brokers
	onAsk                       // whatever asks a running cluster: peers, zone, topics, brokers
	onZone                      // what depends on the zone of who asks: zone
	onPrint                     // whatever prints a result
	onAny                       // every command that can be configured at all
	allScopes = onServe | onDev | onDB | onAsk | onZone | onPrint | onAny
)

// Headings of the reference, in its order.
const (
	aboutDatabase = "Database"
	aboutCluster  = "Cluster"
	aboutHTTP     = "HTTP"
	aboutEureka   = "Eureka behaviour"
	aboutNamesrv  = "RocketMQ name server"
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
		key: "zone", group: aboutCluster, scope: onServe | onZone, preset: "defaultZone",
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
		key: "namesrv.listen", group: aboutNamesrv, scope: onServe, preset: "off",
		help: "address and port of the RocketMQ name server, such as :9876; off: none",
		more: "Brokers and clients find the live ones at `/rocketmq/nsaddr-broker` and `/rocketmq/nsaddr` of any server's HTTP port, " +
			"or are given `host:9876` as ever. Plain and TLS connections share the port.",
		binding: listenOrOff(func(c *Config) *string { return &c.Namesrv.Listen }),
	},
	{
		key: "namesrv.advertise", group: aboutNamesrv, scope: onServe,
		example: "10.1.2.3:9876",
		help:    "address that brokers and clients are told for the name server, a literal IP and a port",
		more: "Not set: the address `namesrv.listen` is bound to; where that is every address, the IP in `advertise-url`, else the address from " +
			"which this host reaches the database, else its first that others can reach; with the port of `namesrv.listen`. " +
			"It is no name because RocketMQ's Go client refuses names in a list.",
		binding: literalAddress(func(c *Config) *string { return &c.Namesrv.Advertise }),
	},
	{
		key: "namesrv.properties", group: aboutNamesrv, scope: onServe | onDev,
		example: "/etc/rocketmq/namesrv.properties",
		help:    "file of the Apache NameServer's own settings, as its -c takes",
		more: "Every key is honoured, or said at start to have no meaning here and why; operations.md lists them. A value that is none is a mistake with its line. " +
			"`listenPort` and `bindAddress` in it do not open a port: `namesrv.listen` does, and wins.",
		binding: text(func(c *Config) *string { return &c.Namesrv.Properties }),
	},
	{
		key: "namesrv.admin-allow", group: aboutNamesrv, scope: onServe | onDev, preset: "private",
		help: "who may change what the name server says, with mqadmin and the like: private, none, any, or networks",
		more: "It guards request codes 100, 102, 205, 216, 217, 318 and 327. `private` is loopback, link-local and private ranges; with networks, loopback may as well; " +
			"with `none` only those who sign with one of `namesrv.access-keys`. A broker may always register its own topics.",
		example: "10.0.0.0/8,192.0.2.0/24",
		binding: adminAllow(func(c *Config) *namesrv.Admin { return &c.Namesrv.Admin }),
	},
	{
		key: "namesrv.access-keys", group: aboutNamesrv, scope: onServe | onDev, secret: true,
		example: "operator:secret",
		help:    "access keys whose RocketMQ ACL signature may change what the name server says, as key:secret, separated by commas or lines",
		binding: accessKeys(func(c *Config) *map[string]string { return &c.Namesrv.Admin.AccessKeys }),
	},
	{
		key: "namesrv.cold-wait", group: aboutNamesrv, scope: onServe, preset: "60s",
		help: "how long the name servers of a cluster that starts from nothing wait for brokers to register before they answer route lookups",
		more: "Only when the last servers knew brokers: every broker registers at least every 60 s, and a part of the routes is worse than none, " +
			"since clients forget the rest. Meanwhile a lookup is answered `name server not ready` and clients keep the routes they have.",
		binding: duration(func(c *Config) *time.Duration { return &c.Namesrv.ColdWait }, 0, 10*time.Minute),
	},
	{
		key: "namesrv.drain", group: aboutNamesrv, scope: onServe, preset: "150s",
		help: "longest time a stopping name server goes on answering clients after it left their list",
		more: "It goes on earlier when nobody asked for a route for 60 s, and at once when no client is connected, when no other name server serves or at a second signal. " +
			"Clients read the list every 120 s.",
		binding: duration(func(c *Config) *time.Duration { return &c.Namesrv.Drain }, 0, time.Hour),
	},
	{
		key: "namesrv.max-connections", group: aboutNamesrv, scope: onServe, preset: "16384",
		help:    "most connections of brokers and clients at a time; further ones are closed at once",
		binding: integer(func(c *Config) *int { return &c.Namesrv.MaxConnections }, 16, 1_000_000),
	},
	{
		key: "namesrv.tls-mode", group: aboutNamesrv, scope: onServe | onDev,
		example: "enforcing",
		help:    "TLS on the name server's port: refused, beside plain connections, or alone",
		more:    "Not set: `tls.server.mode` of `namesrv.properties`, else permissive.",
		binding: oneOf(func(c *Config) *string { return &c.Namesrv.TLS.Mode }, "disabled", "permissive", "enforcing"),
	},
	{
		key: "namesrv.tls-cert", group: aboutNamesrv, scope: onServe | onDev,
		example: "/etc/zonekeeper/tls.crt",
		help:    "file with the name server's certificate and its chain, in PEM",
		more: "Not set: `tls.server.certPath` of `namesrv.properties`, else a certificate that is made at start and signed by itself, as the Apache NameServer's. " +
			"Renewed files are taken up while the server runs.",
		binding: text(func(c *Config) *string { return &c.Namesrv.TLS.Cert }),
	},
	{
		key: "namesrv.tls-key", group: aboutNamesrv, scope: onServe | onDev,
		example: "/etc/zonekeeper/tls.key",
		help:    "file with the key of namesrv.tls-cert, in PEM, without a password",
		binding: text(func(c *Config) *string { return &c.Namesrv.TLS.Key }),
	},
	{
		key: "namesrv.tls-client-ca", group: aboutNamesrv, scope: onServe | onDev,
		example: "/etc/zonekeeper/clients.crt",
		help:    "file with the authorities, in PEM, of whose certificates every TLS client must show one; none: they need none",
		binding: text(func(c *Config) *string { return &c.Namesrv.TLS.ClientCA }),
	},

	{
		key: "data-dir", group: aboutProcess, scope: onServe,
		example: "/var/lib/zonekeeper",
		help:    "directory for the last list of servers, in <cluster>/<host_port>/ below it; -: none",
		more:    "Not set: the user's cache directory. With it a server starts while the database is away.",
		binding: text(func(c *Config) *string { return &c.DataDir }),
	},
	{
		key: "log.level", group: aboutProcess, scope: onAny, preset: "info", devPreset: "warn", reload: true, // who tries dev out reads what was printed for him
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
		key: "namesrv-base-port", group: aboutDev, scope: onDev, preset: "9876", flag: true,
		help:    "port of the first name server; the others take the next ones; off: none",
		binding: portOrOff(func(c *Config) *int { return &c.Dev.NamesrvBasePort }),
	},
	{
		key: "demo", group: aboutDev, scope: onDev, preset: "false", flag: true,
		help:    "register a few sample applications, and with the name servers a sample broker, that keep renewing",
		binding: boolean(func(c *Config) *bool { return &c.Dev.Demo }),
	},
	{
		key: "data", group: aboutDev, scope: onDev, flag: true,
		help:    "directory that keeps the database for the next run; none: gone at exit",
		more:    "It must be new, empty, or from an earlier run.",
		binding: text(func(c *Config) *string { return &c.Dev.Data }),
	},

	{
		key: "server", group: aboutCommands, scope: onAsk, flag: true,
		help:    "server to ask, such as http://localhost:8761",
		more:    "Not set: `peers`, `zone`, `topics` and `brokers` find servers in the database, `preservation` asks http://127.0.0.1:8761.",
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
