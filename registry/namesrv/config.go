package namesrv

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Config is what a Server needs beside its table. The zero value works: it serves with the reference's defaults, and lets the
// guarded codes be used from loopback only.
type Config struct {
	// Settings are the reference's own, from its properties file. The zero value means DefaultSettings.
	Settings Settings
	// Ready tells whether route queries may be answered; while it is false they get code 1 "name server not ready", on which clients
	// keep the routes they have. It has to be true as soon as the table is whole, inherited or not. Called on every route query,
	// must not block. Nil means always.
	Ready func() bool
	// TLS is served instead of the certificates that Settings name. Nil means those of the settings.
	TLS *tls.Config
	// Admin says who may use the guarded codes.
	Admin Admin
	// Audit receives every use of a guarded code, refused ones included: of those from one host with one code the first at once, and
	// how many followed once a minute. Called from many goroutines, must not block. Nil drops them.
	Audit func(AuditRecord)
	// Dial connects to brokers for NOTIFY_MIN_BROKER_ID_CHANGE. Nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock of what is told to the table. Nil means time.Now. Deadlines of sockets follow the machine's clock.
	Now func() time.Time
	// Log receives what operators should know; what outsiders can cause, at most once a second of each kind. Nil discards.
	Log *slog.Logger
	// Registerer takes the metrics of this package. Nil means none.
	Registerer prometheus.Registerer

	// MaxConnections bounds the connections at a time; those beyond it are closed at once. Defaults to 16,384.
	MaxConnections int
	// MaxFrame bounds a request in bytes, its length field included. Defaults to 16 MiB, as the reference.
	MaxFrame int
	// MaxBuffered bounds, to one frame, what all connections together hold of requests that do not fit their first few KiB. When it is
	// spent, connections wait for each other, and who sends half a frame and no more is dropped. Not less than MaxFrame. Defaults to
	// 256 MiB.
	MaxBuffered int64
	// FrameTimeout is how long a frame may take from its first byte to its last, and a TLS handshake altogether. Defaults to 20 seconds.
	FrameTimeout time.Duration
	// WriteTimeout is how long an answer may wait for a peer that does not read. Defaults to 30 seconds; it may strike a quarter earlier.
	WriteTimeout time.Duration
}

func (c *Config) setDefaults() error {
	if c.Settings == (Settings{}) {
		c.Settings = DefaultSettings()
	}
	c.MaxConnections = cmp.Or(c.MaxConnections, 16384)
	c.MaxFrame = cmp.Or(c.MaxFrame, remoting.MaxFrame)
	c.MaxBuffered = cmp.Or(c.MaxBuffered, 256<<20)
	c.FrameTimeout = cmp.Or(c.FrameTimeout, 20*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	if c.Ready == nil {
		c.Ready = func() bool { return true }
	}
	if c.Audit == nil {
		c.Audit = func(AuditRecord) {}
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c.validate()
}

func (c *Config) validate() error {
	switch {
	case c.MaxConnections < 0, c.MaxFrame < 0, c.MaxBuffered < 0, c.FrameTimeout < 0, c.WriteTimeout < 0:
		return errors.New("namesrv: a limit of Config is negative")
	case c.MaxFrame > remoting.MaxFrame:
		return fmt.Errorf("namesrv: MaxFrame %d is more than the protocol has (%d)", c.MaxFrame, remoting.MaxFrame)
	case c.MaxBuffered < int64(c.MaxFrame):
		return fmt.Errorf("namesrv: MaxBuffered %d does not hold one frame of MaxFrame %d", c.MaxBuffered, c.MaxFrame)
	}
	return errors.Join(c.Settings.mistakes()...)
}
