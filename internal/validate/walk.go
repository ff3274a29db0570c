package validate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxProblems = 200 // of one object; the last says that there are more
	maxDepth    = 200 // schemas of real kinds end before 30
	maxQuote    = 60  // bytes of a value that a message repeats
	maxMessage  = 800 // bytes of a message, whose rule may come from a fleet's CRD
)

// walk is one check of one object.
type walk struct {
	file     string
	kind     *kind
	path     []step
	problems []Problem
	quiet    bool // only whether, not what: for anyOf, oneOf and not
	failed   bool
}

// clean makes a message safe to print: rules and their messages may come from a
// fleet's CRDs.
func clean(message string) string {
	if len(message) > maxMessage {
		message = message[:maxMessage] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, message)
}

// step is a field's name, or an index of a list when name is empty and at is
// not negative.
type step struct {
	name string
	at   int
}

// problem notes a finding at the current path and below by the names and
// indexes given.
func (w *walk) problem(message string, below ...any) {
	w.failed = true
	if w.quiet || len(w.problems) > maxProblems {
		return
	}
	if len(w.problems) == maxProblems {
		message, below = "there are more problems than are listed; mend these first", nil
	}
	path := slices.Clone(w.path)
	for _, b := range below {
		switch b := b.(type) {
		case string:
			path = append(path, step{name: b, at: -1})
		case int:
			path = append(path, step{at: b})
		}
	}
	w.problems = append(w.problems, Problem{File: w.file, Path: pathText(path), Message: clean(message)})
}

// under runs a check of what stands in a field.
func (w *walk) under(field string, check func()) {
	w.path = append(w.path, step{name: field, at: -1})
	check()
	w.path = w.path[:len(w.path)-1]
}

var plainField = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)

func pathText(path []step) string {
	var b strings.Builder
	for _, step := range path {
		switch {
		case step.at >= 0:
			b.WriteString("[" + strconv.Itoa(step.at) + "]")
		case !plainField.MatchString(step.name):
			b.WriteString("[" + short(step.name) + "]")
		case b.Len() > 0:
			b.WriteString("." + step.name)
		default:
			b.WriteString(step.name)
		}
	}
	return b.String()
}

// short quotes text for a message: escaped, so that no control character
// reaches a terminal, and cut.
func short(s string) string {
	if len(s) > maxQuote {
		return strconv.QuoteToASCII(s[:maxQuote]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// value checks v against n, and then n's rules when the shape is right.
func (w *walk) value(n *node, v any) {
	if len(w.path) > maxDepth {
		w.problem("is nested too deeply")
		return
	}
	if v == nil {
		if !n.nullable && !n.logic {
			w.problem("is null; give it a value or leave the field out")
		}
		return
	}
	before := w.failed
	w.failed = false
	if w.typed(n, v) {
		switch v := v.(type) {
		case map[string]any:
			w.object(n, v)
		case []any:
			w.list(n, v)
		default:
			w.scalar(n, v)
		}
		w.enumerated(n, v)
		w.combined(n, v)
		if !w.failed && !w.quiet {
			w.runRules(n, v)
		}
		if m, ok := v.(map[string]any); ok && !w.failed && !w.quiet {
			for _, check := range n.checks {
				check(w, m)
			}
		}
	}
	w.failed = w.failed || before
}

// typed tells whether v has n's type, and says so if not.
func (w *walk) typed(n *node, v any) bool {
	got := typeOf(v)
	switch {
	case got == "":
		w.problem(fmt.Sprintf("holds a Go %T, which is not plain data", v))
		return false
	case n.intOrString:
		if got == "integer" || got == "string" {
			return true
		}
		w.problem("must be a whole number or text, not " + describe(v))
		return false
	case n.quantity:
		if got == "integer" || got == "number" || got == "string" {
			return true
		}
		w.problem(`must be a quantity such as 500m or 1Gi, not ` + describe(v))
		return false
	case n.typ == "" || n.typ == got || n.typ == "number" && got == "integer":
		return true
	}
	hint := ""
	switch {
	case n.typ == "string" && (got == "boolean" || got == "integer" || got == "number"):
		hint = "; put it in quotes"
	case got == "string" && (n.typ == "integer" || n.typ == "boolean" || n.typ == "number"):
		hint = "; leave out the quotes"
	case n.typ == "array":
		hint = "; write a list (- …)"
	case n.typ == "object" && n.names != nil:
		hint = "; write fields: " + listed(n.names)
	}
	w.problem(fmt.Sprintf("must be %s, not %s%s", article(n.typ), describe(v), hint))
	return false
}

// typeOf names v's JSON type; "" for what is no plain data.
func typeOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case int64:
		return "integer"
	case float64:
		return "number"
	}
	return ""
}

func article(typ string) string {
	switch typ {
	case "object":
		return "a map"
	case "array":
		return "a list"
	case "string":
		return "text"
	case "boolean":
		return "true or false"
	case "integer":
		return "a whole number"
	}
	return "a number"
}

func describe(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		return "the text " + short(v)
	}
	return fmt.Sprint(v)
}

func (w *walk) object(n *node, m map[string]any) {
	for _, name := range n.required {
		if v, ok := m[name]; !ok || v == nil && !w.nullable(n, name) {
			w.problem("is required", name)
		}
	}
	size := int64(len(m))
	if n.minFields != nil && size < *n.minFields {
		w.problem(fmt.Sprintf("must have at least %d fields", *n.minFields))
	}
	if n.maxFields != nil && size > *n.maxFields {
		w.problem(fmt.Sprintf("must have at most %d fields", *n.maxFields))
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		f := n.fields[name]
		if f == nil {
			f = n.additional
		}
		switch {
		case f != nil:
			w.path = append(w.path, step{name: name, at: -1})
			w.value(f, m[name])
			w.path = w.path[:len(w.path)-1]
		case !n.open && !n.logic && n.typ == "object":
			w.problem("unknown field"+w.meant(n, name), name)
		}
	}
}

// nullable tells whether null counts as a value of a required field.
func (w *walk) nullable(n *node, name string) bool {
	f := n.fields[name]
	return f != nil && f.nullable && !w.kind.builtin()
}

func (w *walk) list(n *node, list []any) {
	size := int64(len(list))
	if n.minItems != nil && size < *n.minItems {
		w.problem(fmt.Sprintf("must have at least %d items", *n.minItems))
	}
	if n.maxItems != nil && size > *n.maxItems {
		w.problem(fmt.Sprintf("must have at most %d items, has %d", *n.maxItems, size))
	}
	if n.items != nil {
		for i, item := range list {
			w.path = append(w.path, step{at: i})
			w.value(n.items, item)
			w.path = w.path[:len(w.path)-1]
		}
	}
	if n.unique || n.mapKeys != nil {
		w.duplicates(n, list)
	}
}

// duplicates finds items that are the same, or have the same map keys.
func (w *walk) duplicates(n *node, list []any) {
	seen := make(map[string]int, len(list))
	for i, item := range list {
		key := item
		if n.mapKeys != nil {
			m, ok := item.(map[string]any)
			if !ok {
				return
			}
			keys := make([]any, len(n.mapKeys))
			for j, name := range n.mapKeys {
				keys[j] = m[name]
				if keys[j] == nil {
					keys[j] = keyDefaults[name]
				}
			}
			key = keys
		}
		text := fmt.Sprintf("%#v", key)
		if first, dup := seen[text]; dup {
			what := "is"
			if n.mapKeys != nil {
				what = "has the same " + strings.Join(n.mapKeys, " and ") + " as"
			}
			if what == "is" {
				what = "repeats"
			}
			w.problem(fmt.Sprintf("%s item %d; each must differ", what, first), i)
			continue
		}
		seen[text] = i
	}
}

// keyDefaults are the values that an absent list map key stands for.
var keyDefaults = map[string]any{"protocol": "TCP"}
