package edit

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// style is the file's own: of every measure the one that is used most, two
// columns where nothing tells.
func (p *parsed) style() style {
	mappings, sequences := make(map[int]int), make(map[int]int)
	for _, doc := range p.docs {
		measure(doc, mappings, sequences)
	}
	return style{mapping: most(mappings), sequence: most(sequences)}
}

func measure(n *yaml.Node, mappings, sequences map[int]int) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && block(n) && block(child) && len(child.Content) > 0 {
			switch by := child.Column - n.Content[i-1].Column; child.Kind {
			case yaml.MappingNode:
				mappings[by]++
			case yaml.SequenceNode:
				sequences[by]++
			}
		}
		measure(child, mappings, sequences)
	}
}

func most(counts map[int]int) int {
	best := 2
	for n, count := range counts {
		if n >= 0 && n < 10 && (count > counts[best] || count == counts[best] && n < best) {
			best = n
		}
	}
	return best
}

// last is the last line, from 1, that a block node has text on: no comments and
// no empty lines, unless they are text of its own.
func (at *place) last(n *yaml.Node) int {
	leaf := deepest(n)
	if leaf.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return at.lastOfText(leaf)
	}
	line := at.bound(n, leaf)
	for line > leaf.Line && (blank(at.lines[line-1]) || comment(at.lines[line-1]) >= 0) {
		line--
	}
	return line
}

// deepest is the last node below n.
func deepest(n *yaml.Node) *yaml.Node {
	for len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n
}

// lastOfText is the last line of a literal or folded scalar, which may begin
// with a # or be empty.
func (at *place) lastOfText(n *yaml.Node) int {
	line, indent := n.Line, -1
	keep, end := strings.Contains(header(at.lines[n.Line-1][at.offset(n):]), "+"), at.bound(n, n)
	for i := n.Line; i < end; i++ {
		text := at.lines[i]
		if blank(text) {
			if keep {
				line = i + 1
			}
			continue
		}
		lead := len(text) - len(strings.TrimLeft(text, " "))
		if indent < 0 {
			indent = lead
		}
		if lead < indent {
			break
		}
		line = i + 1
	}
	return line
}

// header is the word that begins a literal or folded scalar.
func header(text string) string {
	if i := strings.IndexAny(text, "|>"); i >= 0 {
		text = text[i:]
	}
	word, _, _ := strings.Cut(text, " ")
	return word
}

// tail is the last line of a mapping whose keys stand at the indent, with the
// comments behind it that stand at the indent too, or deeper.
func (at *place) tail(n *yaml.Node, indent int) int {
	line := at.last(n)
	end := at.bound(n, deepest(n))
	for i := line; i < end; i++ {
		if blank(at.lines[i]) {
			continue
		}
		if comment(at.lines[i]) < indent {
			break
		}
		line = i + 1
	}
	return line
}

// bound is the last line, from 1, before whatever follows a node: the next node
// of the document, the document's end, or the file's.
func (at *place) bound(n, leaf *yaml.Node) int {
	end := len(at.lines)
	if i := slices.IndexFunc(at.lines[min(leaf.Line, end):], marker); i >= 0 {
		end = leaf.Line + i
	}
	next, found := following(at.doc, n)
	if found && next != nil && next.Line-1 < end {
		end = next.Line - 1
	}
	return max(end, min(leaf.Line, len(at.lines)))
}

// following is the node after n and all that is in it, nil for the last.
func following(root, n *yaml.Node) (next *yaml.Node, found bool) {
	if root == n {
		return nil, true
	}
	for i, child := range root.Content {
		next, found := following(child, n)
		switch {
		case !found:
		case next != nil || i+1 == len(root.Content):
			return next, true
		default:
			return root.Content[i+1], true
		}
	}
	return nil, false
}

func marker(line string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	return word == "---" || word == "..."
}

func blank(line string) bool { return strings.Trim(line, " \t") == "" }

// comment is the column, from 0, of a comment that stands alone, or -1.
func comment(line string) int {
	text := strings.TrimLeft(line, " \t")
	if !strings.HasPrefix(text, "#") {
		return -1
	}
	return len(line) - len(text)
}
