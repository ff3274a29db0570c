package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// describe names the conditions of a match in the policy's own words, never in
// the alert's: it ends up in records and pull requests.
func (m *Match) describe() string {
	var parts []string
	add := func(what string, values []string) {
		if len(values) > 0 {
			parts = append(parts, what+" "+oneOfThese(values))
		}
	}
	add("source", m.Sources)
	if m.Severity != "" {
		parts = append(parts, "severity at least "+m.Severity)
	}
	add("rule", m.Rules)
	add("technique", m.Techniques)
	add("tag", m.Tags)
	add("cluster", m.Clusters)
	add("namespace", m.Namespaces)
	add("kind", m.Kinds)
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		parts = append(parts, fmt.Sprintf("label %s=%s", key, m.Labels[key]))
	}
	if m.Expression != "" {
		parts = append(parts, "expression "+oneLine(m.Expression))
	}
	if len(parts) == 0 {
		return "it matches every alert"
	}
	return strings.Join(parts, ", ")
}

func oneOfThese(values []string) string {
	if len(values) == 1 {
		return quote(values[0])
	}
	return "one of " + these(values)
}

func these(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	const most = 8
	quoted := make([]string, 0, most)
	for i, v := range values {
		if i == most {
			return fmt.Sprintf("%s and %d more", strings.Join(quoted, ", "), len(values)-most)
		}
		quoted = append(quoted, quote(v))
	}
	return strings.Join(quoted, ", ")
}

// quote makes any text visible and short enough for one line.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// oneLine puts text that a person wrote over several lines into one.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
