package main

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"
)

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show and check the configuration",
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.configPrintCommand(), p.configCheckCommand())
	return cmd
}

func (p *program) configPrintCommand() *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration that `serve` would use here",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return p.printConfig(origin) },
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "say where each value comes from")
	return with(cmd, onServe|onAny|onPrint)
}

func (p *program) configCheckCommand() *cobra.Command {
	return with(&cobra.Command{
		Use:   "check",
		Short: "Tell all mistakes in the configuration of `serve`, without starting anything",
		Long: "Tell all mistakes in the configuration of `serve`, without starting anything. What can be served but may not be meant,\n" +
			"such as a misspelt key in the file of --namesrv-properties, is a warning.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { // mistakes of single options were reported before this runs
			listen, err := net.ResolveTCPAddr("tcp", p.config.HTTP.Listen)
			if err != nil {
				return usageError{fmt.Sprintf("http.listen: %v", err)}
			}
			if err := p.config.portsDiffer(); err != nil {
				return err
			}
			if err := p.complete(p.config, listen).knowsSomebody(); err != nil {
				return err
			}
			if err := p.config.Namesrv.usable(); err != nil {
				return err
			}
			for _, w := range p.config.Namesrv.Warnings {
				fmt.Fprintf(p.stderr, "zonekeeper: warning: %s\n", w)
			}
			fmt.Fprintln(p.stdout, "The configuration is right.")
			return nil
		},
	}, onServe|onAny)
}

// configValue is one option as `config print` shows it. Secrets are redacted.
type configValue struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin,omitempty"`
}

func (p *program) printConfig(origin bool) error {
	var values []configValue
	r := result{heading: []string{"key", "value"}}
	if origin {
		r.heading = append(r.heading, "origin")
	}
	for _, o := range inScope(onServe | onAny) {
		v := configValue{Key: o.key, Value: o.shown(p.loaded.values[o.key])}
		row := []string{v.Key, v.Value}
		if origin {
			v.Origin = p.loaded.origins[o.key]
			row = append(row, v.Origin)
		}
		values = append(values, v)
		r.rows = append(r.rows, row)
	}
	r.data = values
	return p.print(r)
}
