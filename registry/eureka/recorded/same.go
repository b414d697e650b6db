package recorded

import (
	"fmt"
	"regexp"
	"strings"
)

// Same compares a body with the recorded one and returns a readable difference, or nil. Both are masked where the
// recorder marked them (Volatile), the arrays of Unordered and the members of every metadata are put in one order,
// and the rest must be equal to the byte.
func (e Exchange) Same(body string) error {
	want, err := e.Normal(e.Response.Body)
	if err != nil {
		return fmt.Errorf("recorded body: %w", err)
	}
	got, err := e.Normal(body)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if got == want {
		return nil
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	return fmt.Errorf("body differs at byte %d:\n  recorded …%s\n  ours     …%s", at, around(want, at), around(got, at))
}

func around(s string, at int) string {
	return s[max(0, at-80):min(len(s), at+160)]
}

// Normal returns the body as Same compares it.
func (e Exchange) Normal(body string) (string, error) {
	body, err := e.mask(body)
	if err != nil {
		return "", err
	}
	switch trimmed := strings.TrimLeft(body, " \r\n\t"); {
	case strings.HasPrefix(trimmed, "{"), strings.HasPrefix(trimmed, "["):
		return normalJSON(trimmed, e.Unordered)
	case strings.HasPrefix(trimmed, "<"):
		return normalXML(body, e.Unordered), nil
	}
	return body, nil
}

// mask replaces what the group of each volatile expression matches by a star.
func (e Exchange) mask(body string) (string, error) {
	for _, v := range e.Volatile {
		re, err := regexp.Compile(v)
		if err != nil {
			return "", fmt.Errorf("volatile %q: %w", v, err)
		}
		var out strings.Builder
		from := 0
		for _, m := range re.FindAllStringSubmatchIndex(body, -1) {
			if len(m) < 4 || m[2] < 0 {
				continue
			}
			out.WriteString(body[from:m[2]])
			out.WriteByte('*')
			from = m[3]
		}
		out.WriteString(body[from:])
		body = out.String()
	}
	return body, nil
}
