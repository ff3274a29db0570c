package edit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A place is how far the path of a change leads in a file.
type place struct {
	*parsed
	c    *Change
	doc  *yaml.Node
	node *yaml.Node // the deepest that is there
	key  *yaml.Node // its key, nil for a document or an item of a list
	rest Path       // what is missing below node
	flow bool       // node stands within braces or brackets
}

// change works out the text of a change; changed is false if the file says so
// already. Nothing is checked here that reading the result again would tell.
func (p *parsed) change(obj object, c *Change) (changed bool, err error) {
	at := &place{parsed: p, c: c, doc: p.docs[obj.doc], node: p.docs[obj.doc]}
	if err := at.walk(slices.Concat(obj.path, c.Path)); err != nil {
		return false, err
	}
	if len(at.rest) == 0 && at.done() {
		return false, nil
	}
	switch {
	case len(at.rest) > 0 && at.node.Kind == yaml.MappingNode && !empty(at.node):
		return true, at.addKey()
	case len(at.rest) == 0 && c.List && at.node.Kind == yaml.SequenceNode && !empty(at.node):
		return true, at.appendItem()
	case len(at.rest) == 0 && !c.List:
		return true, at.replaceScalar()
	default:
		return true, at.fill()
	}
}

// walk goes down as far as the path leads. Whatever makes a value count at
// more than one place stops it.
func (at *place) walk(path Path) error {
	for i := 0; ; i++ {
		n := at.node
		switch {
		case n.Kind == yaml.AliasNode || n.Anchor != "":
			return at.refuse(n.Line, "an anchor or alias on the way makes the text count at other places", "write the value out where it is used")
		case i == len(path):
			return nil
		case empty(n) && (n.Kind == yaml.ScalarNode || n.Kind == yaml.MappingNode):
			at.rest = path[i:]
			return at.creatable()
		}
		at.flow = at.flow || !block(n)
		switch n.Kind {
		case yaml.MappingNode:
			if slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.ShortTag() == "!!merge" }) {
				return at.refuse(n.Line, "a merge key (<<) on the way hides what is there", "write the merged fields out")
			}
			k := keyIndex(n, path[i])
			if k < 0 {
				at.rest = path[i:]
				return at.creatable()
			}
			at.key, at.node = n.Content[k], n.Content[k+1]
			if at.key.Anchor != "" {
				return at.refuse(at.key.Line, "the key "+path[i]+" has an anchor", "write the key plainly")
			}
		case yaml.SequenceNode:
			k, ok := itemIndex(n, path[i])
			if !ok {
				return at.refuse(n.Line, "the list has no item "+path[i], "add a whole item to the list")
			}
			at.key, at.node = nil, n.Content[k]
		default:
			return at.refuse(n.Line, fmt.Sprintf("%s stands in the place of a mapping", kindOf(n)), "remove the value or correct it")
		}
	}
}

// creatable refuses to make lists on the way: their other fields are unknown.
func (at *place) creatable() error {
	for _, key := range at.rest {
		if _, err := strconv.Atoi(key); err == nil {
			return at.refuse(at.node.Line, "the list with item "+key+" is not there", "add a whole item to the list")
		}
	}
	return nil
}

// done reports whether the value is there already.
func (at *place) done() bool {
	value := tree(at.c.Value)
	is := func(n *yaml.Node) bool { return value != nil && same(n, value) }
	if at.c.List {
		return at.node.Kind == yaml.SequenceNode && slices.ContainsFunc(at.node.Content, is)
	}
	return is(at.node)
}

// addKey adds what is missing to a block mapping: a scalar right below the
// mapping's own key, a list at its end.
func (at *place) addKey() error {
	if at.flow || !block(at.node) {
		return at.inBraces()
	}
	indent := at.node.Column - 1
	after := at.tail(at.node, indent)
	if !at.c.List && at.key != nil && at.key.Line < at.node.Line {
		after = at.key.Line
	}
	lines, item, err := at.nested(indent)
	if err != nil {
		return err
	}
	at.insert(after, lines, item)
	return nil
}

// appendItem adds an item to a list that has some.
func (at *place) appendItem() error {
	if !block(at.node) {
		return at.appendFlow()
	}
	lines, _, err := encode(at.c.Value, at.style())
	if err != nil {
		return at.unwritable(err)
	}
	last := at.node.Content[len(at.node.Content)-1]
	at.insert(at.last(last), asItem(lines, at.node.Column-1), 0)
	return nil
}

// fill puts lines below a key whose value is null, [] or {}. A plain scalar goes
// into the brackets.
func (at *place) fill() error {
	n := at.node
	wanted := yaml.MappingNode
	if len(at.rest) == 0 {
		wanted = yaml.SequenceNode
	}
	if !empty(n) || n.Kind != yaml.ScalarNode && n.Kind != wanted {
		return at.refuse(n.Line, fmt.Sprintf("it holds %s instead of a list", kindOf(n)), "correct the value")
	}
	if at.flow {
		return at.inBraces()
	}
	if n.Kind == yaml.SequenceNode && at.flowWord() != "" {
		return at.appendFlow()
	}
	from, to, err := at.valueSpan()
	if err != nil {
		return err
	}
	indent, s := at.key.Column-1, at.style()
	if len(at.rest) > 0 {
		indent += s.mapping
	} else {
		indent += s.sequence
	}
	lines, item, err := at.nested(indent)
	if err != nil {
		return err
	}
	line := at.lines[n.Line-1]
	head := strings.TrimRight(line[:from], " ") + line[to:]
	eol := at.eol(n.Line - 1)
	at.replaceLine(n.Line, strings.Join(append([]string{head}, lines...), eol))
	at.item(lines, item, eol)
	return nil
}

// nested writes the missing keys, from the indent on, with the value below them;
// item is how many of
// the lines, at the end, are the item of a list.
func (at *place) nested(indent int) (lines []string, item int, err error) {
	s := at.style()
	value, node, err := encode(at.c.Value, s)
	if err != nil {
		return nil, 0, at.unwritable(err)
	}
	for i, key := range at.rest {
		name := word(key)
		if name == "" {
			return nil, 0, at.refuse(0, "the key is no word", "name another field")
		}
		line := strings.Repeat(" ", indent) + name + ":"
		if i == len(at.rest)-1 && !at.c.List {
			if len(value) != 1 || node.Kind != yaml.ScalarNode {
				return nil, 0, at.refuse(0, "the value is not a word", "set a scalar of one line")
			}
			line += " " + value[0]
		}
		lines = append(lines, line)
		indent += s.mapping
	}
	if at.c.List {
		if len(at.rest) > 0 {
			indent += s.sequence - s.mapping
		}
		below := asItem(value, indent)
		return append(lines, below...), len(below), nil
	}
	return lines, 0, nil
}

// insert puts lines below line after, from 1, the last item of which are the
// item alone.
func (at *place) insert(after int, lines []string, item int) {
	eol := at.eol(after - 1)
	at.c.Line = after + 1
	at.c.Offset = at.starts[after-1] + len(at.lines[after-1])
	at.c.New = eol + strings.Join(lines, eol)
	at.item(lines, item, eol)
}

func (at *place) item(lines []string, item int, eol string) {
	if item > 0 {
		at.c.Item = eol + strings.Join(lines[len(lines)-item:], eol)
	}
}

// replaceLine puts other text in the place of a line, from 1.
func (at *place) replaceLine(line int, text string) {
	at.c.Line, at.c.Offset = line, at.starts[line-1]
	at.c.Old, at.c.New = at.lines[line-1], text
}

func (at *place) refuse(line int, reason, step string) error {
	return at.c.refuse(at.file, line, reason, step)
}

func (at *place) inBraces() error {
	step := "write it in block style, a line for each entry"
	if strings.HasSuffix(at.file, ".json") {
		step = "write the file as YAML, or make the edit by hand"
	}
	return at.refuse(at.node.Line, "it is written in braces or brackets where the edit falls", step)
}

func (at *place) unwritable(err error) error {
	return at.refuse(0, "the value cannot be written here: "+err.Error(), "make the edit by hand")
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return "a string"
	case "!!bool":
		return "a bool"
	case "!!int", "!!float":
		return "a number"
	case "!!null":
		return "null"
	}
	return "a scalar"
}
