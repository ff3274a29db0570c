package edit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds what is parsed, in bytes.
const maxFile = 8 << 20

// parsed is a file as text and as trees.
type parsed struct {
	file   string
	data   string
	lines  []string // without their ends
	starts []int    // offset of each line
	docs   []*yaml.Node
}

// object is where an object stands: a document, and the way from its root.
type object struct {
	doc  int
	path Path
}

// breaks are line breaks of YAML 1.1 that no editor takes for one.
var breaks = regexp.MustCompile("\r[^\n]|\r$|\u0085|\u2028|\u2029")

func parse(file string, data []byte) (*parsed, error) {
	p := &parsed{file: file, data: string(data)}
	switch {
	case len(data) > maxFile:
		return nil, p.odd(0, fmt.Sprintf("it is larger than %d MiB", maxFile>>20), "make the edit by hand")
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		return nil, p.odd(0, "it is not UTF-8 text", "save it as UTF-8")
	case breaks.Match(data):
		return nil, p.odd(0, "it has line breaks that are neither LF nor CRLF", "save it with LF")
	}
	p.split()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, p.broken(err)
		}
		p.docs = append(p.docs, doc.Content[0])
	}
}

// split cuts the text into lines. A byte order mark is no part of the first.
func (p *parsed) split() {
	at := len(p.data) - len(strings.TrimPrefix(p.data, "\ufeff"))
	for line := range strings.SplitAfterSeq(p.data[at:], "\n") {
		if line != "" {
			p.starts = append(p.starts, at)
			p.lines = append(p.lines, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
		}
		at += len(line)
	}
}

// eol is the line end to write after line i, from 0.
func (p *parsed) eol(i int) string {
	for _, i := range []int{i, 0} {
		end := p.starts[i] + len(p.lines[i])
		if rest := p.data[end:]; strings.HasPrefix(rest, "\r\n") {
			return "\r\n"
		} else if rest != "" {
			break
		}
	}
	return "\n"
}

func (p *parsed) odd(line int, reason, step string) error {
	return &Refusal{File: p.file, Line: line, Reason: reason, Step: step}
}

var errorLine = regexp.MustCompile(`line (\d+): `)

// broken says why a file is no YAML, in words that hold none of its text.
func (p *parsed) broken(err error) error {
	line := 0
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	if strings.Contains(p.data, "{{") {
		return p.odd(line, "it is a template, not YAML", "edit what fills the template")
	}
	return p.odd(line, "it cannot be read as YAML", "mend it first")
}

// find is the one object that a selector names.
func (p *parsed) find(sel Selector) (object, error) {
	var found []object
	var lines []string
	for i, doc := range p.docs {
		for _, path := range objects(doc) {
			node := descend(doc, path)
			if sel.matches(node) {
				found = append(found, object{i, path})
				lines = append(lines, strconv.Itoa(node.Line))
			}
		}
	}
	switch {
	case len(found) == 0:
		return object{}, p.odd(0, "it does not hold "+sel.String(), "name the file and the object as it is written there")
	case len(found) > 1:
		return object{}, p.odd(0, fmt.Sprintf("%s stands in it %d times, on lines %s", sel, len(found), strings.Join(lines, ", ")), "leave one of them in the file")
	}
	if bad := odd(p.docs[found[0].doc]); bad != nil {
		return object{}, p.odd(bad.Line, "the key stands twice, or is no plain key, as in a template", "leave one plain key")
	}
	return found[0], nil
}

// objects are the paths to the objects of a document: its root, or the items
// of a List. A document that is empty has none.
func objects(doc *yaml.Node) []Path {
	kind := descend(doc, Path{"kind"})
	items := descend(doc, Path{"items"})
	if empty(doc) && doc.Kind == yaml.ScalarNode {
		return nil
	}
	if kind == nil || items == nil || !strings.HasSuffix(kind.Value, "List") || items.Kind != yaml.SequenceNode {
		return []Path{nil}
	}
	paths := make([]Path, len(items.Content))
	for i := range paths {
		paths[i] = Path{"items", strconv.Itoa(i)}
	}
	return paths
}

func (s Selector) matches(node *yaml.Node) bool {
	if s == (Selector{}) {
		return true
	}
	text := func(path ...string) string {
		if n := descend(node, path); n != nil && n.Kind == yaml.ScalarNode {
			return n.Value
		}
		return ""
	}
	group, _, grouped := strings.Cut(text("apiVersion"), "/")
	if !grouped {
		group = ""
	}
	namespace := text("metadata", "namespace")
	return group == s.Group && text("kind") == s.Kind && text("metadata", "name") == s.Name && (namespace == "" || namespace == s.Namespace)
}

// descend follows a path through aliases, nil where it does not lead.
func descend(node *yaml.Node, path Path) *yaml.Node {
	for _, step := range path {
		if node = resolved(node); node == nil {
			return nil
		}
		switch node.Kind {
		case yaml.MappingNode:
			i := keyIndex(node, step)
			if i < 0 {
				return nil
			}
			node = node.Content[i+1]
		case yaml.SequenceNode:
			i, ok := itemIndex(node, step)
			if !ok {
				return nil
			}
			node = node.Content[i]
		default:
			return nil
		}
	}
	return resolved(node)
}

func resolved(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// keyIndex is where a key stands in the content of a mapping, or -1.
func keyIndex(mapping *yaml.Node, key string) int {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if k := mapping.Content[i]; k.Kind == yaml.ScalarNode && k.ShortTag() != "!!merge" && k.Value == key {
			return i
		}
	}
	return -1
}

func itemIndex(list *yaml.Node, step string) (int, bool) {
	i, err := strconv.Atoi(step)
	return i, err == nil && i >= 0 && i < len(list.Content) && strconv.Itoa(i) == step
}

// odd is the first key below a node that stands twice or is no scalar.
func odd(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.MappingNode {
		seen := make(map[[2]string]bool)
		for i := 0; i+1 < len(node.Content); i += 2 {
			k := node.Content[i]
			id := [2]string{k.ShortTag(), k.Value}
			if k.Kind != yaml.ScalarNode || seen[id] {
				return k
			}
			seen[id] = true
		}
	}
	for _, child := range node.Content {
		if bad := odd(child); bad != nil {
			return bad
		}
	}
	return nil
}

// empty is true for null and for empty collections.
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" || (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && len(n.Content) == 0
}

func block(n *yaml.Node) bool { return n.Style&yaml.FlowStyle == 0 }
