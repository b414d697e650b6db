package namesrv_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

// difference is one way in which we answer otherwise than the recorded server, or keep to it where we need not: a row of
// docs/compatibility.md, and the steps it is about.
type difference struct {
	title    string // what the row is about
	upstream string
	ours     string // with the reason
	steps    []expected
}

// expected is the answer that is due at some steps of a scenario.
type expected struct {
	scenario string
	steps    []int
	answer   answer
}

// answer is a whole answer: what it does not say is not there. Its opaque is that of the request.
type answer struct {
	code   int32
	remark string
	fields map[string]string
	body   string

	unordered []string // arrays of the body whose order is not compared

	asRecorded bool                                    // nothing differs, though the recording leaves it open
	sameAs     int                                     // another step of the scenario, where upstream answered this
	edit       func(recordedBody string) (body string) // the recorded answer with another body
}

// due is nil if the answer is the one that the table gives for the step of the scenario.
func (a answer) due(sc recorded.Scenario, s *recorded.Step, got *remoting.Command) error {
	was, err := s.Command()
	if err != nil {
		return err
	}
	opaque := was.Opaque
	want := *was
	check := recorded.Step{N: s.N, Unordered: slices.Concat(s.Unordered, a.unordered)}
	switch {
	case a.asRecorded:
	case a.sameAs != 0:
		other := &sc.Steps[a.sameAs-1]
		was, err := other.Command()
		if err != nil {
			return err
		}
		want = *was
		check.Unordered = append(check.Unordered, other.Unordered...)
	case a.edit != nil:
		want.Body = []byte(a.edit(string(want.Body)))
	default:
		want = remoting.Command{Code: a.code, Flag: remoting.FlagResponse, Remark: a.remark, Body: []byte(a.body)}
		for name, value := range a.fields {
			want.Fields = append(want.Fields, remoting.Field{Name: name, Value: value})
		}
	}
	if plain := (recorded.Step{Frame: s.Frame, Unordered: check.Unordered}); !a.asRecorded && plain.Same(&want) == nil {
		return errors.New("is listed as a difference, and answers as recorded")
	}
	want.Opaque = opaque
	check.Frame = remoting.Append(nil, &want)
	if err := check.Same(got); err != nil {
		return fmt.Errorf("our table says otherwise: %w", err)
	}
	return nil
}

type place struct {
	scenario string
	step     int
}

// listing is the place of a step in the table; row is nil for a step that answers as recorded.
type listing struct {
	row    *difference
	answer answer
}

// listings indexes the table. It fails on steps that no recording has, that two rows claim, and on steps that the recording leaves
// to us without a row.
func listings(t *testing.T, table []difference, scenarios []recorded.Scenario) map[place]listing {
	t.Helper()
	receives := make(map[place]bool)
	for _, sc := range scenarios {
		for _, s := range sc.Steps {
			receives[place{sc.Name, s.N}] = s.Do == recorded.Recv
		}
	}
	index := make(map[place]listing)
	for i := range table {
		for _, x := range table[i].steps {
			for _, n := range x.steps {
				at := place{x.scenario, n}
				require.True(t, receives[at], "the table names a step that is no recorded answer: %v", at)
				require.NotContains(t, index, at, "two rows of the table claim a step")
				index[at] = listing{&table[i], x.answer}
			}
		}
	}
	for _, sc := range scenarios {
		for _, s := range sc.Steps {
			if s.Ours != "" {
				require.Contains(t, index, place{sc.Name, s.N}, "the recording leaves the answer to us (%s), and no row says which", s.Ours)
			}
		}
	}
	return index
}
