package main

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
)

// kubernetesLink fits the variables that Kubernetes sets for a Service that happens to be called zonekeeper.
var kubernetesLink = regexp.MustCompile(`^ZONEKEEPER_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_.*)?)$`)

// readEnvironment takes our variables, and reads the files that ..._FILE variables of secrets name.
func readEnvironment(environ []string) (layer, mistakes) {
	var wrong mistakes
	byName := make(map[string]option)
	for _, o := range options {
		for _, name := range o.envNames() {
			byName[name] = o
		}
	}
	var suffixes []string
	for name := range byName {
		suffixes = append(suffixes, strings.TrimPrefix(name, envPrefix))
	}
	slices.Sort(suffixes)
	names := make(map[string]string) // key -> variable that set it
	provider := env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			o, known := byName[name]
			switch {
			case !known:
				near := nearest(strings.TrimPrefix(name, envPrefix), suffixes)
				if near != "" && !kubernetesLink.MatchString(name) {
					wrong = append(wrong, mistake{Key: name, Rule: "no such variable", Remedy: "did you mean " + envPrefix + near + "?"})
				}
				return "", nil
			case value == "":
				return "", nil
			case names[o.key] != "":
				wrong = append(wrong, mistake{
					Key: names[o.key], Rule: "is set together with " + name, Remedy: "unset one of them",
				})
				return "", nil
			}
			if name != o.envName() {
				content, err := os.ReadFile(value)
				if err != nil {
					wrong = append(wrong, mistake{Key: name, Value: value, Rule: "must name a file that can be read", Remedy: err.Error()})
					return "", nil
				}
				value = strings.TrimSpace(string(content))
			}
			names[o.key] = name
			return o.key, value
		},
	})
	read, _ := provider.Read() // never fails; read here so that mistakes are complete
	return layer{
		provider: confmap.Provider(read, "."),
		origin:   func(key string) string { return "environment " + names[key] },
	}, wrong
}

// fallBackToLibpq takes DATABASE_URL, else libpq's variables, when nothing of ours names a database.
func (l *loaded) fallBackToLibpq(environ []string) {
	if l.values["db.url"] != "" {
		return
	}
	for _, name := range []string{"DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE"} {
		value := lookup(environ, name)
		switch {
		case value == "":
			continue
		case name == "DATABASE_URL":
			l.values["db.url"] = value
		default:
			l.values["db.url"] = "postgres://" // pgx fills the rest from libpq's variables
		}
		l.origins["db.url"] = "environment " + name
		return
	}
}

// lookup finds a variable in a list of NAME=value.
func lookup(environ []string, name string) string {
	for _, e := range environ {
		if v, found := strings.CutPrefix(e, name+"="); found {
			return v
		}
	}
	return ""
}
