package edit

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Revert takes the edit back. A file that nobody changed since is again byte for
// byte what it was. In a file that was changed elsewhere the text is found again,
// by what it says and where in the object it stands; other items that came into
// a list which the edit brought stay, and a list that would be left without any
// goes with its key. Where somebody changed the text itself, or it stands there
// more than once, the error is a *Refusal.
func (e Edit) Revert(data []byte) ([]byte, error) {
	if out, ok := e.undo(data); ok {
		return out, nil
	}
	for _, c := range slices.Backward(e.Changes) {
		var err error
		if data, err = e.takeBack(data, c); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// undo takes all changes back at their offsets; ok if that is the file from
// before.
func (e Edit) undo(data []byte) (out []byte, ok bool) {
	for _, c := range slices.Backward(e.Changes) {
		if data, ok = replaceAt(data, c.Offset, c.New, c.Old); !ok {
			return nil, false
		}
	}
	return data, len(e.Changes) == 0 || digest(data) == e.Digest
}

// takeBack takes one change back, wherever its text stands now.
func (e Edit) takeBack(data []byte, c Change) ([]byte, error) {
	now, err := parse(e.File, data)
	if err != nil {
		return nil, err
	}
	if len(c.Path) == 0 {
		return nil, c.refuse(e.File, 0, "the record of the edit names no field", "take it back by hand")
	}
	obj, err := now.find(e.Selector)
	if err != nil {
		return nil, err
	}
	for _, way := range c.ways(now, obj) {
		found := way.all(now, obj, c)
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return nil, c.refuse(e.File, 0, "what the edit wrote stands there more than once", "remove one of them by hand")
		}
	}
	return nil, c.refuse(e.File, lineOf(now, obj, c), "what the edit wrote was changed or removed since", "take it back by hand")
}

// lineOf is where the changed value stands now, from 1; 0 if it is not there.
func lineOf(p *parsed, obj object, c Change) int {
	if n := descend(p.docs[obj.doc], slices.Concat(obj.path, c.Path)); n != nil {
		return n.Line
	}
	return 0
}

// A way to take a change back is to put one text in the place of another.
type way struct {
	from, to string
	listed   bool // the list stays
}

// ways are tried one after the other: all that was written, the item alone, and
// the item with the key of its list.
func (c Change) ways(now *parsed, obj object) []way {
	item := c.Item
	if c.List && item == "" && c.Old == "" {
		item = c.New
	}
	ways := []way{{c.New, c.Old, item == c.New}}
	if item == "" {
		return ways
	}
	if item != c.New {
		ways = append(ways, way{item, "", true})
	}
	parent := descend(now.docs[obj.doc], slices.Concat(obj.path, c.Path[:len(c.Path)-1]))
	if parent == nil || parent.Kind != yaml.MappingNode {
		return ways
	}
	if i := keyIndex(parent, c.Path[len(c.Path)-1]); i >= 0 {
		line := parent.Content[i].Line - 1
		ways = append(ways, way{from: now.eol(line) + now.lines[line] + item})
	}
	return ways
}

// all are the texts that come of it where they say the same as now, but for the
// change. The text must stand on whole lines of the object.
func (w way) all(now *parsed, obj object, c Change) [][]byte {
	var found [][]byte
	at, end := now.span(obj)
	for ; at < end; at++ {
		i := strings.Index(now.data[at:end], w.from)
		if i < 0 || w.from == "" {
			break
		}
		at += i
		if !now.whole(at, w.from) {
			continue
		}
		out, _ := replaceAt([]byte(now.data), at, w.from, w.to)
		was, err := parse(now.file, out)
		if err != nil || len(was.docs) != len(now.docs) || !grown(was, now, obj, c) || w.listed && !listed(was, obj, c) {
			continue
		}
		if !slices.ContainsFunc(found, func(f []byte) bool { return string(f) == string(out) }) {
			found = append(found, out)
		}
	}
	return found
}

// span is where the lines of an object begin and end, in bytes, with what
// stands behind it up to the next.
func (p *parsed) span(obj object) (from, to int) {
	root := p.docs[obj.doc]
	node := descend(root, obj.path)
	end := (&place{parsed: p, doc: root}).bound(node, deepest(node))
	return p.starts[node.Line-1], p.starts[end-1] + len(p.lines[end-1])
}

// whole reports whether a text begins and ends where lines do.
func (p *parsed) whole(at int, text string) bool {
	rest := p.data[at+len(text):]
	begins := at == p.starts[0] || p.data[at-1] == '\n' || strings.HasPrefix(text, "\n") && p.data[at-1] != '\r' || strings.HasPrefix(text, "\r\n")
	return begins && (rest == "" || strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "\r\n"))
}

// listed reports whether there is a list where the change falls.
func listed(p *parsed, obj object, c Change) bool {
	n := descend(p.docs[obj.doc], slices.Concat(obj.path, c.Path))
	return n != nil && n.Kind == yaml.SequenceNode
}
