package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func (p *program) peersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "Show the servers of the cluster",
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	const scope = onDB | onAsk | onPrint | onAny
	cmd.AddCommand(
		with(&cobra.Command{
			Use:   "ls",
			Short: "List the servers, as one of them (--server) or the database sees them",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return p.listPeers(cmd.Context()) },
		}, scope),
		with(&cobra.Command{
			Use:   "show PEER",
			Short: "Show one server: its id, the beginning of its id, or its address",
			Args:  oneName("peer"),
			RunE:  func(cmd *cobra.Command, args []string) error { return p.showPeer(cmd.Context(), args[0]) },
		}, scope),
	)
	return cmd
}

// peerView is a server as commands show it, whoever was asked.
type peerView struct {
	peerstore.Peer
	Verdict string          `json:"verdict"` // live, suspect, silent, ... or the phase of a row that is closed
	Age     string          `json:"sinceHeartbeat,omitempty"`
	Stats   peerstore.Stats `json:"stats"`
	Copy    *copyStatus     `json:"copy,omitempty"`
	// AsOf is set while the server that was asked cannot read the database: heartbeat and stats are from then.
	AsOf *time.Time `json:"asOf,omitempty"`
}

// namesrv is the address and phase of its name server, "" when it has none.
func (v peerView) namesrv() string {
	if v.Addresses.Namesrv == "" {
		return ""
	}
	return v.Addresses.Namesrv + " " + string(v.NamesrvPhase)
}

// peerViews asks a server, or else the database.
func (p *program) peerViews(ctx context.Context) ([]peerView, string, error) {
	if p.config.Ask.Server != "" {
		s, err := p.askStatus(ctx)
		if err != nil {
			return nil, "", err
		}
		var all []peerView
		for _, one := range s.Peers {
			v := peerView{Peer: one.Peer, Verdict: one.Verdict, Age: one.Age, Stats: one.Stats, Copy: one.Copy}
			if !one.Self {
				v.AsOf = s.Database.AsOf
			}
			all = append(all, v)
		}
		note := "As " + s.Peer.Addresses.Eureka + " sees them."
		if since := s.Database.AsOf; since != nil {
			note += "\nThe database is away since " + stamp(*since) + "; heartbeats, counts and digests are from then."
		}
		return all, note, nil
	}
	view, err := p.askRows(ctx)
	if err != nil {
		return nil, "", err
	}
	var all []peerView
	for _, r := range view.Rows {
		v := peerView{Peer: r.Peer, Verdict: verdictOf(r), Age: age(r.Age), Stats: r.Stats}
		all = append(all, v)
	}
	return all, "As the database sees them.", nil
}

// verdictOf is what the database's clock says of a row.
func verdictOf(r peerstore.Row) string {
	switch {
	case !r.Phase.Living():
		return string(r.Phase)
	case r.Grace:
		return "grace"
	case r.Live:
		return "live"
	default:
		return "silent"
	}
}

func (p *program) listPeers(ctx context.Context) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	all, note, err := p.peerViews(ctx)
	if err != nil {
		return err
	}
	r := result{
		data: all, note: note,
		heading: []string{"peer", "url", "phase", "verdict", "zone", "age", "instances", "digest", "namesrv", "version"},
	}
	for _, v := range all {
		if p.config.Ask.Output == "table" && !v.Phase.Living() {
			continue // closed rows are history; -o json has them
		}
		r.rows = append(r.rows, []string{
			short(v.ID), v.Addresses.Eureka, string(v.Phase), v.Verdict, v.Zone, v.Age,
			strconv.Itoa(v.Stats.Instances), short(v.Stats.Digest.String()), v.namesrv(), v.Version,
		})
	}
	return p.print(r)
}

func (p *program) showPeer(ctx context.Context, which string) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	all, _, err := p.peerViews(ctx)
	if err != nil {
		return err
	}
	var found []peerView
	for _, v := range all {
		if v.ID == which || strings.HasPrefix(v.ID, which) || strings.Contains(v.Addresses.Eureka, which) {
			found = append(found, v)
		}
	}
	living := found[:0:0]
	for _, v := range found {
		if v.Phase.Living() {
			living = append(living, v)
		}
	}
	if len(living) == 1 {
		found = living
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("peer %q: %w; `zonekeeper peers ls` lists them", which, errNotFound)
	case 1:
	default:
		return usageError{fmt.Sprintf("%d servers fit %q: give more of the id", len(found), which)}
	}
	v := found[0]
	r := result{data: v, rows: [][]string{
		{"peer", v.ID}, {"epoch", strconv.FormatInt(v.Epoch, 10)}, {"url", v.Addresses.Eureka}, {"phase", string(v.Phase)}, {"verdict", v.Verdict},
		{"zone", v.Zone}, {"region", v.Region}, {"host", v.Host}, {"version", v.Version}, {"started", stamp(v.StartedAt)}, {"phase since", stamp(v.PhaseSince)},
		{"since heartbeat", v.Age}, {"applications", strconv.Itoa(v.Stats.Applications)}, {"instances", strconv.Itoa(v.Stats.Instances)},
		{"registry version", strconv.FormatInt(v.Stats.RegistryVersion, 10)}, {"digest", v.Stats.Digest.String()},
		{"self-preservation", strconv.FormatBool(v.Stats.SelfPreservation)}, {"renews per minute", strconv.Itoa(v.Stats.RenewsPerMinute)},
		{"peers heard", fmt.Sprintf("%d of %d", v.Stats.PeersOK, v.Stats.PeersTotal)}, {"unreachable", strings.Join(v.Stats.Unreachable, " ")},
	}}
	if v.Addresses.Namesrv != "" {
		r.rows = append(r.rows, [][]string{
			{"name server", v.Addresses.Namesrv}, {"name server phase", string(v.NamesrvPhase)}, {"brokers", strconv.Itoa(v.Stats.Brokers)},
			{"topics", strconv.Itoa(v.Stats.Topics)}, {"routes digest", v.Stats.RoutesDigest.String()},
		}...)
	}
	return p.print(r)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// short is enough of an id to tell servers apart on a screen.
func short(id string) string { return id[:min(len(id), 8)] }
