package namesrv_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

const recordings = "../remoting/testdata/recorded"

// TestRecordedScenarios takes every recorded conversation to this server, step by step and byte by byte, in virtual time, and holds
// each answer to the recorded one or, where the table of differences lists the step, to the answer given there.
func TestRecordedScenarios(t *testing.T) {
	scenarios, err := recorded.Load(recordings)
	require.NoError(t, err)
	listed := listings(t, differences, scenarios)
	for _, sc := range scenarios {
		t.Run(sc.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReplay(t, sc)
				for i := range sc.Steps {
					step := &sc.Steps[i]
					synctest.Wait()
					if err := r.take(step, listed[place{sc.Name, step.N}]); err != nil {
						t.Errorf("step %d, %s %s: %v", step.N, step.Do, step.Name, err)
					}
				}
			})
		})
	}
	require.Len(t, scenarios, 31)
}

// replay is one conversation under way.
type replay struct {
	t         *testing.T
	sc        recorded.Scenario
	srv       *testServer
	conns     map[string]*replayConn
	listeners map[string]*pipeListener
}

// replayConn is a connection with the frames that arrived on it and were not asked for yet.
type replayConn struct {
	net.Conn
	unread  []byte
	waiting []*remoting.Command
}

func newReplay(t *testing.T, sc recorded.Scenario) *replay {
	r := &replay{t: t, sc: sc, conns: make(map[string]*replayConn), listeners: make(map[string]*pipeListener)}
	r.srv = startServer(t, namesrv.Config{Settings: settingsOf(t, sc)})
	t.Cleanup(func() {
		for _, c := range r.conns {
			c.Close()
		}
		for _, ln := range r.listeners {
			ln.Close()
		}
	})
	return r
}

// settingsOf reads the configuration of the recorded server as ours reads its properties.
func settingsOf(t *testing.T, sc recorded.Scenario) namesrv.Settings {
	var text strings.Builder
	for key, value := range sc.ServerConfig {
		if !strings.HasPrefix(key, "-D") {
			fmt.Fprintf(&text, "%s=%s\n", key, value)
		}
	}
	s, notices, err := namesrv.ParseSettings([]byte(text.String()))
	require.NoError(t, err)
	require.Empty(t, notices)
	return s
}

func (r *replay) take(s *recorded.Step, row listing) error {
	switch s.Do {
	case recorded.Send:
		return r.send(s)
	case recorded.Recv:
		return r.receive(s, row)
	case recorded.Silence:
		time.Sleep(s.Wait())
		synctest.Wait()
		return r.silent(r.conns[s.Conn])
	case recorded.Closed:
		return r.closed(r.conns[s.Conn], s.Wait())
	case recorded.Close:
		return r.conns[s.Conn].Close()
	case recorded.Wait:
		time.Sleep(s.Wait())
	case recorded.Listen:
		r.listeners[s.Conn] = r.srv.net.listen(r.t, s.Conn)
	case recorded.Note:
	default:
		return fmt.Errorf("unknown kind of step")
	}
	return nil
}

func (r *replay) send(s *recorded.Step) error {
	c := r.conns[s.Conn]
	if c == nil {
		nc, err := r.srv.net.dialFrom("127.0.0.1", serverAddress)
		if err != nil {
			return err
		}
		c = &replayConn{Conn: nc}
		r.conns[s.Conn] = c
	}
	_, err := c.Write(s.Frame)
	return err
}

// receive finds the frame that the step is about and compares it.
func (r *replay) receive(s *recorded.Step, row listing) error {
	synctest.Wait()
	want, err := s.Command()
	if err != nil {
		return err
	}
	c := r.conns[s.Conn]
	if ln := r.listeners[s.Conn]; ln != nil {
		if c, err = r.accepted(ln); err != nil {
			return err
		}
		want.Opaque = -1 // of our own choice
	}
	got, err := c.take(want.Opaque)
	switch {
	case err != nil:
		return err
	case row.row == nil:
		return s.Same(got)
	}
	return row.answer.due(r.sc, s, got)
}

// accepted reads what the server sent to a broker over connections of its own.
func (r *replay) accepted(ln *pipeListener) (*replayConn, error) {
	name := "to " + ln.address
	c := r.conns[name]
	if c != nil && len(c.waiting) > 0 {
		return c, nil
	}
	select {
	case nc := <-ln.arrived:
		c = &replayConn{Conn: nc}
		r.conns[name] = c
		return c, nil
	case <-time.After(time.Second):
		return nil, errors.New("the server did not call")
	}
}

// take returns the frame with an opaque, or any for -1.
func (c *replayConn) take(opaque int32) (*remoting.Command, error) {
	if err := c.collect(time.Second, func() bool { return c.find(opaque) >= 0 }); err != nil && c.find(opaque) < 0 {
		return nil, fmt.Errorf("no answer: %w", err)
	}
	i := c.find(opaque)
	got := c.waiting[i]
	c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
	return got, nil
}

func (c *replayConn) find(opaque int32) int {
	for i, w := range c.waiting {
		if w.Opaque == opaque || opaque == -1 {
			return i
		}
	}
	return -1
}

// collect reads frames until enough is there, the time is over, or the connection is.
func (c *replayConn) collect(wait time.Duration, enough func() bool) error {
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	for !enough() {
		buf := make([]byte, 64<<10)
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		c.unread = append(c.unread, buf[:n]...)
		if err := c.split(); err != nil {
			return err
		}
	}
	return nil
}

func (c *replayConn) split() error {
	for len(c.unread) >= 4 {
		end := 4 + int(c.unread[0])<<24 + int(c.unread[1])<<16 + int(c.unread[2])<<8 + int(c.unread[3])
		if len(c.unread) < end {
			return nil
		}
		cmd, err := remoting.Decode(c.unread[4:end])
		if err != nil {
			return err
		}
		c.waiting = append(c.waiting, cmd)
		c.unread = c.unread[end:]
	}
	return nil
}

// silent is nil if nothing came and the connection is open.
func (r *replay) silent(c *replayConn) error {
	err := c.collect(time.Nanosecond, func() bool { return len(c.waiting) > 0 })
	switch {
	case err == nil:
		return fmt.Errorf("an answer came: %+v", c.waiting[0])
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the connection is over: %w", err)
	}
	return nil
}

// closed is nil if the server closes the connection in time.
func (r *replay) closed(c *replayConn, within time.Duration) error {
	err := c.collect(within, func() bool { return false })
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("not closed within %s: %w", within, err)
}
