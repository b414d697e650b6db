package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/peerstore"
)

func (p *program) zoneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "zone",
		Short: "Show the list of servers that clients are given",
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(with(&cobra.Command{
		Use:   "print",
		Short: "Print the servers that clients are given, those of --zone first",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.printZone(cmd.Context()) },
	}, onDB|onAsk|onZone|onPrint|onAny))
	return cmd
}

// zoneView is the list with the line that clients are configured with.
type zoneView struct {
	Cluster     string             `json:"cluster"`
	DefaultZone string             `json:"defaultZone"`
	Servers     []clientcfg.Server `json:"servers"`
}

func (p *program) printZone(ctx context.Context) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	list, err := p.serverList(ctx)
	if err != nil {
		return err
	}
	zone := p.config.Zone
	view := zoneView{Cluster: list.Cluster, DefaultZone: list.DefaultZone(zone), Servers: list.Ordered(zone)}
	if len(view.Servers) == 0 {
		return fmt.Errorf("cluster %s: no server serves", p.config.Cluster)
	}
	r := result{data: view, heading: []string{"url", "zone", "region", "peer"}, note: "defaultZone: " + view.DefaultZone}
	for _, s := range view.Servers {
		r.rows = append(r.rows, []string{s.URL, s.Zone, s.Region, short(s.ID)})
	}
	return p.print(r)
}

func (p *program) serverList(ctx context.Context) (clientcfg.ServerList, error) {
	if p.config.Ask.Server != "" {
		body, err := p.get(ctx, "/zone"+clientcfg.JSON.Extension(), clientcfg.JSON.ContentType())
		if err != nil {
			return clientcfg.ServerList{}, err
		}
		list, err := clientcfg.DecodeServerList(body)
		if err != nil {
			return list, err
		}
		return list, p.sameCluster(list.Cluster)
	}
	view, err := p.askRows(ctx)
	if err != nil {
		return clientcfg.ServerList{}, err
	}
	list := clientcfg.ServerList{Cluster: p.config.Cluster}
	for _, r := range view.Rows {
		if r.Live && r.Phase == peerstore.PhaseServing {
			list.Servers = append(list.Servers, clientcfg.Server{URL: r.Addresses.Eureka, Zone: r.Zone, Region: r.Region, ID: r.ID})
		}
	}
	return list.Normalize()
}
