package recorded

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// bareMark stands before a key that had no quotes, so that bare and quoted differ.
const bareMark = "bare "

// parse reads a JSON text whose maps may have bare numbers for keys.
func parse(body string, markBare bool) (any, error) {
	var quoted strings.Builder
	for rest := body; rest != ""; {
		n := token(rest)
		tok := rest[:n]
		rest = rest[n:]
		if bare(tok) && strings.HasPrefix(rest, ":") {
			mark := ""
			if markBare {
				mark = bareMark
			}
			tok = `"` + mark + tok + `"`
		}
		quoted.WriteString(tok)
	}
	d := json.NewDecoder(strings.NewReader(quoted.String()))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w in %.200q", err, body)
	}
	return v, nil
}

// token is the length of a string, a number or else one byte.
func token(s string) int {
	n := 1
	switch {
	case s[0] == '"':
		for n < len(s) && s[n] != '"' {
			if s[n] == '\\' {
				n++
			}
			n++
		}
		return min(n+1, len(s))
	case digit(s[0]):
		for n < len(s) && digit(s[n]) {
			n++
		}
	}
	return n
}

func digit(c byte) bool { return c == '-' || '0' <= c && c <= '9' }

func bare(tok string) bool { return digit(tok[0]) }

// text writes a value in one way only: encoding/json sorts the members of objects.
func text(v any) string {
	b, _ := json.Marshal(v) // what was parsed can be written
	return string(b)
}

// at calls do for the member that a path names. Keys may have dots themselves.
func at(v any, path string, do func(object map[string]any, key string)) {
	object, _ := v.(map[string]any)
	for key, inner := range object {
		if key == path {
			do(object, key)
		} else if rest, ok := strings.CutPrefix(path, key+"."); ok {
			at(inner, rest, do)
		}
	}
}

func remove(v any, path string) {
	at(v, path, func(object map[string]any, key string) { delete(object, key) })
}

func sortArray(v any, path string) {
	at(v, path, func(object map[string]any, key string) {
		if array, ok := object[key].([]any); ok {
			slices.SortFunc(array, func(a, b any) int { return strings.Compare(text(a), text(b)) })
		}
	})
}
