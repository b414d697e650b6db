package main

import (
	"bufio"
	"bytes"
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of one connection. Bodies and answers have deadlines of their own in httpapi, since they depend on the route: every one
// of them is well below the ten seconds after which some Eureka clients go silent for minutes.
const (
	headerTime    = 5 * time.Second
	idleTime      = 2 * time.Minute // more than three heartbeats of a client with Eureka's settings
	headerBytes   = 64 << 10
	answerTime    = 9 * time.Second
	keepAliveTime = 15 * time.Second
	dialTime      = 2 * time.Second
	peerIdleConns = 8
)

// httpServer is the server behind the one listener.
func httpServer(handler http.Handler, l *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		Protocols:         protocols,
		ErrorLog:          log.New(lineLog{l}, "", 0),
	}
}

// lineLog passes on what net/http has to say. Its lines about connections that strangers broke are worth a look only in
// search of something.
type lineLog struct{ log *slog.Logger }

func (w lineLog) Write(text []byte) (int, error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	if lines.Scan() { // the rest is a stack trace, which belongs to its first line
		w.log.Debug("http", "err", strings.TrimSpace(lines.Text()))
		if bytes.Contains(text, []byte("panic serving")) {
			w.log.Error("a request made its handler panic", "err", string(text))
		}
	}
	return len(text), nil
}

// peerTransport carries our calls to other servers. It uses no proxy: peers are told to us by address.
func peerTransport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTime, KeepAlive: keepAliveTime}).DialContext
	}
	return &http.Transport{
		DialContext:            dial,
		MaxIdleConnsPerHost:    peerIdleConns,
		IdleConnTimeout:        idleTime / 2, // we give up a connection before the other side does
		ResponseHeaderTimeout:  2 * headerTime,
		MaxResponseHeaderBytes: headerBytes,
		DisableCompression:     true, // bodies are compact already, and between neighbours
		TLSHandshakeTimeout:    headerTime,
	}
}

// isLoopback reports whether only this machine reaches the host. The empty host is every address.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// limited lets at most so many connections be open at a time; further ones wait in the system's queue. No limit, no wrapping.
func limited(l net.Listener, most int) net.Listener {
	if most <= 0 {
		return l
	}
	return netutil.LimitListener(l, most)
}
