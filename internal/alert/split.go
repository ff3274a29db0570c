package alert

import (
	"errors"
	"iter"
	"strconv"
	"strings"
)

// part is one value of an input: JSON, or with an error what is none.
type part struct {
	where string
	raw   string // without the space around it
	value *node
	err   error
}

// split finds the values of an input. As soon as one line is an object of its
// own, or a line of a log that isLine knows, every line is taken for one, so
// that a broken line is a problem of that line.
func split(whole string, isLine func(string) bool) iter.Seq[part] {
	r := new(reader)
	n, err := r.parse(whole)
	switch {
	case !errors.As(err, new(syntax)):
		return func(yield func(part) bool) { yield(part{raw: whole, value: n, err: err}) }
	case isYAML(whole):
		return yamlDocuments(whole)
	case linewise(r, whole, isLine):
		return func(yield func(part) bool) {
			for number, line := range lines(whole) {
				n, err := r.parse(line)
				if !yield(part{"line " + strconv.Itoa(number), line, n, err}) {
					return
				}
			}
		}
	}
	return documents(whole)
}

// lines are those that are not empty, by their numbers from 1.
func lines(whole string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.SplitSeq(whole, "\n") {
			number++
			if line = strings.TrimSpace(line); line != "" && !yield(number, line) {
				return
			}
		}
	}
}

func linewise(r *reader, whole string, isLine func(string) bool) bool {
	for _, line := range lines(whole) {
		if isLine(line) {
			return true
		}
		if _, err := r.parse(line); line[0] == '{' && whole[0] != '[' && !errors.As(err, new(syntax)) {
			return true
		}
	}
	return false
}

// documents splits objects that go over several lines. What cannot be read any
// more is the last part.
func documents(whole string) iter.Seq[part] {
	return func(yield func(part) bool) {
		r := reader{data: whole}
		for number := 1; r.pos < len(whole); number++ {
			start := r.pos
			n, err := r.document()
			if errors.As(err, new(syntax)) {
				r.pos = len(whole)
			}
			p := part{raw: strings.TrimSpace(whole[start:r.pos]), value: n, err: err}
			if start > 0 || r.pos < len(whole) {
				p.where = "value " + strconv.Itoa(number)
			}
			if !yield(p) {
				return
			}
		}
	}
}
