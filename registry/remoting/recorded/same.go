package recorded

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Same compares a frame with the step's and returns a readable difference, or nil: code, flag, opaque, remark, extFields
// (none and {} are the same) and the body as SameBody does. Version, language and codec are never compared, nor is what the
// recorder marked as volatile.
func (s *Step) Same(got *remoting.Command) error {
	want, err := s.Command()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name      string
		want, got any
	}{
		{"header.code", want.Code, got.Code},
		{"header.flag", want.Flag, got.Flag},
		{"header.opaque", want.Opaque, got.Opaque},
		{"header.remark", want.Remark, got.Remark},
	} {
		if c.want != c.got && !s.volatile(c.name) {
			return fmt.Errorf("%s is %q, recorded %q", c.name, fmt.Sprint(c.got), fmt.Sprint(c.want))
		}
	}
	if err := s.sameFields(want, got); err != nil {
		return err
	}
	return s.SameBody(string(want.Body), string(got.Body))
}

func (s *Step) sameFields(want, got *remoting.Command) error {
	if s.volatile("ext") {
		return nil
	}
	names := make(map[string]bool)
	for _, f := range slices.Concat(want.Fields, got.Fields) {
		names[f.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, inWant := want.Field(name)
		g, inGot := got.Field(name)
		if (w != g || inWant != inGot) && !s.volatile("ext."+name) {
			return fmt.Errorf("ext.%s is %q (there: %t), recorded %q (there: %t)", name, g, inGot, w, inWant)
		}
	}
	return nil
}

// SameBody compares two bodies under the rules of the step: as JSON values, with bare keys bare in both, unordered arrays as
// sets and what is volatile left out; as text where the first is no JSON.
func (s *Step) SameBody(want, got string) error {
	if s.volatile("body") {
		return nil
	}
	w, err := s.normal(want)
	if err != nil {
		return fmt.Errorf("recorded body: %w", err)
	}
	g, err := s.normal(got)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if w == g {
		return nil
	}
	at := 0
	for at < len(g) && at < len(w) && g[at] == w[at] {
		at++
	}
	return fmt.Errorf("body differs at byte %d of its normal form:\n  recorded …%s\n  ours     …%s", at, around(w, at), around(g, at))
}

func (s *Step) volatile(name string) bool { return slices.Contains(s.Volatile, name) }

func around(s string, at int) string {
	return s[max(0, at-80):min(len(s), at+160)]
}

// normal is a body as it is compared.
func (s *Step) normal(body string) (string, error) {
	if !strings.HasPrefix(body, "{") {
		return body, nil
	}
	v, err := parse(body, !s.volatile("dialect"))
	if err != nil {
		return "", err
	}
	for _, path := range s.Volatile {
		if path, ok := strings.CutPrefix(path, "body."); ok {
			remove(v, path)
		}
	}
	for _, path := range s.Unordered {
		if path, ok := strings.CutPrefix(path, "body."); ok {
			sortArray(v, path)
		}
	}
	return text(v), nil
}
