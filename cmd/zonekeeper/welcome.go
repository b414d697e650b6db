package main

import (
	"embed"
	"fmt"
	"net"
	"strconv"
	"strings"
	"text/template"

	"github.com/zonekeeper/zonekeeper/peerstore/localpg"
)

// welcome.txt is what a person who just started a cluster wants to copy.
//
//go:embed welcome.txt
var welcomeFiles embed.FS

type welcomeView struct {
	Servers  []string // Eureka URLs
	Database string   // one line about it
	URL      string   // of the database
	Demo     bool
}

func (v welcomeView) First() string { return strings.TrimSuffix(v.Servers[0], "/eureka/") }
func (v welcomeView) Zone() string  { return strings.Join(v.Servers, ",") }

// Next is the address that one more server could take.
func (v welcomeView) Next() string {
	last := strings.TrimPrefix(strings.TrimSuffix(v.Servers[len(v.Servers)-1], "/eureka/"), "http://")
	host, port, err := net.SplitHostPort(last)
	if err != nil {
		return last
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return last
	}
	return net.JoinHostPort(host, strconv.Itoa(n+1))
}

func (p *program) welcome(apps []*App, postgres *localpg.Server) error {
	view := welcomeView{Database: postgres.Describe(), URL: postgres.URL(), Demo: p.config.Dev.Demo}
	for _, a := range apps {
		view.Servers = append(view.Servers, a.cfg.AdvertiseURL)
	}
	text, err := renderWelcome(view)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.stdout, text)
	return err
}

func renderWelcome(v welcomeView) (string, error) {
	t, err := template.ParseFS(welcomeFiles, "welcome.txt")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, v)
	return b.String(), err
}
