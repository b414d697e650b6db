package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"
)

// thisMachine is whom these commands ask when nothing else is said: ending is for whoever sits at the server.
const thisMachine = "http://127.0.0.1:8761"

func (p *program) preservationCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "preservation",
		Short: "Show self-preservation, or end it",
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	const scope = onAsk | onPrint | onAny
	cmd.AddCommand(
		with(&cobra.Command{
			Use:   "show",
			Short: "Say what a server keeps though its lease is over, why, and until when",
			Long:  "Say what a server keeps though its lease is over, why, and until when. Without --server, " + thisMachine + " is asked.",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return p.showPreservation(cmd.Context()) },
		}, scope),
		with(&cobra.Command{
			Use:   "end",
			Short: "Give up what a server keeps by self-preservation: it is gone for good",
			Long: "Give up what a server keeps by self-preservation: it is gone for good. Later losses are judged anew. Servers judge each\n" +
				"for itself, and take this word only on their own machine. Without --server, " + thisMachine + " is told.",
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return p.endPreservation(cmd.Context()) },
		}, scope),
	)
	return cmd
}

func (p *program) showPreservation(ctx context.Context) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	p.config.Ask.Server = cmp.Or(p.config.Ask.Server, thisMachine)
	s, err := p.askStatus(ctx)
	if err != nil {
		return err
	}
	v := s.Preservation
	return p.print(result{data: v, note: v.Sentence, rows: [][]string{
		{"active", strconv.FormatBool(v.Active)}, {"kept", strconv.Itoa(v.Kept)},
		{"expected renewals", fmt.Sprintf("%.0f", v.Expected)}, {"actual renewals", fmt.Sprintf("%.0f", v.Actual)},
	}})
}

func (p *program) endPreservation(ctx context.Context) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	p.config.Ask.Server = cmp.Or(p.config.Ask.Server, thisMachine)
	if _, err := p.askStatus(ctx); err != nil { // is it the cluster that is meant?
		return err
	}
	body, err := p.call(ctx, http.MethodPost, "/api/v1/self-preservation/end", "application/json")
	if err != nil {
		return err
	}
	var did struct {
		Ended bool `json:"ended"`
	}
	if err := json.Unmarshal(body, &did); err != nil {
		return fmt.Errorf("ask %s: this is not Zonekeeper's answer: %w", p.config.Ask.Server, err)
	}
	sentence := "Self-preservation is ended."
	if !did.Ended {
		sentence = "Self-preservation was not active."
	}
	return p.print(result{data: did, rows: [][]string{{sentence}}})
}
