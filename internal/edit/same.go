package edit

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// grown reports whether after is before with exactly the change in it: in the
// one object, at the one path. A list may have its new item at any place.
func grown(before, after *parsed, obj object, c Change) bool {
	value := tree(c.Value)
	if value == nil || len(before.docs) != len(after.docs) {
		return false
	}
	for i := range before.docs {
		if i != obj.doc && !same(before.docs[i], after.docs[i]) {
			return false
		}
	}
	g := growth{value, c.List}
	return g.in(before.docs[obj.doc], after.docs[obj.doc], slices.Concat(obj.path, c.Path))
}

type growth struct {
	value *yaml.Node
	list  bool
}

func (g growth) in(before, after *yaml.Node, path Path) bool {
	switch {
	case before.Kind == yaml.ScalarNode && empty(before):
		return before.Anchor == after.Anchor && g.fresh(after, path)
	case before.Kind == yaml.SequenceNode && len(path) == 0:
		return g.list && g.longer(before, after)
	case len(path) == 0:
		return !g.list && before.Kind == yaml.ScalarNode && before.Anchor == after.Anchor && g.fresh(after, path)
	case !alike(before, after):
		return false
	case before.Kind == yaml.MappingNode:
		return g.inMapping(before, after, path)
	case before.Kind == yaml.SequenceNode:
		i, ok := itemIndex(before, path[0])
		return ok && len(before.Content) == len(after.Content) && sameBut(before, after, i) && g.in(before.Content[i], after.Content[i], path[1:])
	}
	return false
}

func (g growth) inMapping(before, after *yaml.Node, path Path) bool {
	if i := keyIndex(before, path[0]); i >= 0 {
		return len(before.Content) == len(after.Content) && sameBut(before, after, i+1) && g.in(before.Content[i+1], after.Content[i+1], path[1:])
	}
	i := keyIndex(after, path[0])
	if i < 0 || len(after.Content) != len(before.Content)+2 || !g.fresh(after.Content[i+1], path[1:]) {
		return false
	}
	rest := slices.Concat(after.Content[:i], after.Content[i+2:])
	return after.Content[i].ShortTag() == "!!str" && after.Content[i].Anchor == "" && slices.EqualFunc(before.Content, rest, same)
}

// longer reports whether a list got one item more, which is the value.
func (g growth) longer(before, after *yaml.Node) bool {
	if !alike(before, after) || len(after.Content) != len(before.Content)+1 {
		return false
	}
	i := 0
	for i < len(before.Content) && same(before.Content[i], after.Content[i]) {
		i++
	}
	// Equal items may stand next to each other: then it is the last of them.
	return same(after.Content[i], g.value) && slices.EqualFunc(before.Content[i:], after.Content[i+1:], same)
}

// fresh reports whether a node is the value, below the mappings of the path.
func (g growth) fresh(node *yaml.Node, path Path) bool {
	for _, key := range path {
		if node.Kind != yaml.MappingNode || len(node.Content) != 2 || keyIndex(node, key) != 0 || node.Anchor != "" {
			return false
		}
		node = node.Content[1]
	}
	if !g.list {
		return same(node, g.value)
	}
	return node.Kind == yaml.SequenceNode && node.Anchor == "" && len(node.Content) == 1 && same(node.Content[0], g.value)
}

// sameBut compares two collections of one length in all but one place.
func sameBut(a, b *yaml.Node, but int) bool {
	for i := range a.Content {
		if i != but && !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// same compares what two trees say, not how they are written.
func same(a, b *yaml.Node) bool {
	return alike(a, b) && slices.EqualFunc(a.Content, b.Content, same)
}

func alike(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value && a.Anchor == b.Anchor
}
