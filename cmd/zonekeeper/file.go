package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/knadh/koanf/providers/confmap"
)

// readFile takes the options from a YAML file. Keys that are no option are mistakes, each with its line. No name, no file.
func readFile(name string) (layer, mistakes) {
	none := layer{provider: confmap.Provider(nil, "."), origin: func(string) string { return "" }}
	if name == "" {
		return none, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return none, mistakes{{Key: "config", Value: name, Rule: "must be a file that can be read", Remedy: err.Error()}}
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return none, mistakes{{Key: "config", Value: name, Rule: "must be a file that can be read", Remedy: err.Error()}}
	case len(content) > maxFile:
		return none, mistakes{{Key: "config", Value: name, Rule: fmt.Sprintf("must be at most %d bytes", maxFile), Remedy: "is it the right file?"}}
	}
	return parseFile(name, content)
}

// maxFile bounds a configuration file: every option with every comment is a tenth of it.
const maxFile = 64 << 10

// parseFile reads the text of a configuration file.
func parseFile(name string, content []byte) (layer, mistakes) {
	none := layer{provider: confmap.Provider(nil, "."), origin: func(string) string { return "" }}
	tree, err := parser.ParseBytes(content, 0)
	if err != nil {
		return none, mistakes{{Key: name, Rule: "is not YAML: " + strings.TrimSpace(yaml.FormatError(err, false, false))}}
	}
	f := fileReader{name: name, values: make(map[string]any), lines: make(map[string]int)}
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			f.section("", doc.Body)
		}
	}
	return layer{
		provider: confmap.Provider(f.values, "."),
		origin:   func(key string) string { return fmt.Sprintf("%s:%d", name, f.lines[key]) },
	}, f.wrong
}

// fileReader walks the syntax tree rather than a decoded map, so that it knows the line of everything.
type fileReader struct {
	name   string
	values map[string]any
	lines  map[string]int
	wrong  mistakes
}

func (f *fileReader) section(prefix string, node ast.Node) {
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return
	default:
		f.complain(prefix, node, "must hold keys and values")
		return
	}
	for _, e := range entries {
		f.entry(prefix+e.Key.GetToken().Value, e)
	}
}

func (f *fileReader) entry(key string, e *ast.MappingValueNode) {
	o, known := optionOf(key)
	switch {
	case f.lines[key] != 0:
		f.complain(key, e.Key, fmt.Sprintf("is set a second time; the first is in line %d", f.lines[key]))
		return
	case known && !o.flag:
	case isSection(key):
		f.section(key+".", e.Value)
		return
	default:
		f.unknown(key, e.Key)
		return
	}
	f.lines[key] = e.Key.GetToken().Position.Line
	if e.Value.Type() == ast.NullType {
		return // the key without a value, as in the example file
	}
	value, err := scalar(e.Value)
	if err != nil {
		f.complain(key, e.Value, err.Error())
		return
	}
	f.values[key] = value
}

// scalar is a value as text, the items of a list separated by commas.
func scalar(node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.SequenceNode:
		var items []string
		for _, item := range n.Values {
			text, err := scalar(item)
			if err != nil {
				return "", err
			}
			items = append(items, text)
		}
		return strings.Join(items, ","), nil
	case *ast.MappingNode, *ast.MappingValueNode:
		return "", errors.New("must be a single value, not keys and values")
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), nil
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	default:
		return "", errors.New("must be a plain value or a list of them")
	}
}

func (f *fileReader) unknown(key string, at ast.Node) {
	rule := "no such key"
	if o, known := optionOf(key); known && o.flag {
		rule = "cannot be set in a file, only by --" + o.flagName() + " or " + o.envName()
		f.wrong = append(f.wrong, mistake{Key: key, Origin: f.at(at), Rule: rule})
		return
	}
	var known []string
	for _, o := range options {
		if !o.flag {
			known = append(known, o.key)
		}
	}
	remedy := "docs/configuration.md lists them"
	if near := nearest(key, known); near != "" {
		remedy = "did you mean " + near + "?"
	} else if dotted := strings.Replace(key, "-", ".", 1); slices.Contains(known, dotted) {
		remedy = "did you mean " + dotted + "?"
	}
	f.wrong = append(f.wrong, mistake{Key: key, Origin: f.at(at), Rule: rule, Remedy: remedy})
}

func (f *fileReader) complain(key string, at ast.Node, rule string) {
	if key == "" {
		key = f.name
	}
	f.wrong = append(f.wrong, mistake{Key: strings.TrimSuffix(key, "."), Origin: f.at(at), Rule: rule})
}

func (f *fileReader) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, node.GetToken().Position.Line)
}

// isSection reports whether options stand below key.
func isSection(key string) bool {
	return slices.ContainsFunc(options, func(o option) bool { return !o.flag && strings.HasPrefix(o.key, key+".") })
}
