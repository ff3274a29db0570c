package validate

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
)

// scalar checks text, numbers and true/false.
func (w *walk) scalar(n *node, v any) {
	if n.quantity {
		if _, err := resource.ParseQuantity(fmt.Sprint(v)); err != nil {
			w.problem(fmt.Sprintf("%s is not a quantity; write 500m, 2 or 1Gi", short(fmt.Sprint(v))))
		}
		return
	}
	switch v := v.(type) {
	case string:
		w.text(n, v)
	case int64:
		if n.format == "int32" && (v > math.MaxInt32 || v < math.MinInt32) {
			w.problem(fmt.Sprintf("%d does not fit into 32 bits", v))
		}
		w.number(n, float64(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			w.problem("is not a finite number")
			return
		}
		w.number(n, v)
	}
}

// formatHints show what a format looks like.
var formatHints = map[string]string{
	"cidr": "; write 10.0.0.0/8, 2001:db8::/32, or 203.0.113.9/32 for one address", "ipv4": "; write 203.0.113.9", "ipv6": "; write 2001:db8::9",
	"date-time": "; write 2006-01-02T15:04:05Z", "byte": "; write base64", "uri": "; write https://host/path", "duration": "; write 1h or 30m",
}

func (w *walk) text(n *node, s string) {
	length := int64(utf8.RuneCountInString(s))
	if n.minLength != nil && length < *n.minLength {
		if length == 0 {
			w.problem("must not be empty")
		} else {
			w.problem(fmt.Sprintf("must have at least %d characters", *n.minLength))
		}
	}
	if n.maxLength != nil && length > *n.maxLength {
		w.problem(fmt.Sprintf("must have at most %d characters, has %d", *n.maxLength, length))
	}
	if n.pattern != nil && !n.pattern.MatchString(s) {
		w.problem(fmt.Sprintf("%s does not match %s", short(s), n.pattern))
	}
	if n.format != "" && s != "" && strfmt.Default.ContainsName(n.format) && !strfmt.Default.Validates(n.format, s) {
		w.problem(fmt.Sprintf("%s is not in the format %s%s", short(s), n.format, formatHints[n.format]))
	}
}

func (w *walk) number(n *node, f float64) {
	if n.minimum != nil && (f < *n.minimum || n.exclusiveMin && f == *n.minimum) {
		w.problem(fmt.Sprintf("%v is too small; the least is %v%s", f, *n.minimum, exclusive(n.exclusiveMin)))
	}
	if n.maximum != nil && (f > *n.maximum || n.exclusiveMax && f == *n.maximum) {
		w.problem(fmt.Sprintf("%v is too large; the most is %v%s", f, *n.maximum, exclusive(n.exclusiveMax)))
	}
	if n.multipleOf != nil && *n.multipleOf != 0 && math.Mod(f, *n.multipleOf) != 0 {
		w.problem(fmt.Sprintf("%v is not a multiple of %v", f, *n.multipleOf))
	}
}

func exclusive(is bool) string {
	if is {
		return ", itself excluded"
	}
	return ""
}

func (w *walk) enumerated(n *node, v any) {
	if len(n.enum) == 0 || slices.ContainsFunc(n.enum, func(e any) bool { return equal(e, v) }) {
		return
	}
	words := make([]string, len(n.enum))
	for i, e := range n.enum {
		words[i] = fmt.Sprint(e)
	}
	near := ""
	if s, ok := v.(string); ok {
		if meant := Nearest(s, words); meant != "" {
			near = "; did you mean " + meant + "?"
		}
	}
	w.problem(fmt.Sprintf("%s is not one of %s%s", describe(v), strings.Join(words, ", "), near))
}

// equal compares plain data; a schema's numbers are float64, ours may be int64.
func equal(a, b any) bool {
	if f, ok := a.(float64); ok {
		if i, ok := b.(int64); ok {
			return f == float64(i)
		}
	}
	return reflect.DeepEqual(a, b)
}

// combined checks allOf, anyOf, oneOf and not.
func (w *walk) combined(n *node, v any) {
	for _, sub := range n.allOf {
		w.value(sub, v)
	}
	if len(n.anyOf) > 0 && !slices.ContainsFunc(n.anyOf, func(sub *node) bool { return w.fits(sub, v) }) {
		w.problem("fits none of the forms that are allowed here" + forms(n.anyOf))
	}
	if len(n.oneOf) > 0 {
		count := 0
		for _, sub := range n.oneOf {
			if w.fits(sub, v) {
				count++
			}
		}
		switch {
		case count > 1:
			w.problem("fits several forms of which only one is allowed" + forms(n.oneOf))
		case count == 0:
			w.problem("must have exactly one of the forms that are allowed here" + forms(n.oneOf))
		}
	}
	if n.not != nil && w.fits(n.not, v) {
		w.problem("has a form that is not allowed here" + forms([]*node{n.not}))
	}
}

// fits tells whether v passes n, without reporting.
func (w *walk) fits(n *node, v any) bool {
	sub := walk{kind: w.kind, quiet: true, path: w.path[:len(w.path):len(w.path)]}
	sub.value(n, v)
	return !sub.failed
}

// forms names the fields that alternatives ask for.
func forms(alternatives []*node) string {
	var names []string
	for _, a := range alternatives {
		names = append(names, a.required...)
		for _, sub := range a.anyOf {
			names = append(names, sub.required...)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return ""
	}
	return ": set one of " + strings.Join(names, ", ")
}
