package httpapi_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the table of differences in docs/compatibility.md")

const (
	compatibilityPage = "../../docs/compatibility.md"
	tableBegin        = "<!-- differences: printed by \"go test ./registry/httpapi -run TestCompatibilityTable -update\"; do not edit -->\n"
	tableEnd          = "<!-- end of differences -->\n"
)

// TestCompatibilityTable keeps the page for people and the table that the replay is held to the same.
func TestCompatibilityTable(t *testing.T) {
	page, err := os.ReadFile(compatibilityPage)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), tableBegin)
	require.True(t, ok, "the page has lost the mark where the table begins")
	_, after, ok := strings.Cut(rest, tableEnd)
	require.True(t, ok, "the page has lost the mark where the table ends")
	want := before + tableBegin + printed(differences) + tableEnd + after
	if *update {
		require.NoError(t, os.WriteFile(compatibilityPage, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(page), "the table has changed: run this test with -update")
}

// printed is the table as it stands on the page.
func printed(table []difference) string {
	var b strings.Builder
	b.WriteString("\n| What | Upstream | Ours, and why | Recorded in |\n|---|---|---|---|\n")
	b.WriteString("| errors | Tomcat and Spring attach a document in JSON, XML or HTML | no body: Jersey clients take any body of an error for an instance, fail, and never register again | everywhere |\n")
	b.WriteString("| `versions__delta` | counts the payloads that were generated, differs between JSON and XML | changes exactly when the content does, and begins at the server's epoch, so that two servers never give one number to different content | every delta |\n")
	for _, d := range table {
		var where []string
		for _, x := range d.steps {
			number, _, _ := strings.Cut(x.scenario, "-")
			if !slices.Contains(where, number) {
				where = append(where, number)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.title, d.upstream, d.ours, strings.Join(where, ", "))
	}
	b.WriteString("\n")
	return b.String()
}
