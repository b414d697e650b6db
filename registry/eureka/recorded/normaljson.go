package recorded

import (
	"fmt"
	"slices"
	"strings"
)

// normalJSON puts the members of every "metadata" and the elements of the arrays named in unordered into the order of
// their text. Everything else stays as it was written, scalars to the byte. A recorded body may end early where a
// mask took the quote away; that is fine as long as brackets match.
func normalJSON(text string, unordered []string) (string, error) {
	p := jsonText{rest: text, unordered: unordered}
	out, err := p.value("", 0)
	if err != nil {
		return "", err
	}
	return out + p.rest, nil
}

type jsonText struct {
	rest      string
	unordered []string
}

const maxNormalDepth = 100

func (p *jsonText) value(key string, depth int) (string, error) {
	if depth > maxNormalDepth {
		return "", fmt.Errorf("nested too deeply")
	}
	if p.rest == "" {
		return "", fmt.Errorf("ends early")
	}
	switch p.rest[0] {
	case '{':
		members, err := p.list('}', func() (string, error) { return p.member(depth) })
		if key == "metadata" {
			slices.Sort(members)
		}
		return "{" + strings.Join(members, ",") + "}", err
	case '[':
		elements, err := p.list(']', func() (string, error) { return p.value("", depth+1) })
		if slices.Contains(p.unordered, key) {
			slices.Sort(elements)
		}
		return "[" + strings.Join(elements, ",") + "]", err
	}
	return p.scalar()
}

func (p *jsonText) list(end byte, item func() (string, error)) ([]string, error) {
	p.rest = p.rest[1:]
	var items []string
	for {
		switch {
		case p.rest == "":
			return items, fmt.Errorf("ends early")
		case p.rest[0] == end:
			p.rest = p.rest[1:]
			return items, nil
		case p.rest[0] == ',' && items != nil:
			p.rest = p.rest[1:]
		}
		it, err := item()
		if err != nil {
			return items, err
		}
		items = append(items, it)
	}
}

func (p *jsonText) member(depth int) (string, error) {
	key, err := p.scalar()
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(p.rest, ":") {
		return "", fmt.Errorf("no colon after %s", key)
	}
	p.rest = p.rest[1:]
	v, err := p.value(strings.Trim(key, `"`), depth+1)
	return key + ":" + v, err
}

// scalar takes a string, or anything else up to the next delimiter: a masked number is no JSON but has an end.
func (p *jsonText) scalar() (string, error) {
	n := 0
	if p.rest != "" && p.rest[0] == '"' {
		for n = 1; n < len(p.rest) && p.rest[n] != '"'; n++ {
			if p.rest[n] == '\\' {
				n++
			}
		}
		n++
	} else {
		for n < len(p.rest) && !strings.ContainsRune(",:]}", rune(p.rest[n])) {
			n++
		}
	}
	if n == 0 || n > len(p.rest) {
		return "", fmt.Errorf("no value before %.20q", p.rest)
	}
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s, nil
}
