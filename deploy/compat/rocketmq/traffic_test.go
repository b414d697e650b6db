package rocketmq

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
)

// period is how often each client sends.
const period = 250 * time.Millisecond

// library is one client library; its group of consumers gets every message of all libraries.
type library struct {
	name  string // also its consumers' group
	title string
	args  func(w *world, home string) []string
}

func libraries() []library {
	return []library{
		{"java5", "Java client 5.5.0", func(w *world, home string) []string { return w.javaClient(w.software.five, "96m", home, "Traffic") }},
		{"java4", "Java client 4.9.7", func(w *world, home string) []string { return w.javaClient(w.software.four, "96m", home, "Traffic") }},
		{"golang", "rocketmq-client-go 2.1.2", func(w *world, _ string) []string { return []string{w.software.golang} }},
	}
}

// javaClient returns the command line of a Java program that finds name servers through the address server.
func (w *world) javaClient(r release, heap, home string, program ...string) []string {
	return r.java(heap, append([]string{"-Duser.home=" + home, "-Djava.io.tmpdir=" + home,
		"-Drocketmq.namesrv.domain=" + w.proxy.addr(), "-Drocketmq.namesrv.domain.subgroup=nsaddr"}, program...)...)
}

// client is one running program: a producer and a consumer.
type client struct {
	*process
	library library
}

// startClients starts one client of each library. The number tells them from clients of an earlier call.
func (w *world) startClients(number int) (all []*client) {
	w.t.Helper()
	for _, lib := range libraries() {
		name := fmt.Sprintf("%s-%d", lib.name, number)
		home := w.place.folder(w.t, name)
		cl := &client{library: lib}
		cl.process = run(w.t, w.place, command{
			name: name, args: lib.args(w, home), dir: home,
			env: []string{
				"HOME=" + home,
				"COMPAT_NSADDR=http://" + w.proxy.addr() + "/rocketmq/nsaddr",
				"COMPAT_TOPIC=" + steady, "COMPAT_GROUP=" + lib.name, "COMPAT_NAME=" + name,
				fmt.Sprintf("COMPAT_PERIOD=%d", period.Milliseconds()),
			},
			line: func(line string) { w.ledger.hear(lib.name, line) },
		})
		all = append(all, cl)
	}
	return all
}

// pause ends the clients' numbered messages; stop ends the clients.
func (w *world) pause(clients []*client) {
	for _, cl := range clients {
		cl.say(w.t, "pause")
	}
}

func (w *world) stop(clients []*client) {
	for _, cl := range clients {
		cl.terminate()
	}
	for _, cl := range clients {
		require.NoError(w.t, cl.wait(patience), "%s did not end well", cl.library.title)
	}
}
