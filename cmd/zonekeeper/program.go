package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// program is one run of the command line: everything it takes from the process comes in through these fields,
// so that tests run commands without a process.
type program struct {
	args    []string
	environ []string
	stdout  io.Writer
	stderr  io.Writer
	// again gives a channel closed by a second signal to stop. Nil: there is none.
	again func() <-chan struct{}
	// hangups gives a channel of requests to read the configuration again. Nil: there are none.
	hangups func() <-chan os.Signal

	sources sources // of the command that runs, and what came of them, filled before its RunE
	loaded  loaded
	config  Config       // loaded.config
	log     *slog.Logger // to stderr, as log.format and log.level say
	level   slog.LevelVar
	usage   bool // still true when Execute returns: the mistake is in how we were called
}

// errUsage marks an error that exits with 2: the command was called or configured wrongly.
var errUsage = errors.New("usage")

// errTold ends a command whose result, which was printed, is that something is not as it should be.
var errTold = errors.New("told")

// usageError is an error whose text is for the caller and whose exit code is 2.
type usageError struct{ text string }

func (e usageError) Error() string        { return e.text }
func (e usageError) Is(target error) bool { return target == errUsage }

// run executes the command line and returns the exit code. Errors go to stderr, one line each.
func (p *program) run(ctx context.Context) int {
	p.usage = true
	root := p.root()
	root.SetArgs(p.args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	var wrong mistakes
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errTold):
		return exitFailed
	case errors.As(err, &wrong):
		fmt.Fprint(p.stderr, wrong.report())
		return exitUsage
	case p.usage, errors.Is(err, errUsage):
		fmt.Fprintf(p.stderr, "zonekeeper: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(p.stderr, "zonekeeper: %v\n", err)
		return exitFailed
	}
}

// root builds the tree of commands. Each command's options are the rows of the table that name it.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "zonekeeper",
		Short: "A service registry for Eureka and a name server for RocketMQ that form their own cluster",
		Long: "Zonekeeper is a service registry that Eureka clients use unchanged, and a name server for RocketMQ's brokers and clients.\n" +
			"Its servers are given a database URL and nothing else: they find each other, copy what is registered and tell clients\n" +
			"who is there.\n\n" +
			"Try it:   zonekeeper dev --nodes 3 --demo\n" +
			"Run it:   zonekeeper serve --db-url postgres://... [--namesrv-listen :9876]",
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: p.prepare,
		Args:              onlyCommands,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		p.serveCommand(), p.devCommand(), p.migrateCommand(), p.peersCommand(), p.zoneCommand(), p.topicsCommand(), p.brokersCommand(),
		p.preservationCommand(), p.configCommand(), p.versionCommand(), p.completionCommand(),
	)
	takeAnyFlag(root)
	for _, c := range root.Commands() {
		takeAnyFlag(c)
	}
	return root
}

// takeAnyFlag keeps cobra from refusing the flags of a command that has only commands below it: that it was not one of those which was
// called is the mistake, and the flags may well be right.
func takeAnyFlag(cmd *cobra.Command) {
	if cmd.HasSubCommands() {
		cmd.FParseErrWhitelist.UnknownFlags = true
	}
}

// onlyCommands refuses the arguments of a command that has only commands below it: the first one is the name of none.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unknown command %q for %q; %s", args[0], cmd.CommandPath(), suggest("", args[0], commandNames(cmd)))
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// oneName takes exactly one argument that is not empty, the name of what the command is about.
func oneName(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := cmd.CommandPath() + " " + strings.ToUpper(what)
		switch {
		case len(args) > 1:
			return fmt.Errorf("name one %s, not %d: %s", what, len(args), usage)
		case len(args) == 0, args[0] == "":
			return fmt.Errorf("name the %s: %s", what, usage)
		}
		return nil
	}
}

// prepare runs before every command: it refuses what is not known and loads the command's options, and reports
// all mistakes of both together.
func (p *program) prepare(cmd *cobra.Command, _ []string) error {
	wrong := unknownFlags(cmd.Flags(), p.args)
	if len(wrong) > 0 && cmd.HasSubCommands() {
		return usageError{fmt.Sprintf("%q takes no %s: name one of its commands: %s", cmd.CommandPath(), wrong[0].Key, strings.Join(commandNames(cmd), ", "))}
	}
	p.sources = sources{flags: cmd.Flags(), environ: p.environ}
	l, more := load(p.sources, scopeOf(cmd))
	wrong = append(wrong, more...)
	if len(wrong) > 0 {
		return wrong
	}
	p.loaded, p.config = l, l.config
	p.level.Set(severity(p.config.Log.Level))
	p.log = newLogger(p.stderr, p.config.Log, &p.level, isTerminal(p.stderr))
	p.usage = false
	return nil
}

// with gives a command the options of its scope, as flags.
func with(cmd *cobra.Command, s scope) *cobra.Command {
	if cmd.Annotations == nil {
		cmd.Annotations = make(map[string]string)
	}
	cmd.Annotations[scopeAnnotation] = fmt.Sprint(uint(s))
	cmd.FParseErrWhitelist.UnknownFlags = true // collected by unknownFlags, so that all of them are reported
	addFlags(cmd.Flags(), s)
	completeChoices(cmd, s)
	cmd.Flags().SortFlags = false
	return cmd
}

const scopeAnnotation = "scope"

func scopeOf(cmd *cobra.Command) scope {
	s, err := strconv.ParseUint(cmd.Annotations[scopeAnnotation], 10, 0)
	if err != nil {
		return 0 // a command without options of ours, such as help
	}
	return scope(s)
}

// unknownFlags lists every flag among args that the command does not have, each with the nearest one it has.
func unknownFlags(known *pflag.FlagSet, args []string) mistakes {
	var wrong mistakes
	for i := 0; i < len(args); i++ {
		name, value, isFlag := splitFlag(args[i])
		switch {
		case args[i] == "--":
			return wrong
		case !isFlag:
			continue
		}
		f, dashes := known.Lookup(name), "--"
		if len(name) == 1 {
			dashes = "-"
		}
		if f == nil && len(name) == 1 {
			f = known.ShorthandLookup(name)
		}
		switch {
		case name == "help", name == "h":
		case f == nil:
			wrong = append(wrong, mistake{
				Key: dashes + name, Rule: "no such flag of this command", Remedy: suggestFlag(name, flagNames(known)),
			})
		case value == nil && f.NoOptDefVal == "":
			i++ // its value is the next argument
		}
	}
	return wrong
}

// operation bounds one short command against a server or the database.
func (p *program) operation(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, max(p.config.Ask.Timeout, time.Second))
}
