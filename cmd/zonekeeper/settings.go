package main

import (
	"time"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

// Config is everything that can be configured, as the table in options.go fills it. The server takes its
// part of it (New), the commands theirs.
type Config struct {
	Database     DatabaseConfig
	HTTP         HTTPConfig
	AdvertiseURL string // ends in /eureka/; empty: found out by advertiseURL
	Cluster      string
	Region       string
	Zone         string
	Peer         PeerConfig
	Drain        time.Duration
	Eureka       EurekaConfig
	Namesrv      NamesrvConfig
	DataDir      string // "-": none
	Log          LogConfig
	File         string // the configuration file that was read
	Dev          DevConfig
	Ask          AskConfig
}

// DatabaseConfig says where the cluster's PostgreSQL is and how to use it.
type DatabaseConfig struct {
	URL     string // empty: none; may name several hosts
	Schema  string
	Migrate string // auto, check, off
	Pooler  string // auto, on, off
}

// HTTPConfig is the one HTTP listener.
type HTTPConfig struct {
	Listen         string
	MaxBody        int64
	MaxBatch       int64
	MaxConnections int
}

// PeerConfig is about the other servers.
type PeerConfig struct {
	Heartbeat, TTL, Poll time.Duration
	Seeds                []string
	ReplicationAuth      string // user:password asked of /peerreplication/batch; empty: open
}

// EurekaConfig is the behaviour that Eureka clients see.
type EurekaConfig struct {
	RegisterSelf      bool
	SelfPreservation  string // evidence, upstream, off
	PreservationBound time.Duration
	LeaseFactor       int
	EvictionInterval  time.Duration
	Delta             bool
	ColdWait          time.Duration
	Peers             []string // service URLs of Java Eureka servers that we copy to and from
}

// NamesrvConfig is the RocketMQ name server.
type NamesrvConfig struct {
	Listen     string           // empty: off
	Advertise  string           // ip:port; empty: found out by advertiseNamesrv
	Properties string           // file of the original's settings; empty: their defaults
	Settings   namesrv.Settings // what Properties holds, under TLS
	Warnings   mistakes         // what can be served, but may not be meant
	Admin      namesrv.Admin    // with the access keys
	ColdWait   time.Duration
	Drain      time.Duration
	TLS        TLSConfig

	MaxConnections int // 0: namesrv's default
}

// TLSConfig is how a listener speaks TLS. What is empty here is as Settings have it.
type TLSConfig struct {
	Mode     string // disabled, permissive, enforcing
	Cert     string // file
	Key      string // file
	ClientCA string // file; clients must show a certificate
}

// LogConfig is the log on stderr.
type LogConfig struct {
	Level  string // debug, info, warn, error
	Format string // auto, text, json
}

// DevConfig is what only `zonekeeper dev` takes.
type DevConfig struct {
	Nodes           int
	BasePort        int
	NamesrvBasePort int // 0: no name servers
	Demo            bool
	Data            string
}

// AskConfig is what commands that ask a running cluster take.
type AskConfig struct {
	Server  string // empty: ask the database
	Output  string // table, json, yaml
	Timeout time.Duration
}
