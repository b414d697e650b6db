package namesrv

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// moodyListener answers Accept with errors, one after the other.
type moodyListener struct {
	errs []error
	done chan struct{}
}

func (l *moodyListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *moodyListener) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *moodyListener) Addr() net.Addr { return &net.TCPAddr{} }

func TestServeReportsABrokenListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Log: slog.New(slog.DiscardHandler)}, routeinfo.New(routeinfo.Config{}))
		require.NoError(t, err)
		ln := &moodyListener{done: make(chan struct{}), errs: []error{syscall.EMFILE, syscall.EMFILE, syscall.ECONNABORTED, syscall.EBADF}}
		start := time.Now()
		err = s.Serve(t.Context(), ln)
		require.ErrorIs(t, err, syscall.EBADF)
		require.Equal(t, 35*time.Millisecond, time.Since(start), "it waits longer each time")
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	table := routeinfo.New(routeinfo.Config{})
	_, err := New(Config{}, nil)
	require.Error(t, err)
	for _, cfg := range []Config{
		{MaxConnections: -1}, {MaxFrame: 32 << 20}, {MaxBuffered: 1 << 20}, {WriteTimeout: -1},
		{Settings: Settings{TLSServerMode: "sometimes"}},
	} {
		_, err := New(cfg, table)
		require.Error(t, err)
	}
	var wrong error = causeIdle
	require.Equal(t, causeIdle, causeOf(errors.Join(errors.New("x"), wrong)))
}
