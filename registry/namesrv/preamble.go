package namesrv

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// What a connection may begin with beside a frame, told apart by its first byte: a frame's is 0, as its length is below 16 MiB.
const (
	firstOfTLS     = 0x16 // a handshake record
	firstOfProxyV1 = 'P'
	firstOfProxyV2 = '\r'
)

// open takes what may come before the first frame: a line or block of the PROXY protocol, then a TLS handshake
// (apache/rocketmq NettyRemotingServer.java: HandshakeHandler, TlsModeHandler).
//
// Compat: the reference waits for twelve bytes before it decides; here the first one is enough, so a bad frame of fewer than twelve
// bytes is refused instead of being waited for.
func (c *conn) open() error {
	first, err := c.peek(1)
	if err != nil {
		return err
	}
	if first[0] == firstOfProxyV1 || first[0] == firstOfProxyV2 {
		if err := c.proxied(); err != nil {
			return err
		}
		if first, err = c.peek(1); err != nil {
			return err
		}
	}
	config := c.s.secure.config
	switch isTLS := first[0] == firstOfTLS; {
	case isTLS && config == nil:
		return fmt.Errorf("%w: the client speaks TLS, which is disabled here", causeTLS)
	case isTLS:
		return c.handshake(config)
	case c.s.secure.enforcing:
		return fmt.Errorf("%w: the client does not speak TLS, which is required here", causeTLS)
	}
	return nil
}

// peek waits for n bytes, which must fit the small inbox, and leaves them there.
func (c *conn) peek(n int) ([]byte, error) {
	for c.in.w-c.in.r < n {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	return c.in.buf[c.in.r : c.in.r+n], nil
}

// skip drops bytes that were peeked at.
func (c *conn) skip(n int) {
	c.in.r += n
	c.began = c.active
}

// handshake puts TLS over the socket.
func (c *conn) handshake(config *tls.Config) error {
	secured := tls.Server(&unread{Conn: c.socket, rest: append([]byte(nil), c.in.buf[c.in.r:c.in.w]...)}, config)
	c.in.r, c.in.w = 0, 0
	if err := c.socket.SetDeadline(time.Now().Add(c.s.cfg.FrameTimeout)); err != nil {
		return err
	}
	if err := secured.HandshakeContext(context.Background()); err != nil {
		if c.going.Load() {
			return causeLeft
		}
		return fmt.Errorf("%w: %w", causeTLS, err)
	}
	if err := c.socket.SetDeadline(time.Time{}); err != nil {
		return err
	}
	c.readBy, c.writeBy, c.active = time.Time{}, time.Time{}, time.Now()
	c.stream = secured
	return nil
}

// unread is a socket from which something was read already.
type unread struct {
	net.Conn
	rest []byte
}

func (u *unread) Read(p []byte) (int, error) {
	if len(u.rest) == 0 {
		return u.Conn.Read(p)
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// source is where a connection comes from.
type source struct {
	peer   netip.AddrPort // of the socket, invalid if it has none
	client netip.AddrPort // what a proxy said, invalid without one
	text   string
}

func sourceOf(nc net.Conn) source {
	text := nc.RemoteAddr().String()
	peer, err := netip.ParseAddrPort(text)
	if err != nil {
		return source{text: text}
	}
	return source{peer: plain(peer), text: text}
}

// plain is an address without what does not matter for who it is.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// admitted reports whether the peer may use guarded codes. Anybody can say that he is a proxy and name an address, so the socket's own
// has to be admitted as well.
func (f source) admitted(a *Admin) bool {
	return a.admits(f.peer.Addr()) && (!f.client.IsValid() || a.admits(f.client.Addr()))
}

func (f source) String() string { return f.text }

// proxied takes the block of the PROXY protocol with which the connection begins.
func (c *conn) proxied() error {
	for need := 1; ; {
		if _, err := c.peek(need); err != nil {
			return err
		}
		have := c.in.buf[c.in.r:c.in.w]
		client, used, err := parseProxy(have)
		switch {
		case err != nil && !beginsLikeHTTP(have): // POST begins as PROXY does
			return err
		case err != nil && isHTTP(have):
			return errHTTP
		case used > 0:
			c.skip(used)
			if client.IsValid() {
				c.source.client = plain(client)
				c.source.text = client.String() + " behind " + c.source.text
			}
			return nil
		}
		need = len(have) + 1
	}
}

func badProxy(reason string) error {
	return &remoting.WireError{Field: "PROXY preamble", Reason: reason}
}
