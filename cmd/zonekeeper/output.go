package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml"
)

// result is what a command prints: the same data as a table for people or as a document for programs.
type result struct {
	data    any        // encoded as JSON, and as YAML by way of it, so that both have the same names
	heading []string   // of the table
	rows    [][]string // of the table
	note    string     // one sentence under the table; not part of the documents
}

// print writes the result as -o says.
func (p *program) print(r result) error { return r.write(p.stdout, p.config.Ask.Output) }

func (r result) write(w io.Writer, form string) error {
	if form == "table" {
		return r.table(w)
	}
	text, err := json.MarshalIndent(r.data, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	text = append(text, '\n')
	if form == "yaml" {
		if text, err = yaml.JSONToYAML(text); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	_, err = w.Write(text)
	return err
}

func (r result) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if len(r.heading) > 0 {
		fmt.Fprintln(t, strings.ToUpper(strings.Join(r.heading, "\t")))
	}
	for _, row := range r.rows {
		for i, cell := range row {
			if cell == "" {
				row[i] = "-" // a cell that is seen to be empty keeps columns readable for awk
			}
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.note != "" {
		_, err := fmt.Fprintln(w, r.note)
		return err
	}
	return nil
}
