package rocketmq

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	sentID   = regexp.MustCompile(`SEND_OK\s+(\S+)`)
	offsetID = regexp.MustCompile(`offsetMsgId=(\w+)|OffsetID:\s+(\w+)`)
	bodyPath = regexp.MustCompile(`Message Body Path:\s+(\S+)`)
)

// runCommands runs commands and checks each one's answer; it returns the names of those it ran.
func (w *world) runCommands(commands []adminCommand) (names []string) {
	w.t.Helper()
	dir := w.place.folder(w.t, "exports")
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "topics.json"), []byte(
		`[{"topicName":"Listed-1","readQueueNums":2,"writeQueueNums":2,"perm":6},{"topicName":"Listed-2","readQueueNums":2,"writeQueueNums":2,"perm":6}]`), 0o644))
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "groups.json"), []byte(
		`[{"groupName":"listed-1"},{"groupName":"listed-2"}]`), 0o644))
	known := map[string]string{"master": w.brokers[0].addr(), "slave": w.brokers[1].addr(), "old": w.brokers[2].addr(), "dir": dir,
		"server": w.servers[0].addr(), "other": w.servers[len(w.servers)-1].addr()}
	fill := func(text string) string {
		for k, v := range known {
			text = strings.ReplaceAll(text, "{"+k+"}", v)
		}
		return text
	}
	for _, c := range commands {
		args := strings.Fields(fill(c.line))
		var answer string
		if args[0] == "lists" { // a program's question, without "-n"
			answer = w.admin.run(args...)
		} else {
			answer = w.admin.at(w.addrs(), args...)
		}
		if m := sentID.FindStringSubmatch(answer); args[0] == "sendMessage" && m != nil {
			known["id"] = m[1]
		}
		if m := offsetID.FindStringSubmatch(answer); args[0] == "queryMsgByOffset" && m != nil {
			known["offset"] = m[1] + m[2]
		}
		if m := bodyPath.FindStringSubmatch(answer); m != nil {
			// The tool writes there whatever it is told; the folders go when nobody else has something in them.
			for file := m[1]; strings.HasPrefix(file, "/tmp/rocketmq"); file = filepath.Dir(file) {
				_ = os.Remove(file)
			}
		}
		for _, want := range c.wants {
			require.Contains(w.t, flat(answer), fill(want), "mqadmin %s\n%s", strings.Join(args, " "), answer)
		}
		if !slices.Contains(names, args[0]) {
			names = append(names, args[0])
		}
	}
	return names
}

// flat is a text with its white space made single.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// administer runs every command while everything else goes on.
func (w *world) administer() {
	w.t.Helper()
	began := time.Now()
	names := w.runCommands(adminCommands)
	w.saw("mqadmin: %d runs of %d commands in %s, each with the outcome it has at the reference: %s",
		len(adminCommands), len(names), short(time.Since(began)), strings.Join(names, " "))
}

// withoutOld runs what any 4.9 broker makes fail, in whatever cluster it is, while there is none.
func (w *world) withoutOld() {
	w.t.Helper()
	w.runCommands([]adminCommand{
		{"rocksDBConfigToJson -t topics -c compat5", []string{"broker export done."}},
		{"checkRocksdbCqWriteProgress -c compat5", []string{"broker-a check doing"}},
	})
	const mapping = `"topicQueueMappingByBroker":{ "broker-a":{ "bname":"broker-a"`
	const topic = "Static"
	w.runCommands([]adminCommand{{"updateStaticTopic -c compat5 -t " + topic + " -qn 4", []string{"The old mapping data is written to file", "The new mapping data is written to file"}}})
	// The broker makes the topic before the mapping, and tells of each.
	w.until(20*time.Second, "the route of a static topic has its mapping", func() bool {
		answer := flat(w.admin.at(w.addrs(), "topicRoute", "-t", topic))
		return strings.Contains(answer, mapping) && strings.Contains(answer, `"totalQueues":4`)
	})
	w.runCommands([]adminCommand{{"remappingStaticTopic -c compat5 -t " + topic, []string{"The old mapping data is written to file"}}})
	w.saw("mqadmin: while no 4.9 broker is there, also rocksDBConfigToJson, checkRocksdbCqWriteProgress, updateStaticTopic with the mapping in the route, remappingStaticTopic")
}

// roundTrips runs clusterRT, which measures for ever, as its users do, in a process of its own that finds name servers by itself.
func (w *world) roundTrips() {
	w.t.Helper()
	lines := make(chan string, 100)
	home := w.place.folder(w.t, "clusterRT")
	p := run(w.t, w.place, command{
		name: "clusterRT", dir: home,
		args: w.javaClient(w.software.five, "96m", home, "-Dcompat.log=OFF",
			"org.apache.rocketmq.tools.command.MQAdminStartup", "clusterRT", "-a", "2", "-s", "16", "-i", "1"),
		line: func(line string) { lines <- strings.Join(strings.Fields(line), " ") },
	})
	defer p.kill()
	for _, want := range []string{cluster4 + " broker-b", cluster5 + " broker-a"} {
		w.heard(p, lines, want)
	}
	w.saw("mqadmin clusterRT, a process of its own that asks the address server: round trips to both clusters")
}

// heard waits for a line that contains something.
func (w *world) heard(p *process, lines <-chan string, want string) {
	w.t.Helper()
	late := time.After(patience)
	for {
		select {
		case line := <-lines:
			if strings.Contains(line, want) {
				return
			}
		case <-late:
			w.t.Fatalf("no line with %q\n%s", want, p.tail())
		case <-p.done:
			w.t.Fatalf("it ended without a line with %q\n%s", want, p.tail())
		}
	}
}
