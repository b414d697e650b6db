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
	Namesrv  []string // RocketMQ name servers' ip:port, none when they are off
	Database string   // one line about it
	URL      string   // of the database
	Demo     bool
}

func (v welcomeView) First() string { return strings.TrimSuffix(v.Servers[0], "/eureka/") }
func (v welcomeView) Zone() string  { return strings.Join(v.Servers, ",") }

// FirstHost is host and port of the first server's HTTP.
func (v welcomeView) FirstHost() string { return strings.TrimPrefix(v.First(), "http://") }

// NamesrvList is the name servers as RocketMQ writes them.
func (v welcomeView) NamesrvList() string { return strings.Join(v.Namesrv, ";") }

// Next and NextNamesrv are the addresses that one more server could take.
func (v welcomeView) Next() string {
	return nextPort(strings.TrimPrefix(strings.TrimSuffix(v.Servers[len(v.Servers)-1], "/eureka/"), "http://"))
}

func (v welcomeView) NextNamesrv() string { return nextPort(v.Namesrv[len(v.Namesrv)-1]) }

func nextPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, strconv.Itoa(n+1))
}

func (p *program) welcome(apps []*App, postgres *localpg.Server) error {
	view := welcomeView{Database: postgres.Describe(), URL: postgres.URL(), Demo: p.config.Dev.Demo}
	for _, a := range apps {
		view.Servers = append(view.Servers, a.cfg.AdvertiseURL)
		if a.cfg.Namesrv.Advertise != "" {
			view.Namesrv = append(view.Namesrv, a.cfg.Namesrv.Advertise)
		}
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
