package recorded

import (
	"slices"
	"strings"
)

// normalXML puts the children of every metadata element, and sibling elements whose name is in unordered, into the
// order of their text. Everything else stays as it was written. It understands what servers write: elements, text,
// no comments, no declaration inside. What it does not understand stays at its place.
func normalXML(text string, unordered []string) string {
	p := xmlText{rest: text, unordered: unordered}
	var out strings.Builder
	for _, n := range p.nodes(0) {
		out.WriteString(n.text)
	}
	out.WriteString(p.rest)
	return out.String()
}

type xmlText struct {
	rest      string
	unordered []string
}

// node is one element together with the text before it (the indentation), or the last text of its parent.
type node struct{ name, text string }

func (p *xmlText) nodes(depth int) []node {
	var list []node
	for p.rest != "" && depth <= maxNormalDepth {
		lt := strings.IndexByte(p.rest, '<')
		if lt < 0 || strings.HasPrefix(p.rest[lt:], "</") {
			break
		}
		gt := strings.IndexByte(p.rest[lt:], '>')
		if gt < 0 {
			break
		}
		open := p.rest[:lt+gt+1]
		tag := p.rest[lt+1 : lt+gt]
		p.rest = p.rest[lt+gt+1:]
		if strings.HasSuffix(tag, "/") {
			list = append(list, node{name(tag), open})
			continue
		}
		children := p.nodes(depth + 1)
		p.order(name(tag), children)
		var text strings.Builder
		text.WriteString(open)
		for _, c := range children {
			text.WriteString(c.text)
		}
		if end := strings.IndexByte(p.rest, '>'); end >= 0 {
			text.WriteString(p.rest[:end+1]) // the parent's last text and its end tag
			p.rest = p.rest[end+1:]
		}
		list = append(list, node{name(tag), text.String()})
	}
	return list
}

func (p *xmlText) order(parent string, children []node) {
	byText := func(a, b node) int { return strings.Compare(a.text, b.text) }
	if parent == "metadata" {
		slices.SortFunc(children, byText)
		return
	}
	// Runs of siblings of one unordered name are sorted among themselves: other elements keep their place.
	for from := 0; from < len(children); {
		to := from + 1
		for to < len(children) && children[to].name == children[from].name {
			to++
		}
		if slices.Contains(p.unordered, children[from].name) {
			slices.SortFunc(children[from:to], byText)
		}
		from = to
	}
}

func name(tag string) string {
	tag = strings.TrimSuffix(tag, "/")
	if i := strings.IndexAny(tag, " \t\n"); i >= 0 {
		return tag[:i]
	}
	return tag
}
