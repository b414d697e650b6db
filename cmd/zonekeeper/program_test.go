package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever misspells a command is told so, whatever flags he gave: they may well be right.
func TestMisspeltCommandBeforeFlags(t *testing.T) {
	for args, want := range map[string]string{
		"topics lss --server http://x":         `unknown command "lss" for "zonekeeper topics"; did you mean ls?`,
		"topics lss -o json":                   `unknown command "lss" for "zonekeeper topics"; did you mean ls?`,
		"topic ls --server http://x":           `unknown command "topic" for "zonekeeper"; did you mean topics?`,
		"--server http://x topic ls":           `unknown command "topic" for "zonekeeper"; did you mean topics?`,
		"brokers list --server http://x":       `unknown command "list" for "zonekeeper brokers"; did you mean ls?`,
		"brokers --server http://x":            `"zonekeeper brokers" takes no --server: name one of its commands: ls`,
		"preservation --server=http://x":       `"zonekeeper preservation" takes no --server: name one of its commands: end, show`,
		"topics -o json":                       `"zonekeeper topics" takes no -o: name one of its commands: ls, route, why`,
		"topics ls -x --server=http://[::1]:1": `-x: no such flag of this command; see --help`,
	} {
		out := command(t, nil, strings.Fields(args)...)
		require.Equal(t, exitUsage, out.code, args)
		require.Equal(t, "zonekeeper: "+want+"\n", out.stderr, args)
		require.Empty(t, out.stdout, args)
	}
}

func TestNameIsMissing(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"topics", "why"}, "name the topic: zonekeeper topics why TOPIC"},
		{[]string{"topics", "why", ""}, "name the topic: zonekeeper topics why TOPIC"},
		{[]string{"topics", "route"}, "name the topic: zonekeeper topics route TOPIC"},
		{[]string{"topics", "route", ""}, "name the topic: zonekeeper topics route TOPIC"},
		{[]string{"topics", "route", "A", "B"}, "name one topic, not 2: zonekeeper topics route TOPIC"},
		{[]string{"peers", "show", ""}, "name the peer: zonekeeper peers show PEER"},
	} {
		out := command(t, nil, row.args...)
		require.Equal(t, exitUsage, out.code, row.args)
		require.Equal(t, "zonekeeper: "+row.want+"\n", out.stderr, row.args)
	}
}

// dev has other flags than serve for where to listen.
func TestFlagsOfServeForDev(t *testing.T) {
	for args, want := range map[string]string{
		"dev --http-listen :1":    "--http-listen: no such flag of this command; did you mean --base-port?",
		"dev --namesrv-listen=:1": "--namesrv-listen: no such flag of this command; did you mean --namesrv-base-port?",
	} {
		out := command(t, nil, strings.Fields(args)...)
		require.Equal(t, exitUsage, out.code, args)
		require.Equal(t, "zonekeeper: "+want+"\n", out.stderr, args)
	}
}
