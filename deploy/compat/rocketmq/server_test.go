package rocketmq

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// server is one Zonekeeper process.
type server struct {
	*process
	number  int
	http    int // port
	namesrv int // port
}

func (s *server) addr() string     { return fmt.Sprintf("127.0.0.1:%d", s.namesrv) }
func (s *server) httpAddr() string { return fmt.Sprintf("127.0.0.1:%d", s.http) }
func (s *server) String() string   { return fmt.Sprintf("name server %d (%s)", s.number, s.addr()) }

// startServer starts a server at addresses nobody has heard of, and waits until it is ready.
func (w *world) startServer() *server {
	w.t.Helper()
	w.started++
	s := &server{number: w.started, http: freePort(w.t), namesrv: freePort(w.t)}
	w.launch(s)
	w.proxy.add(s.httpAddr())
	w.servers = append(w.servers, s)
	w.ready(s)
	return s
}

// launch starts the server's process, again perhaps.
func (w *world) launch(s *server) {
	w.t.Helper()
	// Brokers here register every 10 s. The longest drain is the default, but for the short run, whose clients have left by then.
	coldWait, drain := "15s", "150s"
	if testing.Short() {
		drain = "30s"
	}
	s.process = run(w.t, w.place, command{
		name: fmt.Sprintf("zonekeeper-%d", s.number),
		args: []string{w.binary, "serve",
			"--db-url", w.db.url, "--db-schema", w.db.schema, "--cluster", "rocketmq",
			"--http-listen", s.httpAddr(), "--advertise-url", "http://" + s.httpAddr() + "/eureka/",
			"--data-dir", w.place.folder(w.t, fmt.Sprintf("zonekeeper-%d", s.number)),
			"--namesrv-listen", s.addr(), "--namesrv-advertise", s.addr(),
			"--namesrv-properties", filepath.Join(w.place.dir, "namesrv.properties"),
			"--namesrv-cold-wait", coldWait, "--namesrv-drain", drain},
	})
}

func (w *world) ready(s *server) {
	w.t.Helper()
	w.until(patience, fmt.Sprintf("%s is ready", s), func() bool {
		if s.ended() {
			w.t.Fatalf("%s ended\n%s", s, s.tail())
		}
		code, _ := get(w.ctx, "http://"+s.httpAddr()+"/readyz")
		return code == http.StatusOK
	})
}

// forget takes a server out of the world; its process is ended by the caller.
func (w *world) forget(s *server) {
	w.proxy.remove(s.httpAddr())
	w.servers = slices.DeleteFunc(w.servers, func(o *server) bool { return o == s })
}

func (w *world) addrs() (out []string) {
	for _, s := range w.servers {
		out = append(out, s.addr())
	}
	return out
}

// listed waits until the address server's list holds exactly the given addresses, and returns how long that took.
func (w *world) listed(group string, addrs []string, within time.Duration) time.Duration {
	w.t.Helper()
	began := time.Now()
	want := slices.Sorted(slices.Values(addrs))
	w.until(within, fmt.Sprintf("/rocketmq/%s lists %q", group, want), func() bool {
		list, _ := w.proxy.list(w.ctx, group)
		return slices.Equal(slices.Sorted(slices.Values(list)), want)
	})
	return time.Since(began)
}
