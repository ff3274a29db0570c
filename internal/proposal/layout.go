package proposal

import (
	"fmt"
	"slices"
)

// The text is composed once, as sections of blocks, and written twice: as
// Markdown and for a terminal.

type section struct {
	title  string // "" for the first screen
	blocks []block
}

// block is one of paragraph, list, table, code, fold.
type block any

type (
	paragraph []part
	list      []item
	table     struct {
		head []string // all empty: a table of names and values
		rows [][]paragraph
	}
	code struct {
		language string
		text     string // lines that end in \n
	}
	fold struct { // collapsed until somebody looks
		title  string
		blocks []block
	}
)

type item struct {
	text  paragraph
	below []paragraph
}

// part is a piece of one line.
type part struct {
	kind partKind
	text string
}

type partKind int

const (
	own     partKind = iota // written in this package: the only text that is not escaped
	strong                  // the same, emphasised
	written                 // by people and by the fleet
	named                   // a name, path or command
	hostile                 // Untrusted
)

func ours(text string) part        { return part{own, text} }
func bold(text string) part        { return part{strong, text} }
func text(text string) part        { return part{written, text} }
func name(text string) part        { return part{named, text} }
func quoted(text Untrusted) part   { return part{hostile, string(text)} }
func line(parts ...part) paragraph { return parts }

// object names an object in a line.
func object(x Object) []part {
	path := x.Name
	if x.Namespace != "" {
		path = x.Namespace + "/" + x.Name
	}
	return line(text(x.Kind), ours(" "), name(path))
}

func concat(parts ...[]part) paragraph { return slices.Concat(parts...) }

// orNone stands for an empty line.
func orNone(parts paragraph) paragraph {
	for _, x := range parts {
		if x.text != "" {
			return parts
		}
	}
	return line(ours("not known"))
}

func names(all []string, l limits) paragraph {
	var parts paragraph
	for i, s := range first(all, l.sentences) {
		if i > 0 {
			parts = append(parts, ours(", "))
		}
		parts = append(parts, name(s))
	}
	if n := len(all) - l.sentences; n > 0 {
		parts = append(parts, ours(fmt.Sprintf(" and %d more", n)))
	}
	return parts
}

func sentences(all []string, l limits) list {
	var out list
	for _, s := range first(all, l.sentences) {
		out = append(out, item{text: line(text(s))})
	}
	return out.rest(len(all))
}

// rest counts what a list left out.
func (x list) rest(all int) list {
	if n := all - len(x); n > 0 {
		x = append(x, item{text: line(ours(fmt.Sprintf("and %d more, see the record", n)))})
	}
	return x
}

func first[T any](all []T, most int) []T { return all[:min(len(all), most)] }
