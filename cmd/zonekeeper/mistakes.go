package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A mistake is one thing wrong in how the program was configured, with all that its author needs to mend it.
type mistake struct {
	Key    string // as the author wrote it: --db-url, ZONEKEEPER_DB_URL, db.url
	Origin string // where it stands; empty when Key says it
	Value  string // what was given, without secrets; empty when the key itself is wrong
	Rule   string // what is allowed
	Remedy string // what to do
}

// mistakes are reported all at once: whoever mends one should not have to run again to learn of the next.
type mistakes []mistake

func (m mistakes) Error() string {
	lines := make([]string, len(m))
	for i, w := range m {
		lines[i] = w.String()
	}
	return strings.Join(lines, "; ")
}

// Is makes every list of mistakes a usage error.
func (m mistakes) Is(target error) bool { return target == errUsage }

// report is the text for stderr.
func (m mistakes) report() string {
	var b strings.Builder
	if len(m) == 1 {
		fmt.Fprintf(&b, "zonekeeper: %s\n", m[0])
		return b.String()
	}
	fmt.Fprintf(&b, "zonekeeper: %d mistakes in the configuration:\n", len(m))
	for _, w := range m {
		fmt.Fprintf(&b, "  %s\n", w)
	}
	return b.String()
}

func (m mistake) String() string {
	var b strings.Builder
	b.WriteString(m.Key)
	if m.Value != "" {
		fmt.Fprintf(&b, " = %q", m.Value)
	}
	if m.Origin != "" {
		fmt.Fprintf(&b, " (%s)", m.Origin)
	}
	b.WriteString(": " + m.Rule)
	if m.Remedy != "" {
		b.WriteString("; " + m.Remedy)
	}
	return b.String()
}

// suggest names the known word nearest to the wrong one, or says where the known ones are listed.
func suggest(prefix, wrong string, known []string) string {
	if best := nearest(wrong, known); best != "" {
		return "did you mean " + prefix + best + "?"
	}
	return "see --help"
}

// insteadOf are flags of dev that do what others do for serve, and are not spelt like them.
var insteadOf = map[string]string{"http-listen": "base-port", "namesrv-listen": "namesrv-base-port"}

func suggestFlag(wrong string, known []string) string {
	if other := insteadOf[wrong]; slices.Contains(known, other) {
		return "did you mean --" + other + "?"
	}
	return suggest("--", wrong, known)
}

// nearest is the known word with the fewest edits from wrong, or "" when none is near enough to be meant:
// about a third of the letters may differ.
func nearest(wrong string, known []string) string {
	best, distance := "", (len(wrong)+2)/3+1
	for _, k := range known {
		if d := edits(wrong, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits is the Levenshtein distance between a and b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// splitFlag takes --name=value or -n apart; value is nil when it is not in the same argument.
func splitFlag(arg string) (name string, value *string, isFlag bool) {
	name, isFlag = strings.CutPrefix(arg, "--")
	if !isFlag {
		name, isFlag = strings.CutPrefix(arg, "-")
		if !isFlag || name == "" {
			return "", nil, false
		}
		if len(name) > 1 { // -ojson
			rest := strings.TrimPrefix(name[1:], "=")
			return name[:1], &rest, true
		}
		return name, nil, true
	}
	if name, v, found := strings.Cut(name, "="); found {
		return name, &v, true
	}
	return name, nil, name != ""
}

func flagNames(known *pflag.FlagSet) []string {
	var names []string
	known.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	slices.Sort(names)
	return names
}
