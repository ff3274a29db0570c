// Package calico reads selectors in Calico's own language
// (docs.tigera.io/calico/latest/reference/resources/networkpolicy#selectors).
//
// Parse is all there is to do: who refuses a selector asks for the error, who
// evaluates one walks the Selector.
package calico

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Op is what a selector does.
type Op string

// The operations. A comparison has a Label and Values, which are one but for In;
// And, Or and Not have Parts.
const (
	All        Op = "all()"
	Global     Op = "global()" // what is no pod
	Has        Op = "has()"
	And        Op = "&&"
	Or         Op = "||"
	Not        Op = "!"
	Equals     Op = "=="
	In         Op = "in"
	Contains   Op = "contains"
	StartsWith Op = "starts with"
	EndsWith   Op = "ends with"
)

// Selector is one operation. != and not in are a Not, so that they hold for a
// label that is not there.
type Selector struct {
	Op     Op
	Label  string
	Values []string
	Parts  []Selector
}

// Uses reports whether an operation is anywhere in the selector.
func (s Selector) Uses(op Op) bool {
	for _, part := range s.Parts {
		if part.Uses(op) {
			return true
		}
	}
	return s.Op == op
}

const maxGroups = 200 // in parentheses: far above what people write, nested or not

var (
	wordForm  = regexp.MustCompile(`^(has\(|all\(|global\(|\(|\)|\{|\}|,|==|!=|&&|\|\||!|"[^"]*"|'[^']*'|[a-zA-Z0-9_./-]+)`)
	labelForm = regexp.MustCompile(`^[a-zA-Z0-9_./-]+$`)
)

// Parse reads a selector. An empty one selects everything. The error is half a
// sentence about the text.
func Parse(text string) (Selector, error) {
	p := &parser{}
	for rest := strings.Trim(text, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		word := wordForm.FindString(rest)
		if word == "" {
			return Selector{}, fmt.Errorf("unexpected %+.60q", rest)
		}
		p.words = append(p.words, word)
		rest = rest[len(word):]
	}
	if len(p.words) == 0 {
		return Selector{Op: All}, nil
	}
	s, err := p.or()
	if err == nil && len(p.words) > 0 {
		err = fmt.Errorf("unexpected %+.60q", p.words[0])
	}
	return s, err
}

// parser reads the grammar by descent:
//
//	or = and { "||" and } ; and = not { "&&" not } ; not = { "!" } term
//	term = "(" or ")" | "all()" | "global()" | "has(" label ")" | label operator text | label [not] in "{" texts "}"
type parser struct {
	words  []string
	groups int
}

// next takes the next word; "" at the end.
func (p *parser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

// take takes the next word if it is this one.
func (p *parser) take(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *parser) or() (Selector, error) { return p.chain(Or, p.and) }

func (p *parser) and() (Selector, error) { return p.chain(And, p.not) }

func (p *parser) chain(op Op, part func() (Selector, error)) (Selector, error) {
	all := Selector{Op: op}
	for {
		s, err := part()
		if err != nil {
			return Selector{}, err
		}
		if all.Parts = append(all.Parts, s); !p.take(string(op)) {
			break
		}
	}
	if len(all.Parts) == 1 {
		return all.Parts[0], nil
	}
	return all, nil
}

func (p *parser) not() (Selector, error) {
	negated := false
	for p.take("!") {
		negated = !negated
	}
	s, err := p.term()
	return negate(negated, s), err
}

func negate(negated bool, s Selector) Selector {
	if !negated {
		return s
	}
	return Selector{Op: Not, Parts: []Selector{s}}
}

func (p *parser) term() (s Selector, err error) {
	word := p.next()
	switch {
	case word == "(":
		if p.groups++; p.groups > maxGroups {
			return s, fmt.Errorf("it has more than %d groups in parentheses", maxGroups)
		}
		if s, err = p.or(); err != nil {
			return s, err
		}
		return s, p.want(")")
	case word == "all(":
		return Selector{Op: All}, p.want(")")
	case word == "global(":
		return Selector{Op: Global}, p.want(")")
	case word == "has(":
		label := p.next()
		if !labelForm.MatchString(label) {
			return s, fmt.Errorf("has() names a label, not %+.60q", label)
		}
		return Selector{Op: Has, Label: label}, p.want(")")
	case word == "":
		return s, errors.New("it ends too early")
	case !labelForm.MatchString(word):
		return s, fmt.Errorf("unexpected %+.60q", word)
	}
	return p.comparison(word)
}

func (p *parser) comparison(label string) (s Selector, err error) {
	s.Label = label
	operator := p.next()
	negated := operator == "!=" || operator == "not" || operator == "notin"
	switch {
	case operator == "==" || operator == "!=":
		s.Op = Equals
	case operator == "in" || operator == "notin" || operator == "not" && p.take("in"):
		s.Op = In
	case operator == "contains":
		s.Op = Contains
	case operator == "startswith" || operator == "starts" && p.take("with"):
		s.Op = StartsWith
	case operator == "endswith" || operator == "ends" && p.take("with"):
		s.Op = EndsWith
	default:
		return s, fmt.Errorf("after the label %s stands %+.60q, not ==, !=, in, not in, contains, starts with or ends with", label, operator)
	}
	if s.Op == In {
		s.Values, err = p.set()
	} else {
		var value string
		value, err = p.text()
		s.Values = []string{value}
	}
	return negate(negated, s), err
}

// set reads texts in braces; none is allowed, and so is a comma at the end.
func (p *parser) set() (values []string, err error) {
	if err := p.want("{"); err != nil {
		return nil, err
	}
	for !p.take("}") {
		value, err := p.text()
		if err != nil {
			return nil, err
		}
		if values = append(values, value); !p.take(",") {
			return values, p.want("}")
		}
	}
	return values, nil
}

func (p *parser) text() (string, error) {
	word := p.next()
	if word == "" || word[0] != '\'' && word[0] != '"' {
		return "", fmt.Errorf("%+.60q must be text in quotes", word)
	}
	return word[1 : len(word)-1], nil
}

func (p *parser) want(word string) error {
	if !p.take(word) {
		return fmt.Errorf("%s is missing", word)
	}
	return nil
}
