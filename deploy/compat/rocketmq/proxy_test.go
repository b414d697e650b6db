package rocketmq

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy is the one address that brokers and clients are told: what a virtual IP or a DNS name before the servers is
// elsewhere. It passes each connection to the first server that takes it.
type proxy struct {
	listener net.Listener

	mu      sync.Mutex
	targets []string
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { p.pass(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		connections.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) add(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, target)
}

func (p *proxy) remove(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = slices.DeleteFunc(p.targets, func(t string) bool { return t == target })
}

func (p *proxy) pass(conn net.Conn) {
	defer conn.Close()
	p.mu.Lock()
	targets := slices.Clone(p.targets)
	p.mu.Unlock()
	for _, target := range targets {
		to, err := net.DialTimeout("tcp", target, time.Second)
		if err != nil {
			continue
		}
		defer to.Close()
		// Who asks for a list asks once a connection; nobody is quiet for long on one that is in use.
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_ = to.SetDeadline(time.Now().Add(time.Minute))
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(to, conn)
			_ = to.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(conn, to)
		conn.Close()
		<-done
		return
	}
}

// list is what the address server says at the moment: name servers for clients, or for brokers. The code is 0 when it does
// not answer.
func (p *proxy) list(ctx context.Context, group string) (addrs []string, code int) {
	code, body := get(ctx, "http://"+p.addr()+"/rocketmq/"+group)
	if text := strings.TrimSpace(string(body)); code == http.StatusOK && text != "" {
		addrs = strings.Split(text, ";")
	}
	return addrs, code
}

// get returns the status and body of an answer; 0 if there was none.
func get(ctx context.Context, address string) (int, []byte) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, body
}
