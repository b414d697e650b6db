package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka/recorded"
)

// difference is one deliberate deviation from the recorded server: a row of docs/compatibility.md, and the steps at which our
// answer is another one.
type difference struct {
	title    string // what the row is about
	upstream string
	ours     string // with the reason
	steps    []expected
}

// expected is the answer that is due instead of the recorded one at some steps of a scenario.
type expected struct {
	scenario string
	names    []string // of the steps
	answer   answer
}

// answer is what differs from the recorded answer; what is not said stays as it was recorded.
type answer struct {
	status      int    // 0: as recorded
	contentType string // "-": none
	body        *string
	edit        func(recorded string) string // makes our body of the recorded one
	sameAs      string                       // another step of the scenario: what upstream answered there
	unordered   []string                     // arrays whose order is not compared, beside those of the recording
	volatile    []string                     // masked beside what the recording masks
	anyBody     bool                         // machine data, not compared
}

// due is nil if the answer is the one that the table gives for the step of the scenario.
func (a answer) due(sc recorded.Scenario, e recorded.Exchange, got reply) error {
	want := e
	if a.sameAs != "" {
		i := slices.IndexFunc(sc.Exchanges, func(e recorded.Exchange) bool { return e.Name == a.sameAs })
		want = sc.Exchanges[i]
	}
	if a.status != 0 {
		want.Response.Status = a.status
	}
	if got.status != want.Response.Status {
		return fmt.Errorf("status %d, our table says %d; body %.200q", got.status, want.Response.Status, got.body)
	}
	if got.status >= 400 && a.body == nil {
		if got.body != "" && !got.byLibrary {
			return fmt.Errorf("an error answer has a body: %.200q", got.body)
		}
		return nil
	}
	label := want.Response.Headers["Content-Type"]
	switch a.contentType {
	case "":
	case "-":
		label = ""
	default:
		label = a.contentType
	}
	if have := got.header.Get("Content-Type"); have != label {
		return fmt.Errorf("Content-Type %q, our table says %q", have, label)
	}
	want.Unordered = append(slices.Clone(want.Unordered), a.unordered...)
	want.Volatile = append(slices.Clone(want.Volatile), a.volatile...)
	switch {
	case a.anyBody:
		return nil
	case a.body != nil:
		want.Response.Body = *a.body
	case a.edit != nil:
		want.Response.Body = a.edit(want.Response.Body)
	}
	return want.Same(got.body)
}

type step struct{ scenario, name string }

// listing is the place of a step in the table.
type listing struct {
	row    *difference
	answer answer
}

// stepsOf indexes the table and fails on steps that no recording has, or that two rows claim.
func stepsOf(t *testing.T, table []difference, scenarios []recorded.Scenario) map[step]listing {
	t.Helper()
	exists := make(map[step]bool)
	for _, sc := range scenarios {
		for _, e := range sc.Exchanges {
			exists[step{sc.Scenario, e.Name}] = true
		}
	}
	index := make(map[step]listing)
	for i := range table {
		for _, x := range table[i].steps {
			plain, _, _ := strings.Cut(x.scenario, " (")
			for _, name := range x.names {
				at := step{x.scenario, name}
				require.True(t, exists[step{plain, name}], "the table names a step that was not recorded: %v", at)
				require.NotContains(t, index, at, "two rows of the table claim a step")
				require.True(t, x.answer.sameAs == "" || exists[step{plain, x.answer.sameAs}], x.answer.sameAs)
				index[at] = listing{&table[i], x.answer}
			}
		}
	}
	return index
}
