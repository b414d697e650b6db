package main

import (
	"errors"
	"fmt"

	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// sources are the places where options are set, besides the file that one of them may name.
type sources struct {
	flags   *pflag.FlagSet
	environ []string
}

// loaded is the outcome: the configuration, and for each key where its value came from.
type loaded struct {
	config  Config
	values  map[string]string // by key, as written
	origins map[string]string // by key: "default", "--flag", "environment NAME", "file.yaml:3"
}

// load merges defaults, file, environment and flags, the later over the earlier, and checks every value that counts. All
// mistakes are returned; the configuration is usable only when there are none.
func load(from sources, s scope) (loaded, mistakes) {
	l := loaded{values: make(map[string]string), origins: make(map[string]string)}
	for _, o := range options { // what the command does not take has its default
		if o.preset != "" {
			_ = o.set(&l.config, o.preset) // a default that breaks its own rule fails options_test.go
		}
	}
	layers, wrong := []layer{readFlags(from.flags)}, mistakes(nil)
	configured := s&onAny != 0
	if configured {
		environment, ours := readEnvironment(from.environ)
		file, more := readFile(fileNamed(from.flags, environment))
		layers, wrong = []layer{file, environment, layers[0]}, append(ours, more...)
	}

	merged := koanf.New(".")
	for _, layer := range layers {
		lk := koanf.New(".")
		// Neither call can fail: the providers hold maps in memory and nothing decodes them.
		_ = lk.Load(layer.provider, nil)
		_ = merged.Merge(lk)
		for _, key := range lk.Keys() {
			l.origins[key] = layer.origin(key)
		}
	}
	for _, key := range merged.Keys() {
		l.values[key] = merged.String(key)
	}
	if configured && s&onDev == 0 { // dev has a database of its own: what is lying around in the environment belongs to somebody else
		l.fallBackToLibpq(from.environ)
	}
	wrong = append(wrong, l.bind(s)...)
	wrong = append(wrong, l.checkTogether(s)...)
	return l, wrong
}

// layer is one source of values, all of them text, and how it says where a value stands.
type layer struct {
	provider koanf.Provider
	origin   func(key string) string
}

// bind parses the value of every option of the scope into the configuration.
func (l *loaded) bind(s scope) mistakes {
	var wrong mistakes
	for _, o := range inScope(s) {
		value, given := l.values[o.key]
		if !given {
			l.values[o.key], l.origins[o.key] = o.preset, "default"
			value = o.preset
		}
		if value == "" {
			continue // an empty value is none, as for environment variables that are set to nothing
		}
		if err := o.set(&l.config, value); err != nil {
			wrong = append(wrong, l.mistake(o, o.rule, remedyFrom(err)))
		}
	}
	return wrong
}

func remedyFrom(err error) string {
	if errors.Is(err, errForm) {
		return ""
	}
	return err.Error()
}

// mistake describes what is wrong with the value of an option where it was set.
func (l *loaded) mistake(o option, rule, remedy string) mistake {
	return mistake{Key: o.key, Origin: l.origins[o.key], Value: o.shown(l.values[o.key]), Rule: rule, Remedy: remedy}
}

// checkTogether applies the rules that hold between options.
func (l *loaded) checkTogether(s scope) mistakes {
	var wrong mistakes
	c := l.config
	if s&(onServe|onDev) == 0 {
		return nil
	}
	if least := 3 * c.Peer.Heartbeat; c.Peer.TTL > 0 && c.Peer.TTL < least {
		o, _ := optionOf("peer.ttl")
		wrong = append(wrong, l.mistake(o,
			fmt.Sprintf("must be at least three heartbeats (peer.heartbeat = %s), so that one lost heartbeat does no harm", brief(c.Peer.Heartbeat)),
			fmt.Sprintf("set it to %s or more, or shorten peer.heartbeat", brief(least))))
	}
	if s&onDev != 0 && c.Dev.BasePort+c.Dev.Nodes-1 > 65_535 {
		o, _ := optionOf("base-port")
		wrong = append(wrong, l.mistake(o, fmt.Sprintf("must leave room for %d ports", c.Dev.Nodes), "choose a lower one"))
	}
	return append(wrong, l.checkNamesrv(s)...)
}

// readFlags takes the flags that were given.
func readFlags(flags *pflag.FlagSet) layer {
	given := make(map[string]any)
	keys := make(map[string]string)
	for _, o := range options {
		keys[o.flagName()] = o.key
	}
	return layer{
		provider: posflag.ProviderWithFlag(flags, ".", nil, func(f *pflag.Flag) (string, any) {
			key, ours := keys[f.Name]
			if !ours || !f.Changed {
				return "", nil
			}
			given[key] = f.Value.String()
			return key, f.Value.String()
		}),
		origin: func(key string) string { o, _ := optionOf(key); return "--" + o.flagName() },
	}
}

// fileNamed is the configuration file that flag or environment name, or "".
func fileNamed(flags *pflag.FlagSet, environment layer) string {
	if f := flags.Lookup("config"); f != nil && f.Changed {
		return f.Value.String()
	}
	k := koanf.New(".")
	_ = k.Load(environment.provider, nil)
	return k.String("config")
}
