package redact

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// matches finds all matches of an expression, as FindAllStringSubmatchIndex
// does. Lower is the text in small letters.
type matches func(text, lower string) [][]int

// newMatches compiles an expression. Where every match begins with one of a
// few literals, only the places where one stands are looked at.
func newMatches(expression string) matches {
	whole := regexp.MustCompile(expression)
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		panic(err) // it has just been compiled
	}
	at := start{}
	// Before what is no part of a word, the boundary depends on what is in front.
	if !at.of(parsed) || at.boundary && slices.ContainsFunc(at.literals, func(l string) bool { return !isWord(l[0]) }) {
		return func(text, _ string) [][]int { return whole.FindAllStringSubmatchIndex(text, -1) }
	}
	// The boundary in front is checked here, since an expression that begins at
	// a place does not see what is before it.
	anchored := regexp.MustCompile(`\A(?:` + expression + `)`)
	return func(text, lower string) (all [][]int) {
		in := text
		if at.fold {
			in = lower
		}
		for from := 0; from <= len(in); {
			place := at.next(in, from)
			if place < 0 {
				break
			}
			from = place + 1
			if at.boundary && place > 0 && isWord(text[place-1]) == isWord(text[place]) {
				continue
			}
			if m := anchored.FindStringSubmatchIndex(text[place:]); m != nil {
				for i := range m {
					if m[i] >= 0 {
						m[i] += place
					}
				}
				all = append(all, m)
				from = max(m[1], from)
			}
		}
		return all
	}
}

// start is what every match of an expression begins with.
type start struct {
	literals []string // one of them; in small letters with fold
	fold     bool
	boundary bool // of a word, in front of it
}

// next finds the first place at or behind from where one of the literals is.
func (s *start) next(in string, from int) int {
	first := -1
	for _, l := range s.literals {
		if i := strings.Index(in[from:], l); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	if first >= 0 {
		first += from
	}
	return first
}

// of reads the beginning of an expression, and reports whether it is one of a
// few literals of ASCII.
func (s *start) of(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCapture:
		return s.of(re.Sub[0])
	case syntax.OpLiteral:
		return s.add(string(re.Rune), re.Flags&syntax.FoldCase != 0)
	case syntax.OpConcat:
		if re.Sub[0].Op == syntax.OpWordBoundary {
			s.boundary = true
			return len(re.Sub) > 1 && s.of(re.Sub[1])
		}
		return s.of(re.Sub[0])
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if startsWithBoundary(sub) || !s.of(sub) {
				return false
			}
		}
		return len(s.literals) <= maxStarts
	}
	return false
}

// maxStarts bounds the literals that a text is searched for one by one.
const maxStarts = 4

func (s *start) add(literal string, fold bool) bool {
	if len(s.literals) > 0 && s.fold != fold {
		return false
	}
	for i := range len(literal) {
		if literal[i] >= 0x80 || fold && strings.IndexByte("kKsS", literal[i]) >= 0 {
			// Outside of ASCII there are letters that fold to k and s.
			literal = literal[:i]
			break
		}
	}
	if fold {
		literal = strings.ToLower(literal)
	}
	s.literals, s.fold = append(s.literals, literal), fold
	return len(literal) > 1
}

func startsWithBoundary(re *syntax.Regexp) bool {
	for re.Op == syntax.OpCapture || re.Op == syntax.OpConcat {
		re = re.Sub[0]
	}
	return re.Op == syntax.OpWordBoundary
}

// isWord is what \b takes for part of a word.
func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
