package namesrv_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

var update = flag.Bool("update", false, "rewrite the table of differences in docs/compatibility.md")

const (
	compatibilityPage = "../../docs/compatibility.md"
	tableBegin        = "<!-- name server differences: printed by \"go test ./registry/namesrv -run TestCompatibilityTable -update\"; do not edit -->\n"
	tableEnd          = "<!-- end of name server differences -->\n"
	settingsBegin     = "<!-- name server settings: printed by \"go test ./registry/namesrv -run TestCompatibilityTable -update\"; do not edit -->\n"
	settingsEnd       = "<!-- end of name server settings -->\n"
)

// TestCompatibilityTable keeps the page for people, the table that the replay is held to, and the settings the same.
func TestCompatibilityTable(t *testing.T) {
	page, err := os.ReadFile(compatibilityPage)
	require.NoError(t, err)
	want := between(t, string(page), tableBegin, printed(differences), tableEnd)
	want = between(t, want, settingsBegin, printedSettings(), settingsEnd)
	if *update {
		require.NoError(t, os.WriteFile(compatibilityPage, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(page), "a table has changed: run this test with -update")
}

// between puts text between two marks of a page.
func between(t *testing.T, page, begin, text, end string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, begin)
	require.True(t, ok, "the page has lost the mark where a table begins")
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "the page has lost the mark where a table ends")
	return before + begin + text + end + after
}

// printedSettings is the table of the keys of namesrv.properties.
func printedSettings() string {
	var b strings.Builder
	b.WriteString("\n| Key | Default | Here |\n|---|---|---|\n")
	for _, row := range namesrv.SettingRows() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Key, row.Default, row.Here)
	}
	b.WriteString("\n")
	return b.String()
}

// printed is the table as it stands on the page.
func printed(table []difference) string {
	var b strings.Builder
	b.WriteString("\n| What | Upstream | Ours, and why | Recorded in |\n|---|---|---|---|\n")
	for _, d := range table {
		var where []string
		for _, x := range d.steps {
			if !slices.Contains(where, x.scenario) {
				where = append(where, x.scenario)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.title, d.upstream, d.ours, strings.Join(where, ", "))
	}
	b.WriteString("\n")
	return b.String()
}
