package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

// compose is the part of docker-compose.yml that these tests read.
type compose struct {
	Services map[string]struct {
		Image string `yaml:"image"`
		Build struct {
			Dockerfile string `yaml:"dockerfile"`
			Target     string `yaml:"target"`
		} `yaml:"build"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
		Ports       []string          `yaml:"ports"`
		Grace       string            `yaml:"stop_grace_period"`
	} `yaml:"services"`
}

func readCompose(t *testing.T) compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	require.NoError(t, err)
	var c compose
	require.NoError(t, yaml.Unmarshal(text, &c))
	return c
}

// The compose file names stages that the Dockerfile has, and its three servers are told the same.
func TestComposeFile(t *testing.T) {
	c := readCompose(t)
	dockerfile, err := os.ReadFile(filepath.Join("..", "..", "deploy", "Dockerfile"))
	require.NoError(t, err)
	stages := regexp.MustCompile(`(?m)^FROM \S+ AS (\S+)`).FindAllStringSubmatch(string(dockerfile), -1)
	var names, host []string
	for _, s := range stages {
		names = append(names, s[1])
	}
	require.Equal(t, "server", names[len(names)-1], "a build without a target gives the server")
	require.Contains(t, string(dockerfile), "\nUSER 65532:65532\n")
	first := c.Services["zk1"]
	for _, name := range []string{"zk1", "zk2", "zk3"} {
		s := c.Services[name]
		require.Equal(t, first.Command, s.Command)
		require.Equal(t, first.Environment, s.Environment)
		require.Equal(t, "server", s.Build.Target)
		require.Equal(t, "180s", s.Grace, "longer than a drain")
		host = append(host, s.Ports...)
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(host))), 6)
	require.Contains(t, names, c.Services["orders"].Build.Target)
	require.NotEmpty(t, c.Services["postgres"].Image)
	for _, url := range strings.Split(c.Services["orders"].Environment["ZONEKEEPER_URL"], ",") {
		_, err := parseEurekaURL(url)
		require.NoError(t, err)
	}
}

// Where no container engine is at hand, the services run as plain processes with the same commands and environment; only names that
// the engine would resolve are put in their place.
func TestComposeServicesRunAsProcesses(t *testing.T) {
	c, client := readCompose(t), caller(t)
	_, schema := pgtest.EmptyPool(t)
	var servers []*process
	for _, name := range []string{"zk1", "zk2", "zk3"} {
		s := c.Services[name]
		require.Equal(t, []string{"serve"}, s.Command, "what spawn runs")
		environ := []string{"ZONEKEEPER_DB_SCHEMA=" + schema}
		for key, value := range s.Environment {
			switch key {
			case "ZONEKEEPER_DB_URL":
				value = pgtest.URL(t)
			case "ZONEKEEPER_LOG_FORMAT":
				continue // the test reads the log
			case "ZONEKEEPER_NAMESRV_LISTEN":
				value = "127.0.0.1:0" // three on one machine
			}
			environ = append(environ, key+"="+value)
		}
		servers = append(servers, spawn(t, environ...))
	}
	all(t, client, servers, "form a cluster", func(s *process) bool { return s.ready(client) && len(s.zone(client)) == 3 })

	sample := spawnSample(t, map[string]string{"APP": c.Services["orders"].Environment["APP"], "ZONEKEEPER_URL": servers[0].eurekaURL()})
	all(t, client, servers, "see the sample client", func(s *process) bool {
		_, text := s.request(client, "GET", "/eureka/apps/ORDERS", "")
		return strings.Contains(text, `"status":"UP"`)
	})
	sample()
	all(t, client, servers, "see it leave", func(s *process) bool {
		status, _ := s.request(client, "GET", "/eureka/apps/ORDERS", "")
		return status == 404
	})
}
