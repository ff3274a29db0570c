package expr

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Leaf is a compiled YAML string that may hold ${…}. A leaf that is one
// expression keeps the type of its value; among other text an expression is
// written as text; $${ stands for ${.
type Leaf struct {
	whole *Program // the leaf is one expression
	parts []part
}

type part struct {
	text    string
	program *Program // nil: text
}

// Leaf compiles a string leaf.
func (e *Env) Leaf(source string) (*Leaf, error) {
	var l Leaf
	var text strings.Builder
	for rest := source; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "$${"):
			text.WriteString("${")
			rest = rest[3:]
		case strings.HasPrefix(rest, "${"):
			end := expressionEnd(rest[2:])
			if end < 0 {
				return nil, &Error{Expr: source, Message: "${ has no closing }; write $${ for the two characters themselves"}
			}
			program, err := e.Value(rest[2 : 2+end])
			if err != nil {
				return nil, err
			}
			if text.Len() > 0 {
				l.parts = append(l.parts, part{text: text.String()})
				text.Reset()
			}
			l.parts = append(l.parts, part{program: program})
			rest = rest[2+end+1:]
		default:
			text.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	if text.Len() > 0 {
		l.parts = append(l.parts, part{text: text.String()})
	}
	if len(l.parts) == 1 && l.parts[0].program != nil {
		l.whole = l.parts[0].program
	}
	return &l, nil
}

// expressionEnd finds the brace that closes an expression, past braces in maps
// and whatever stands in string literals.
func expressionEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		case '"', '\'':
			quote := s[i]
			for i++; i < len(s) && s[i] != quote; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		}
	}
	return -1
}

// Eval gives the leaf's value. present is false when the leaf is one
// expression that gave optional.none(): then the field is to be left out.
func (l *Leaf) Eval(ctx context.Context, vars Vars) (value any, present bool, err error) {
	if l.whole != nil {
		return l.whole.eval(ctx, vars)
	}
	var b strings.Builder
	for _, p := range l.parts {
		if p.program == nil {
			b.WriteString(p.text)
			continue
		}
		value, err := p.program.Eval(ctx, vars)
		if err != nil {
			return nil, false, err
		}
		switch value := value.(type) {
		case string:
			b.WriteString(value)
		case int64:
			b.WriteString(strconv.FormatInt(value, 10))
		case bool:
			b.WriteString(strconv.FormatBool(value))
		default:
			return nil, false, &Error{Expr: p.program.source, Message: fmt.Sprintf("a %T cannot stand among text", value)}
		}
	}
	return b.String(), true, nil
}
