package main

import (
	"fmt"
	"slices"
	"strings"
)

// The texts below are made from the table of options. `make golden` writes them to the repository, and a test fails
// when what lies there is stale.
const (
	referencePath = "docs/configuration.md"
	examplePath   = "docs/zonekeeper.example.yaml"
)

// reference is docs/configuration.md.
func reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Made from the table in cmd/zonekeeper/options.go by "make golden". Do not edit. -->

Every option can be given in three ways. A flag wins over the environment, the environment over the file, the file over the default:

| Where | How | Example |
|---|---|---|
| flag | ` + "`--` and the key with dashes" + ` | ` + "`--peer-heartbeat=3s`" + ` |
| environment | ` + "`ZONEKEEPER_` and the key in capitals" + ` | ` + "`ZONEKEEPER_PEER_HEARTBEAT=3s`" + ` |
| file | YAML, dots are sections; named by ` + "`--config`" + ` | ` + "`peer: {heartbeat: 3s}`" + ` |

Secrets can also be read from a file that ` + "`ZONEKEEPER_..._FILE`" + ` names; they are never printed or logged. Lists are separated by commas, or are YAML lists.
An empty variable counts as not set. Unknown flags, keys and (where one is meant that exists) variables are refused, and all mistakes are reported
at once, each with its key, its value, the rule and the remedy; the exit code is then 2.

` + "`zonekeeper config check`" + ` tells the mistakes without starting anything, and ` + "`zonekeeper config print --origin`" + ` shows where each value comes from.
On SIGHUP a server reads its configuration again, takes over what says so below, and names in its log what needs a restart.
[zonekeeper.example.yaml](zonekeeper.example.yaml) is a file with every default.
`)
	for _, group := range groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| Key, flag, environment | Default | Meaning |\n|---|---|---|\n", group)
		for _, o := range options {
			if o.group != group {
				continue
			}
			preset := "none"
			if o.preset != "" {
				preset = "`" + o.preset + "`"
			}
			if o.devPreset != "" {
				preset += ", of `dev` `" + o.devPreset + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", names(o), preset, cell(o))
		}
	}
	return b.String()
}

func groups() []string {
	var all []string
	for _, o := range options {
		if !slices.Contains(all, o.group) {
			all = append(all, o.group)
		}
	}
	return all
}

// names is the first cell of a row: key, flag and variables, each on its own line.
func names(o option) string {
	flag := "`--" + o.flagName() + "`"
	if o.short != "" {
		flag = "`-" + o.short + "`, " + flag
	}
	lines := []string{flag}
	if !o.flag {
		lines = []string{"**`" + o.key + "`**", flag}
	}
	for _, name := range o.envNames() {
		lines = append(lines, "`"+name+"`")
	}
	return strings.Join(lines, "<br>")
}

func cell(o option) string {
	text := sentence(o.help)
	if o.more != "" {
		text += " " + o.more
	}
	if o.reload {
		text += " Read again on SIGHUP."
	}
	if o.form != "path" {
		text += " " + sentence(o.rule)
	}
	return strings.ReplaceAll(text, "|", "\\|")
}

// sentence gives a clause its capital letter and its stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// exampleFile is docs/zonekeeper.example.yaml: every option that can stand in a file, with its default or, commented, an example.
func exampleFile() string {
	var b strings.Builder
	b.WriteString("# Every option with its default; those without one are commented. Made from cmd/zonekeeper/options.go by \"make golden\".\n")
	b.WriteString("# Use it with: zonekeeper serve --config zonekeeper.yaml\n")
	for _, s := range sections() {
		b.WriteString("\n")
		indent := ""
		if s.name != "" {
			b.WriteString(s.name + ":\n")
			indent = "  "
		}
		for _, o := range s.rows {
			key := strings.TrimPrefix(o.key, s.name+".")
			fmt.Fprintf(&b, "%s# %s", indent, sentence(o.help))
			if strings.Contains(o.form, "|") {
				fmt.Fprintf(&b, " (%s)", strings.ReplaceAll(o.form, "|", ", "))
			}
			b.WriteString("\n")
			if o.preset == "" {
				fmt.Fprintf(&b, "%s# %s: %s\n", indent, key, o.example)
				continue
			}
			fmt.Fprintf(&b, "%s%s: %s\n", indent, key, quoted(o.preset))
		}
	}
	return b.String()
}

// quoted keeps YAML from reading a value as something else.
func quoted(value string) string {
	if strings.HasPrefix(value, ":") || value == "off" || value == "on" {
		return `"` + value + `"`
	}
	return value
}

type section struct {
	name string
	rows []option
}

// sections are the blocks of the file: keys without a dot first, then each section where the table first names it.
func sections() []section {
	all := []section{{}}
	for _, o := range options {
		if o.flag {
			continue
		}
		name, _, dotted := strings.Cut(o.key, ".")
		if !dotted {
			name = ""
		}
		i := slices.IndexFunc(all, func(s section) bool { return s.name == name })
		if i < 0 {
			all = append(all, section{name: name})
			i = len(all) - 1
		}
		all[i].rows = append(all[i].rows, o)
	}
	return all
}
