package render

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/irgit/irgit/internal/strict"
)

// Limits of what a parameter may hold, whatever its schema says.
const (
	maxText  = 1024 // bytes
	maxItems = 64
)

// parameter is a schema with its pattern compiled and its bounds as numbers.
type parameter struct {
	Parameter
	name     string
	pattern  *regexp.Regexp
	min, max int64
}

var parameterTypes = []string{"string", "int", "bool", "list"}

// parameter checks and compiles a schema.
func (c *compiler) parameter(at, name string, p *Parameter) *parameter {
	out := &parameter{Parameter: *p, name: name, min: math.MinInt64, max: math.MaxInt64}
	if !parameterForm.MatchString(name) {
		c.doc.Problem(at, "want a name of letters and digits that begins with a lower-case one, at most 40 characters")
	}
	c.oneOf(at+".type", p.Type, parameterTypes...)
	c.needs(at+".description", p.Description, "say what the parameter does")
	bound := func(field string, v any, into *int64) {
		n, ok := whole(v)
		switch {
		case v == nil:
		case !ok:
			c.doc.Problem(at+"."+field, "want a whole number")
		case p.Type == "bool":
			c.doc.Problem(at+"."+field, "a bool has no bounds")
		default:
			*into = n
		}
	}
	bound("min", p.Min, &out.min)
	bound("max", p.Max, &out.max)
	if p.Pattern != "" {
		pattern, err := regexp.Compile("^(?:" + p.Pattern + ")$")
		if err != nil {
			c.doc.Problem(at+".pattern", "is not a regular expression: %s", err)
		}
		out.pattern = pattern
	}
	if (p.Pattern != "" || len(p.Enum) > 0) && p.Type != "string" && p.Type != "list" {
		c.doc.Problem(at, "pattern and enum are for strings and lists")
	}
	if p.Format != "" {
		c.oneOf(at+".format", p.Format, "network")
		if p.Type != "string" && p.Type != "list" {
			c.doc.Problem(at+".format", "is for strings and lists")
		}
	}
	if p.Default != nil {
		if p.Required {
			c.doc.Problem(at+".default", "a required parameter needs no default: keep one of them")
		}
		if _, wrong := out.read(p.Default); wrong != "" {
			c.doc.Problem(at+".default", "does not fit its own schema: %s", wrong)
		}
	}
	return out
}

// read gives a value the type that expressions expect, or says what is wrong.
func (p *parameter) read(v any) (value any, wrong string) {
	switch p.Type {
	case "bool":
		if b, ok := v.(bool); ok {
			return b, ""
		}
	case "int":
		if n, ok := whole(v); ok {
			return n, p.bounds(n, "%d is out of bounds: want %s", n)
		}
	case "string":
		if s, ok := v.(string); ok {
			s, wrong := p.text(s)
			if wrong != "" {
				return nil, wrong
			}
			return s, p.bounds(int64(len(s)), "has %d characters: want %s", len(s))
		}
	case "list":
		if list, ok := v.([]any); ok {
			return p.list(list)
		}
	}
	return nil, fmt.Sprintf("want %s, have %s", map[string]string{
		"bool": "true or false", "int": "a whole number", "string": "text", "list": "a list of texts",
	}[p.Type], describe(v))
}

func (p *parameter) list(list []any) (any, string) {
	if len(list) > maxItems {
		return nil, fmt.Sprintf("has %d items: want at most %d", len(list), maxItems)
	}
	out := make([]any, 0, len(list))
	for i, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, fmt.Sprintf("item %d: want text, have %s: put it in quotes", i, describe(item))
		}
		s, wrong := p.text(s)
		if wrong != "" {
			return nil, fmt.Sprintf("item %d: %s", i, wrong)
		}
		if slices.Contains(out, any(s)) {
			return nil, fmt.Sprintf("item %d stands twice", i)
		}
		out = append(out, s)
	}
	return out, p.bounds(int64(len(out)), "has %d items: want %s", len(out))
}

// text checks a string, and gives it as expressions see it.
func (p *parameter) text(s string) (value, wrong string) {
	switch {
	case len(s) > maxText:
		return "", fmt.Sprintf("has %d bytes: want at most %d", len(s), maxText)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", "holds characters that cannot be seen"
	}
	if token := evaluated(s); token != "" {
		return "", fmt.Sprintf("holds %q, which a later stage would evaluate", token)
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, s) {
		return "", fmt.Sprintf("unknown value %q%s", s, strict.Suggest(s, p.Enum))
	}
	if p.pattern != nil && !p.pattern.MatchString(s) {
		return "", fmt.Sprintf("%q does not match the pattern %s", s, p.Pattern)
	}
	if p.Format == "network" {
		return network(s)
	}
	return s, ""
}

// network gives an address or a prefix as a prefix, in its shortest form.
func network(s string) (prefix, wrong string) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()).String(), ""
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return "", fmt.Sprintf("%q is neither an address nor a network such as 198.51.100.0/24", s)
	case p != p.Masked():
		return "", fmt.Sprintf("%s has bits set beyond its length: write %s", p, p.Masked())
	}
	return p.String(), ""
}

func (p *parameter) bounds(n int64, format string, shown any) string {
	if n >= p.min && n <= p.max {
		return ""
	}
	want := fmt.Sprintf("%d to %d", p.min, p.max)
	switch {
	case p.min == math.MinInt64:
		want = fmt.Sprintf("at most %d", p.max)
	case p.max == math.MaxInt64:
		want = fmt.Sprintf("at least %d", p.min)
	}
	return fmt.Sprintf(format, shown, want)
}

func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	}
	return 0, false
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		if len(v) > 40 {
			v = strings.ToValidUTF8(v[:40], "") + "…"
		}
		return fmt.Sprintf("the text %q", v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case bool:
		return fmt.Sprintf("the boolean %t", v)
	}
	return fmt.Sprintf("the number %v", v)
}
