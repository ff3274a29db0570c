package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/validate"
)

// narrows reports whether some condition keeps some alert out. A list of
// sources alone does not count: everything a sensor says is not a match.
func (m *Match) narrows() bool {
	severity, known := parseSeverity(m.Severity)
	return narrowing(m.Rules) || len(m.Techniques) > 0 || len(m.Tags) > 0 || narrowing(m.Clusters) ||
		narrowing(m.Namespaces) || len(m.Kinds) > 0 || len(m.Labels) > 0 || severity > alert.Informational || m.Severity != "" && !known ||
		m.Expression != "" && strings.TrimSpace(m.Expression) != "true"
}

func narrowing(patterns []string) bool {
	return len(patterns) > 0 && !slices.ContainsFunc(patterns, func(p string) bool { return strings.Trim(p, "*") == "" })
}

// Specificity orders matching policies of equal priority: the sum of what
// each given condition weighs. Rules 32 (16 with a pattern among them),
// labels 12, namespaces 8 (4), kinds 4, clusters 4 (2), techniques 6, tags 3,
// expression 2, sources 1, severity 1. So a policy that names a rule goes
// before one that names a technique, and one that names a rule and a
// namespace before one that names the rule alone.
func (p *Policy) Specificity() int { return p.specific }

func (m *Match) specificity() int {
	n := weigh(m.Rules, 32, 16) + weigh(m.Namespaces, 8, 4) + weigh(m.Clusters, 4, 2)
	for _, c := range []struct {
		given  bool
		weight int
	}{
		{len(m.Labels) > 0, 12},
		{len(m.Techniques) > 0, 6},
		{len(m.Kinds) > 0, 4},
		{len(m.Tags) > 0, 3},
		{m.Expression != "", 2},
		{len(m.Sources) > 0, 1},
		{m.Severity != "", 1},
	} {
		if c.given {
			n += c.weight
		}
	}
	return n
}

func weigh(patterns []string, exact, pattern int) int {
	switch {
	case len(patterns) == 0:
		return 0
	case slices.ContainsFunc(patterns, isPattern):
		return pattern
	}
	return exact
}

// precedence is a total order over policies of different names.
func precedence(a, b *Policy) int {
	if a.Spec.Priority != b.Spec.Priority {
		return b.Spec.Priority - a.Spec.Priority
	}
	if a.specific != b.specific {
		return b.specific - a.specific
	}
	return strings.Compare(a.Name(), b.Name())
}

// shadowed reports policies that can never add anything, because a policy
// that goes before them matches whatever they match. A user's policy that
// goes before a built-in one is meant to.
func shadowed(sorted []*Policy, loaded map[*Policy]int) (problems []validate.Problem) {
	for i, late := range sorted {
		for _, early := range sorted[:i] {
			if early.Spec.Disabled || late.Spec.Disabled {
				continue
			}
			if early.Spec.Mode == Merge && late.Spec.Mode == Merge {
				continue
			}
			if early.source.Origin != late.source.Origin && loaded[early] > loaded[late] {
				continue
			}
			if early.Spec.Match.covers(&late.Spec.Match) {
				problems = append(problems, validate.Problem{
					File: late.File(), Path: "spec.match",
					Message: fmt.Sprintf("policy %q never has an effect: %q (%s) goes first and matches all that it matches; raise spec.priority here, narrow the other, or give both mode: merge",
						late.Name(), early.Name(), early.File()),
				})
				break
			}
		}
	}
	return problems
}

// covers reports whether m matches everything that o matches. It may miss a
// case, never claim one.
func (m *Match) covers(o *Match) bool {
	severity, _ := parseSeverity(m.Severity)
	other, _ := parseSeverity(o.Severity)
	for key, value := range m.Labels {
		if has, ok := o.Labels[key]; !ok || has != value {
			return false
		}
	}
	return severity <= other &&
		coversList(m.Sources, o.Sources, equal) &&
		coversList(m.Rules, o.Rules, coversPattern) &&
		coversList(m.Techniques, o.Techniques, coversTechnique) &&
		coversList(m.Tags, o.Tags, equal) &&
		coversList(m.Clusters, o.Clusters, coversPattern) &&
		coversList(m.Namespaces, o.Namespaces, coversPattern) &&
		coversList(m.Kinds, o.Kinds, equal) &&
		(m.Expression == "" || m.Expression == o.Expression)
}

func coversList(m, o []string, covers func(m, o string) bool) bool {
	if len(m) == 0 {
		return true
	}
	if len(o) == 0 {
		return slices.ContainsFunc(m, func(p string) bool { return strings.Trim(p, "*") == "" && p != "" })
	}
	for _, entry := range o {
		if !slices.ContainsFunc(m, func(p string) bool { return covers(p, entry) }) {
			return false
		}
	}
	return true
}

func equal(m, o string) bool { return m == o }

// coversTechnique: T1059 takes in its sub-techniques, T1059.004 only itself.
func coversTechnique(m, o string) bool {
	return m == o || strings.HasPrefix(o, m) && o[len(m)] == '.'
}
