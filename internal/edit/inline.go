package edit

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// replaceScalar gives a key another scalar on its line.
func (at *place) replaceScalar() error {
	value := tree(at.c.Value)
	n := at.node
	switch {
	case value == nil || value.Kind != yaml.ScalarNode || value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return at.refuse(n.Line, "the value is not a word", "set a scalar of one line")
	case n.Kind != yaml.ScalarNode || !empty(n) && n.ShortTag() != value.ShortTag():
		return at.refuse(n.Line, fmt.Sprintf("it holds %s, not %s", kindOf(n), kindOf(value)), "correct the value, or remove it")
	case strings.Contains(n.Value, "{{"):
		return at.refuse(n.Line, "the value is a template", "edit what fills the template")
	}
	from, to, err := at.valueSpan()
	if err != nil {
		return err
	}
	line, text := at.lines[n.Line-1], word(decoded(value))
	switch {
	case value.ShortTag() != "!!str":
	case at.flow || strings.HasPrefix(line[from:to], `"`):
		text = string(at.c.Value)
	case strings.HasPrefix(line[from:to], `'`) && plainWord.MatchString(value.Value):
		text = "'" + value.Value + "'"
	}
	if n.Value == "" && from == to {
		text = " " + text
	}
	at.replaceLine(n.Line, line[:from]+text+line[to:])
	return nil
}

func decoded(n *yaml.Node) (v any) {
	if n.Decode(&v) != nil {
		return nil
	}
	return v
}

var (
	plainWord = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)
	flowList  = regexp.MustCompile(`^\[[^\[\]{}&*#'"!|>%@\t]*\]`)
	emptyFlow = regexp.MustCompile(`^(\[ *\]|\{ *\})`)
	quoted    = regexp.MustCompile(`^('([^']|'')*'|"([^"\\]|\\.)*")`)
	lineTail  = regexp.MustCompile(`^( *$| +#|,| *[\]},])`)
)

// flowWord is the value as a name that can stand in a flow list, "" if it
// cannot.
func (at *place) flowWord() string {
	value := tree(at.c.Value)
	if value == nil || value.Kind != yaml.ScalarNode || value.Style != 0 || !plainWord.MatchString(value.Value) {
		return ""
	}
	return value.Value
}

// appendFlow adds a name to a list of names in brackets, on its one line.
func (at *place) appendFlow() error {
	text, from := at.lines[at.node.Line-1], at.offset(at.node)
	list := flowList.FindString(text[from:])
	name := at.flowWord()
	if at.flow || list == "" || name == "" || !lineTail.MatchString(text[from+len(list):]) {
		return at.inBraces()
	}
	for _, item := range at.node.Content {
		if item.Kind != yaml.ScalarNode || item.Style != 0 || item.Line != at.node.Line {
			return at.inBraces()
		}
	}
	inner := list[1 : len(list)-1]
	have := strings.TrimRight(inner, " ")
	switch {
	case strings.HasSuffix(have, ","):
		have += " "
	case have != "":
		have += ", "
	}
	if have == "" {
		inner = ""
	}
	space := inner[len(strings.TrimRight(inner, " ")):]
	at.replaceLine(at.node.Line, text[:from]+"["+have+name+space+"]"+text[from+len(list):])
	return nil
}

// valueSpan is where the value of a key stands in the key's line, in bytes: a
// scalar or an empty collection, without tag or tabs. For a null that is not
// written both ends are behind the colon.
func (at *place) valueSpan() (from, to int, err error) {
	n := at.node
	if at.key == nil || at.key.Line != n.Line {
		return 0, 0, at.refuse(n.Line, "the value does not stand behind its key on one line", "write both on one line")
	}
	line := at.lines[n.Line-1]
	if strings.Contains(line, "\t") {
		return 0, 0, at.refuse(n.Line, "the line has a tab", "write spaces")
	}
	from = at.offset(n)
	rest := line[min(from, len(line)):]
	var text string
	switch {
	case n.Style&yaml.TaggedStyle != 0 || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 0, 0, at.refuse(n.Line, "the value has a tag or is a block of text", "write a plain scalar")
	case n.Kind != yaml.ScalarNode:
		text = emptyFlow.FindString(rest)
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		text = quoted.FindString(rest)
	case n.Value == "":
		from, rest = at.colon()
	case strings.HasPrefix(rest, n.Value):
		text = n.Value
	}
	if text == "" && n.Value+n.Tag != "!!null" || !lineTail.MatchString(rest[len(text):]) || from < 0 {
		return 0, 0, at.refuse(n.Line, "the value does not stand alone on the line of its key", "write key and value on one line")
	}
	return from, from + len(text), nil
}

// colon is the place behind the colon of the key, and the rest of the line; -1
// if there is none.
func (at *place) colon() (int, string) {
	line, from := at.lines[at.key.Line-1], at.offset(at.key)
	key := at.key.Value
	if at.key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		key = quoted.FindString(line[from:])
	}
	rest, ok := strings.CutPrefix(line[from:], key)
	rest, colon := strings.CutPrefix(strings.TrimLeft(rest, " "), ":")
	if !ok || !colon {
		return -1, ""
	}
	return len(line) - len(rest), rest
}

// offset is where a node begins in its line, in bytes.
func (at *place) offset(n *yaml.Node) int {
	column := n.Column
	line := at.lines[n.Line-1]
	for i := range line {
		if column--; column == 0 {
			return i
		}
	}
	return len(line)
}
