package rocketmq

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// admin is one JVM that runs mqadmin's commands one after the other.
type admin struct {
	w       *world
	process *process
	answers chan string
}

func (w *world) startAdmin() *admin {
	w.t.Helper()
	a := &admin{w: w, answers: make(chan string, 1)}
	var answer []string
	home := w.place.folder(w.t, "mqadmin")
	a.process = run(w.t, w.place, command{
		name: "mqadmin", dir: home,
		args: w.javaClient(w.software.five, "128m", home, "-Dcompat.log=OFF", "Admin"),
		line: func(line string) {
			if line != "\x1e" {
				answer = append(answer, line)
				return
			}
			a.answers <- strings.TrimSpace(strings.Join(answer, "\n"))
			answer = nil
		},
	})
	return a
}

// run runs a command and returns what it printed. The tool's client now and then closes its own connection to a broker while an
// answer is on its way (5.5.0, on a busy machine: the broker's log has the answer that it could not write); then it runs again.
func (a *admin) run(args ...string) (answer string) {
	a.w.t.Helper()
	for range 3 {
		answer = a.once(args...)
		if !slices.ContainsFunc(a.w.brokers, func(b *broker) bool {
			return !b.ended() && strings.Contains(answer, "RemotingSendRequestException: send request to </"+b.addr()+"> failed")
		}) {
			break
		}
	}
	return answer
}

func (a *admin) once(args ...string) string {
	a.w.t.Helper()
	a.process.say(a.w.t, strings.Join(args, "\t"))
	select {
	case answer := <-a.answers:
		return answer
	case <-a.process.done:
		a.w.t.Fatalf("mqadmin %s ended the JVM\n%s", strings.Join(args, " "), a.process.tail())
	case <-time.After(patience):
		a.w.t.Fatalf("mqadmin %s has no answer after %s\n%s", strings.Join(args, " "), patience, a.process.tail())
	}
	return ""
}

// at runs a command against the given name servers.
func (a *admin) at(addrs []string, args ...string) string {
	a.w.t.Helper()
	return a.run(append(args, "-n", strings.Join(addrs, ";"))...)
}

// must runs a command against all name servers and wants its answer to contain something.
func (a *admin) must(contains string, args ...string) string {
	a.w.t.Helper()
	answer := a.at(a.w.addrs(), args...)
	require.Contains(a.w.t, answer, contains, "mqadmin %s", strings.Join(args, " "))
	return answer
}
