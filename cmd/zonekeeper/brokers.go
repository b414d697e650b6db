package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

func (p *program) brokersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "brokers",
		Short: "Show RocketMQ brokers",
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(with(&cobra.Command{
		Use:   "ls",
		Short: "List the brokers, as one server (--server) or every live one knows them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.listBrokers(cmd.Context()) },
	}, onDB|onAsk|onPrint|onAny))
	return cmd
}

// brokerRow is a broker as `brokers ls` shows it, put together from what the name servers know.
type brokerRow struct {
	Cluster string    `json:"cluster"`
	Name    string    `json:"name"`
	ID      int64     `json:"id"`
	Addr    string    `json:"addr"`
	Topics  int       `json:"topics"`
	Wiped   bool      `json:"wiped"`
	Heard   time.Time `json:"lastHeard"`         // the latest sign of life anywhere
	Age     string    `json:"sinceHeard"`        // by the clock of the server that heard it
	Through []string  `json:"through"`           // name servers that it registers with
	Known   []string  `json:"known"`             // name servers that route it
	Version string    `json:"dataVersion"`       // counter of the newest
	HAAddr  string    `json:"haAddr,omitempty"`  //
	Zone    string    `json:"zone,omitempty"`    //
	Missing []string  `json:"missing,omitempty"` // name servers that answered and do not know it

	age time.Duration
}

func (p *program) listBrokers(ctx context.Context) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	all, err := askNamesrvs[brokersView](ctx, p, "/api/v1/brokers")
	for i, one := range all {
		if one.err == nil {
			all[i].phase, all[i].waiting = one.Answer.Phase, one.Answer.Waiting
		}
	}
	sayJoining(p.stderr, all)
	if err != nil {
		return err
	}
	rows := mergeBrokers(all)
	r := result{data: rows, heading: []string{"cluster", "broker", "id", "address", "topics", "age", "through", "servers"}}
	notes := silent(all)
	if lost := brokerless(all); lost != "" {
		notes = append(notes, lost)
	}
	for _, b := range rows {
		name := b.Name
		if b.Wiped {
			name += " (wiped)"
		}
		r.rows = append(r.rows, []string{
			b.Cluster, name, strconv.FormatInt(b.ID, 10), b.Addr, strconv.Itoa(b.Topics), b.Age, strings.Join(b.Through, " "), share(len(b.Known), all),
		})
	}
	digests := make(map[string]bool)
	for _, one := range all {
		if one.Err == "" {
			digests[one.Answer.Digest.String()] = true
			if one.Answer.Waiting != "" && one.phase != peerstore.PhaseJoining {
				notes = append(notes, one.Answer.Address+" is "+string(one.Answer.Phase)+". "+one.Answer.Waiting)
			}
		}
	}
	if len(digests) > 1 {
		notes = append(notes, "The name servers do not show the same routes at this moment.")
	}
	r.note = strings.Join(notes, "\n")
	return p.print(r)
}

// brokerless is a sentence when the name servers that answered know no broker, else "".
func brokerless(all []reply[brokersView]) string {
	var asked []nameServerView
	for _, one := range all {
		if len(one.Answer.Brokers) > 0 {
			return ""
		}
		if one.err == nil {
			asked = append(asked, one.Answer.nameServerView)
		}
	}
	return noBrokerAt(asked)
}

// mergeBrokers puts together what several name servers know, one row a broker, in the order of cluster, name and id.
func mergeBrokers(all []reply[brokersView]) []*brokerRow {
	rows := []*brokerRow{}
	for _, one := range all {
		for _, b := range one.Answer.Brokers {
			i := slices.IndexFunc(rows, func(r *brokerRow) bool { return r.Cluster == b.Cluster && r.Addr == b.Addr })
			if i < 0 {
				i = len(rows)
				rows = append(rows, &brokerRow{Cluster: b.Cluster, Name: b.Name, ID: b.ID, Addr: b.Addr, HAAddr: b.HAAddr, Zone: b.Zone, age: -1, Through: []string{}})
			}
			rows[i].add(one.Answer.nameServerView, b)
		}
	}
	for _, row := range rows {
		row.Age = age(row.age)
		slices.Sort(row.Through)
		for _, one := range all {
			if one.Err == "" && !slices.Contains(row.Known, one.Answer.Address) {
				row.Missing = append(row.Missing, one.Answer.Address)
			}
		}
	}
	slices.SortFunc(rows, func(a, b *brokerRow) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID), strings.Compare(a.Addr, b.Addr))
	})
	return rows
}

// add takes over what one name server knows of the broker. How long ago something was is counted by that server's clock.
func (r *brokerRow) add(from nameServerView, b routeinfo.BrokerStatus) {
	r.Known = append(r.Known, from.Address)
	r.Topics, r.Wiped = max(r.Topics, b.Topics), r.Wiped || b.Wiped
	for _, s := range b.Sources {
		through := from.Address
		if s.Server != "" { // which may not be among those that were asked
			through = cmp.Or(from.Peers[s.Server], short(s.Server)+" (gone)")
		}
		if !slices.Contains(r.Through, through) {
			r.Through = append(r.Through, through)
		}
		if since := max(0, from.At.Sub(s.LastHeard)); r.age < 0 || since < r.age {
			r.age, r.Heard, r.Version = since, s.LastHeard, strconv.FormatInt(s.Version.Counter, 10)
		}
	}
}
