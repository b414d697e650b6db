package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const envPrefix = "ZONEKEEPER_"

// flagName is how the option is written on the command line, without dashes.
func (o option) flagName() string { return strings.ReplaceAll(o.key, ".", "-") }

// envName is the environment variable that holds the option.
func (o option) envName() string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(o.key))
}

// envNames are all variables that set the option: secrets may also lie in a file that a variable names.
func (o option) envNames() []string {
	if o.secret {
		return []string{o.envName(), o.envName() + "_FILE"}
	}
	return []string{o.envName()}
}

// isSwitch reports whether the flag may stand without a value.
func (o option) isSwitch() bool { return o.form == "bool" }

// optionOf finds the row of a key.
func optionOf(key string) (option, bool) {
	i := slices.IndexFunc(options, func(o option) bool { return o.key == key })
	if i < 0 {
		return option{}, false
	}
	return options[i], true
}

// inScope are the rows of a command, with its defaults, in the order of the table.
func inScope(s scope) []option {
	var rows []option
	for _, o := range options {
		if o.scope&s != 0 {
			if s&onDev != 0 {
				o.preset = cmp.Or(o.devPreset, o.preset)
			}
			rows = append(rows, o)
		}
	}
	return rows
}

// addFlags gives a set of flags the options of a scope. Every flag takes any text: values are checked together with those of
// the other sources, so that all mistakes are found at once.
func addFlags(flags *pflag.FlagSet, s scope) {
	for _, o := range inScope(s) {
		value := &flagText{form: o.form}
		if !o.secret {
			value.text = o.preset
		}
		f := flags.VarPF(value, o.flagName(), o.short, o.help)
		f.DefValue = value.text
		if o.isSwitch() {
			f.NoOptDefVal = "true"
		}
	}
}

// flagText is a flag's value as it was written.
type flagText struct{ text, form string }

func (f *flagText) String() string { return f.text }
func (f *flagText) Type() string   { return f.form }
func (f *flagText) Set(s string) error {
	f.text = s
	return nil
}

// completeChoices lets the shell offer the words of options that take one of a few.
func completeChoices(cmd *cobra.Command, s scope) {
	for _, o := range inScope(s) {
		if words := strings.Split(o.form, "|"); len(words) > 1 {
			_ = cmd.RegisterFlagCompletionFunc(o.flagName(), cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}
