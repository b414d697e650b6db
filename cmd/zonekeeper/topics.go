package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func (p *program) topicsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Show RocketMQ topics and their routes",
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	const scope = onDB | onAsk | onPrint | onAny
	cmd.AddCommand(
		with(&cobra.Command{
			Use:   "ls [PART]",
			Short: "List the topics whose name contains PART, as one server (--server) or every live one knows them",
			Args:  cobra.MaximumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return p.listTopics(cmd.Context(), strings.Join(args, ""))
			},
		}, scope),
		with(&cobra.Command{
			Use:   "route TOPIC",
			Short: "Show the brokers and queues that clients are told for a topic",
			Args:  oneName("topic"),
			RunE:  func(cmd *cobra.Command, args []string) error { return p.showRoute(cmd.Context(), args[0]) },
		}, scope),
		with(&cobra.Command{
			Use:   "why TOPIC",
			Short: "Explain why clients find a route of a topic, or \"No route info of this topic\"",
			Long: "Explain why clients find a route of a topic, or \"No route info of this topic\": which brokers have it and when they last registered,\n" +
				"through which server, on which servers it is routed, and whose word took a permission away or deleted it. Without --server every\n" +
				"live name server that the database knows is asked. The exit code is 0 when all of them route the topic, else 1.",
			Args: oneName("topic"),
			RunE: func(cmd *cobra.Command, args []string) error { return p.whyTopic(cmd.Context(), args[0]) },
		}, scope),
	)
	return cmd
}

// reply is what one name server answered, or why it did not.
type reply[T any] struct {
	Server string `json:"server"` // scheme, host and port of its HTTP
	Name   string `json:"name"`   // what people call it: the address of the name server, if it is known
	Answer T      `json:"answer"`
	Err    string `json:"error,omitempty"`

	err     error           // what Err says
	phase   peerstore.Phase // of the name server before it was asked
	waiting string          // what it waits for, in a sentence, if it is known
}

// askNamesrvs asks the server that --server names, or every live one with a name server that the database knows, all at once. The answers
// come in the order of the servers' incarnations. It is an error when none of them answers; what each of them said is returned all the same.
func askNamesrvs[T any](ctx context.Context, p *program, path string) ([]reply[T], error) {
	all, err := whomToAsk[T](ctx, p)
	if err != nil {
		return nil, err
	}
	var calls sync.WaitGroup
	for i := range all {
		calls.Go(func() {
			body, err := callServer(ctx, all[i].Server, "GET", path, "application/json")
			if err == nil {
				err = json.Unmarshal(body, &all[i].Answer)
			}
			if all[i].err = err; err != nil {
				all[i].Err = err.Error()
			}
		})
	}
	calls.Wait()
	var errs []error
	for _, one := range all {
		if one.err == nil {
			return all, nil
		}
		errs = append(errs, one.err)
	}
	return all, errors.Join(errs...)
}

// whomToAsk is the name servers to ask, without their answers.
func whomToAsk[T any](ctx context.Context, p *program) ([]reply[T], error) {
	if server := p.config.Ask.Server; server != "" {
		s, err := p.askStatus(ctx)
		switch {
		case err != nil:
			return nil, err
		case s.Namesrv == nil:
			return nil, fmt.Errorf("%s runs no RocketMQ name server: start it with --namesrv-listen=:9876, or ask one that does", server)
		}
		return []reply[T]{{Server: server, Name: cmp.Or(s.Namesrv.Address, server), phase: s.Namesrv.Phase, waiting: s.Namesrv.Waiting}}, nil
	}
	view, err := p.askRows(ctx)
	if err != nil {
		return nil, err
	}
	var all []reply[T]
	for _, r := range view.Rows {
		if r.Live && r.NamesrvPhase.Living() {
			all = append(all, reply[T]{Server: r.BaseURL(), Name: r.Addresses.Namesrv, phase: r.NamesrvPhase})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("cluster %s: no server runs a RocketMQ name server: start them with --namesrv-listen=:9876", p.config.Cluster)
	}
	return all, nil
}

// sayJoining tells of name servers whose answers may lack what the others have.
func sayJoining[T any](w io.Writer, all []reply[T]) {
	for _, one := range all {
		if one.phase == peerstore.PhaseJoining {
			fmt.Fprintln(w, strings.TrimSpace(one.Name+" is still joining: its routes may be incomplete. "+one.waiting))
		}
	}
}

// noBroker is a sentence when no name server knows a broker, else "".
func (p *program) noBroker(ctx context.Context) string {
	all, err := askNamesrvs[brokersView](ctx, p, "/api/v1/brokers")
	if err != nil {
		return ""
	}
	return brokerless(all)
}

// noBrokerAt says how brokers find the name servers, none of which knows one. Of one that still joins that means nothing.
func noBrokerAt(servers []nameServerView) string {
	var addresses []string
	for _, s := range servers {
		if s.Phase == peerstore.PhaseJoining {
			return "No broker is known yet."
		}
		addresses = append(addresses, s.Address)
	}
	domain := strings.TrimPrefix(peerstore.BaseURL(servers[0].Server), "http://")
	return fmt.Sprintf("No broker is registered at any name server. Brokers find them by namesrvAddr=%s in broker.conf, or at http://%s/rocketmq/nsaddr-broker "+
		"by fetchNamesrvAddrByAddressServer=true, rmqAddressServerDomain=%s and rmqAddressServerSubGroup=nsaddr-broker.", strings.Join(addresses, ";"), domain, domain)
}

// silent is a sentence for each server that did not answer.
func silent[T any](all []reply[T]) []string {
	var sentences []string
	for _, one := range all {
		if one.Err != "" {
			sentences = append(sentences, fmt.Sprintf("%s did not answer: %s.", one.Name, one.Err))
		}
	}
	return sentences
}

// share says on how many of the servers that answered something holds.
func share[T any](n int, all []reply[T]) string {
	answered := 0
	for _, one := range all {
		if one.Err == "" {
			answered++
		}
	}
	return fmt.Sprintf("%d of %d", n, answered)
}

// topicRow is a topic as `topics ls` shows it.
type topicRow struct {
	httpapi.Topic
	Servers int `json:"servers"` // on how many of those that answered it is routed
}

func (p *program) listTopics(ctx context.Context, part string) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	all, err := askNamesrvs[httpapi.TopicPage](ctx, p, "/api/v1/topics?limit=100000&q="+url.QueryEscape(part))
	sayJoining(p.stderr, all)
	if err != nil {
		return err
	}
	known := make(map[string]*topicRow)
	rows := []*topicRow{}
	for _, one := range all {
		for _, t := range one.Answer.Topics {
			row := known[t.Name]
			if row == nil {
				row = &topicRow{Topic: t}
				known[t.Name] = row
				rows = append(rows, row)
			}
			row.Servers++
			if len(t.Brokers) > len(row.Brokers) {
				row.Topic = t
			}
		}
	}
	slices.SortFunc(rows, func(a, b *topicRow) int { return strings.Compare(a.Name, b.Name) })
	notes := silent(all)
	if len(rows) == 0 {
		notes = append(notes, "No such topic is routed.")
		if lost := p.noBroker(ctx); lost != "" {
			notes = append(notes, lost)
		}
	}
	r := result{data: rows, heading: []string{"topic", "read", "write", "brokers", "servers"}, note: strings.Join(notes, "\n")}
	for _, t := range rows {
		r.rows = append(r.rows, []string{
			t.Name, strconv.Itoa(t.ReadQueues), strconv.Itoa(t.WriteQueues), strings.Join(t.Brokers, " "), share(t.Servers, all),
		})
	}
	return p.print(r)
}

// routeRow is one broker's part of a route.
type routeRow struct {
	Cluster     string   `json:"cluster"`
	Broker      string   `json:"broker"`
	ReadQueues  int32    `json:"readQueues"`
	WriteQueues int32    `json:"writeQueues"`
	Perm        string   `json:"perm"`
	Addresses   []string `json:"addresses"` // "0=10.0.0.9:10911" is the master
	Servers     []string `json:"servers"`   // name servers that tell clients so
}

func (p *program) showRoute(ctx context.Context, topic string) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	all, err := askNamesrvs[json.RawMessage](ctx, p, "/api/v1/topics/"+url.PathEscape(topic))
	sayJoining(p.stderr, all)
	var without []string
	for i, one := range all {
		if errors.Is(one.err, errNotFound) { // an answer, too
			without = append(without, one.Name)
			all[i].Err = ""
		}
	}
	switch {
	case err != nil && len(without) == 0:
		return err
	case err != nil:
		why := "; `zonekeeper topics why " + topic + "` explains it"
		if lost := p.noBroker(ctx); lost != "" {
			why = ". " + lost
		}
		if deaf := silent(all); len(deaf) > 0 {
			why += " (" + strings.Join(deaf, " ") + ")"
		}
		return fmt.Errorf("topic %q: %w on %s%s", topic, errNotFound, listed(without), why)
	}
	rows := []*routeRow{}
	for _, one := range all {
		if one.err != nil {
			continue
		}
		route, err := remoting.DecodeTopicRoute(one.Answer)
		if err != nil {
			return fmt.Errorf("ask %s: this is not Zonekeeper's answer: %w", one.Server, err)
		}
		for _, part := range partsOf(route) {
			i := slices.IndexFunc(rows, func(r *routeRow) bool { return r.same(part) })
			if i < 0 {
				rows, i = append(rows, part), len(rows)
			}
			rows[i].Servers = append(rows[i].Servers, one.Name)
		}
	}
	notes := silent(all)
	if len(without) > 0 {
		notes = append(notes, fmt.Sprintf("It is not routed on %s: `zonekeeper topics why %s` explains it.", listed(without), topic))
	}
	r := result{data: rows, heading: []string{"broker", "cluster", "read", "write", "perm", "addresses", "servers"}, note: strings.Join(notes, "\n")}
	for _, one := range rows {
		r.rows = append(r.rows, []string{
			one.Broker, one.Cluster, strconv.Itoa(int(one.ReadQueues)), strconv.Itoa(int(one.WriteQueues)), one.Perm, strings.Join(one.Addresses, " "), share(len(one.Servers), all),
		})
	}
	return p.print(r)
}

// partsOf takes a route apart by brokers.
func partsOf(route *remoting.TopicRoute) []*routeRow {
	var parts []*routeRow
	for _, q := range route.Queues {
		part := &routeRow{Broker: q.Broker, ReadQueues: q.ReadQueues, WriteQueues: q.WriteQueues, Perm: permText(q.Perm)}
		for _, b := range route.Brokers {
			if b.Name != q.Broker {
				continue
			}
			part.Cluster, part.Addresses = b.Cluster, []string{}
			for _, a := range b.Addrs {
				part.Addresses = append(part.Addresses, fmt.Sprintf("%d=%s", a.ID, a.Addr))
			}
		}
		parts = append(parts, part)
	}
	return parts
}

func (r *routeRow) same(o *routeRow) bool {
	return r.Broker == o.Broker && r.Cluster == o.Cluster && r.ReadQueues == o.ReadQueues && r.WriteQueues == o.WriteQueues && r.Perm == o.Perm &&
		slices.Equal(r.Addresses, o.Addresses)
}

// permText writes a permission as RocketMQ's tools do: RW-, R--.
func permText(perm int32) string {
	text := []byte("---")
	for i, bit := range []int32{4, 2, 1} {
		if perm&bit != 0 {
			text[i] = "RWX"[i]
		}
	}
	return string(text)
}
