package reach

import (
	"fmt"
	"slices"
	"strings"
)

// calicoSelector compares with labels.
type calicoSelector func(labelled) truth

// parseCalico reads a selector
// (docs.tigera.io/calico/latest/reference/resources/networkpolicy#selectors): ==, !=, in, not in,
// has(), contains, starts with, ends with, all(), global(), !, && before ||, parentheses. An empty one
// selects everything. global() selects what is no pod.
func parseCalico(text string) (calicoSelector, error) {
	p := &calicoParser{rest: text}
	if p.peek() == "" {
		return func(labelled) truth { return yes }, nil
	}
	s, err := p.either()
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("selector %q: %w", text, err)
	}
	return s, nil
}

type calicoParser struct {
	rest  string
	depth int
}

// peek is what is left, without space before it.
func (p *calicoParser) peek() string {
	p.rest = strings.TrimLeft(p.rest, " \t")
	return p.rest
}

func (p *calicoParser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.peek(), token)
	if ok {
		p.rest = rest
	}
	return ok
}

// takeWords takes an operator of words, which ends where no identifier goes on.
func (p *calicoParser) takeWords(words ...string) bool {
	before := p.rest
	for _, w := range words {
		if !p.take(w) {
			p.rest = before
			return false
		}
	}
	if p.rest != "" && identifierByte(p.rest[0]) {
		p.rest = before
		return false
	}
	return true
}

func identifierByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_./-", c) >= 0
}

func (p *calicoParser) either() (calicoSelector, error) {
	return p.chain("||", p.both, or)
}

func (p *calicoParser) both() (calicoSelector, error) {
	return p.chain("&&", p.term, and)
}

func (p *calicoParser) chain(operator string, part func() (calicoSelector, error), join func(...truth) truth) (calicoSelector, error) {
	left, err := part()
	for err == nil && p.take(operator) {
		var right calicoSelector
		first := left
		if right, err = part(); err == nil {
			left = func(l labelled) truth { return join(first(l), right(l)) }
		}
	}
	return left, err
}

func (p *calicoParser) term() (calicoSelector, error) {
	if p.depth++; p.depth > 100 {
		return nil, fmt.Errorf("it is nested deeper than any API server takes")
	}
	defer func() { p.depth-- }()
	switch {
	case !strings.HasPrefix(p.peek(), "!=") && p.take("!"):
		s, err := p.term()
		return func(l labelled) truth { return not(s(l)) }, err
	case p.take("("):
		s, err := p.either()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("expected ) before %q", p.rest)
		}
		return s, err
	}
	if s, err := p.call(); s != nil || err != nil {
		return s, err
	}
	label, err := p.identifier()
	if err != nil {
		return nil, err
	}
	return p.comparison(label)
}

// call reads has(x), all() and global(), and is nil where there is none of them.
func (p *calicoParser) call() (s calicoSelector, err error) {
	switch {
	case p.take("has("):
		var label string
		label, err = p.identifier()
		s = func(l labelled) truth { return l.has(label, present) }
	case p.take("all("):
		s = func(labelled) truth { return yes }
	case p.take("global("):
		s = func(labelled) truth { return no }
	default:
		return nil, nil
	}
	if err == nil && !p.take(")") {
		err = fmt.Errorf("expected ) before %q", p.rest)
	}
	return s, err
}

func (p *calicoParser) identifier() (string, error) {
	s := p.peek()
	n := 0
	for n < len(s) && identifierByte(s[n]) {
		n++
	}
	if n == 0 {
		return "", fmt.Errorf("expected a label before %q", s)
	}
	p.rest = s[n:]
	return s[:n], nil
}

// comparison reads an operator and what it compares with. Those with not hold
// for a label that is not there.
func (p *calicoParser) comparison(label string) (calicoSelector, error) {
	tests := []struct {
		words   []string
		negated bool
		test    func(v, with string) bool
	}{
		{[]string{"contains"}, false, strings.Contains},
		{[]string{"starts", "with"}, false, strings.HasPrefix},
		{[]string{"ends", "with"}, false, strings.HasSuffix},
	}
	for _, t := range tests {
		if p.takeWords(t.words...) {
			return p.against(label, false, t.test)
		}
	}
	equal := func(v, with string) bool { return v == with }
	switch {
	case p.take("=="):
		return p.against(label, false, equal)
	case p.take("!="):
		return p.against(label, true, equal)
	case p.takeWords("not", "in"):
		return p.among(label, true)
	case p.takeWords("in"):
		return p.among(label, false)
	}
	return nil, fmt.Errorf("expected an operator before %q", p.rest)
}

func (p *calicoParser) against(label string, negated bool, test func(v, with string) bool) (calicoSelector, error) {
	with, err := p.literal()
	return negate(negated, func(l labelled) truth {
		return l.has(label, func(v string) truth { return is(test(v, with)) })
	}), err
}

func (p *calicoParser) among(label string, negated bool) (calicoSelector, error) {
	if !p.take("{") {
		return nil, fmt.Errorf("expected { before %q", p.rest)
	}
	var set []string
	for !p.take("}") {
		value, err := p.literal()
		if err != nil {
			return nil, err
		}
		set = append(set, value)
		if !p.take(",") && !strings.HasPrefix(p.peek(), "}") {
			return nil, fmt.Errorf("expected } before %q", p.rest)
		}
	}
	return negate(negated, func(l labelled) truth {
		return l.has(label, func(v string) truth { return is(slices.Contains(set, v)) })
	}), nil
}

func negate(negated bool, s calicoSelector) calicoSelector {
	if !negated {
		return s
	}
	return func(l labelled) truth { return not(s(l)) }
}

func (p *calicoParser) literal() (string, error) {
	s := p.peek()
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return "", fmt.Errorf("expected a string before %q", s)
	}
	value, rest, ok := strings.Cut(s[1:], s[:1])
	if !ok {
		return "", fmt.Errorf("the string %s does not end", s)
	}
	p.rest = rest
	return value, nil
}
