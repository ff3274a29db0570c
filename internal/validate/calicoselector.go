package validate

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// calicoSelector checks a field that holds a selector in Calico's own language
// (https://docs.tigera.io/calico/latest/reference/resources/networkpolicy#selectors).
// global() stands alone, and only where a rule chooses namespaces.
func (w *walk) calicoSelector(v any, mayBeGlobal bool, at ...any) {
	text, _ := v.(string)
	switch strings.Trim(text, " \t") {
	case "":
		return
	case "global()":
		if mayBeGlobal {
			return
		}
	}
	if err := parseCalicoSelector(text); err != nil {
		w.problem(fmt.Sprintf("%s is not a selector: %v; write for example app == 'web' && has(team)", short(text), err), at...)
	}
}

var (
	calicoWord    = regexp.MustCompile(`^(has\(|all\(|\(|\)|\{|\}|,|==|!=|&&|\|\||!|"[^"]*"|'[^']*'|[a-zA-Z0-9_./-]+)`)
	calicoLabel   = regexp.MustCompile(`^[a-zA-Z0-9_./-]+$`)
	calicoCompare = map[string]int{"==": 1, "!=": 1, "contains": 1, "starts": 2, "ends": 2, "startswith": 1, "endswith": 1}
)

// calicoParser reads the grammar by descent:
//
//	or = and { "||" and } ; and = not { "&&" not } ; not = { "!" } term
//	term = "(" or ")" | "all()" | "has(" label ")" | label operator text | label [not] in "{" texts "}"
type calicoParser struct {
	words []string
	depth int
}

func parseCalicoSelector(text string) error {
	p := &calicoParser{}
	for rest := strings.Trim(text, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		word := calicoWord.FindString(rest)
		if word == "" {
			return fmt.Errorf("unexpected %s", short(rest))
		}
		p.words = append(p.words, word)
		rest = rest[len(word):]
	}
	if err := p.or(); err != nil {
		return err
	}
	if len(p.words) > 0 {
		return fmt.Errorf("unexpected %s", short(p.words[0]))
	}
	return nil
}

// next takes the next word; "" at the end.
func (p *calicoParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

// take takes the next word if it is this one.
func (p *calicoParser) take(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *calicoParser) or() error {
	for {
		if err := p.and(); err != nil {
			return err
		}
		if !p.take("||") {
			return nil
		}
	}
}

func (p *calicoParser) and() error {
	for {
		for p.take("!") {
			continue
		}
		if err := p.term(); err != nil {
			return err
		}
		if !p.take("&&") {
			return nil
		}
	}
}

func (p *calicoParser) term() error {
	word := p.next()
	switch {
	case word == "(":
		if p.depth++; p.depth > maxDepth {
			return errors.New("it is nested too deeply")
		}
		if err := p.or(); err != nil {
			return err
		}
		return p.want(")")
	case word == "all(":
		return p.want(")")
	case word == "has(":
		if label := p.next(); !calicoLabel.MatchString(label) {
			return fmt.Errorf("has() names a label, not %s", short(label))
		}
		return p.want(")")
	case word == "":
		return errors.New("it ends too early")
	case !calicoLabel.MatchString(word):
		return fmt.Errorf("unexpected %s", short(word))
	}
	return p.comparison(word)
}

func (p *calicoParser) comparison(label string) error {
	operator := p.next()
	switch {
	case operator == "in" || operator == "notin" || operator == "not" && p.take("in"):
		return p.set()
	case calicoCompare[operator] == 2 && !p.take("with"), calicoCompare[operator] == 0:
		return fmt.Errorf("after the label %s stands %s, not ==, !=, in, not in, contains, starts with or ends with", label, short(operator))
	}
	return p.text()
}

// set reads texts in braces; none is allowed, and so is a comma at the end.
func (p *calicoParser) set() error {
	if err := p.want("{"); err != nil {
		return err
	}
	for !p.take("}") {
		if err := p.text(); err != nil {
			return err
		}
		if !p.take(",") {
			return p.want("}")
		}
	}
	return nil
}

func (p *calicoParser) text() error {
	if word := p.next(); word == "" || word[0] != '\'' && word[0] != '"' {
		return fmt.Errorf("%s must be text in quotes", short(word))
	}
	return nil
}

func (p *calicoParser) want(word string) error {
	if !p.take(word) {
		return fmt.Errorf("%s is missing", word)
	}
	return nil
}
