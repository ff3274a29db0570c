package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
)

// Decision is the answer to one alert.
type Decision struct {
	Plan       *Plan           `json:"plan,omitempty"` // nil: nothing is to be done, Reason says why
	Reason     string          `json:"reason"`         // one sentence without text from the alert
	Considered []Consideration `json:"considered"`     // in the order of precedence
}

// Consideration says what became of one policy.
type Consideration struct {
	Policy      string `json:"policy"`
	File        string `json:"file"`
	Origin      string `json:"origin,omitempty"`
	Priority    int    `json:"priority"`
	Specificity int    `json:"specificity"`
	Matched     bool   `json:"matched"`
	Used        bool   `json:"used"`   // it is part of the decision
	Reason      string `json:"reason"` // the first condition that failed, or why it was used or not; may quote the alert
}

// index finds the few policies whose rule, technique or tag an alert names, so
// that the cost of a match grows with those and not with all policies. A
// policy stands in it once, under its most selective condition. Numbers are
// places in the order of precedence.
type index struct {
	rules, techniques, tags map[string][]int
	rest                    []int // patterns of rules, or none of the three
}

func newIndex(sorted []*Policy) index {
	ix := index{rules: map[string][]int{}, techniques: map[string][]int{}, tags: map[string][]int{}}
	for i, p := range sorted {
		m := &p.Spec.Match
		switch {
		case p.Spec.Disabled:
		case p.exactRules:
			addTo(ix.rules, m.Rules, i)
		case len(m.Rules) == 0 && len(m.Techniques) > 0:
			addTo(ix.techniques, m.Techniques, i)
		case len(m.Rules) == 0 && len(m.Tags) > 0:
			addTo(ix.tags, m.Tags, i)
		default:
			ix.rest = append(ix.rest, i)
		}
	}
	return ix
}

func addTo(m map[string][]int, keys []string, i int) {
	for _, k := range keys {
		m[k] = append(m[k], i)
	}
}

func (ix *index) candidates(a *alert.Alert) []int {
	out := append(make([]int, 0, 16), ix.rules[a.Rule]...)
	for _, t := range a.Techniques {
		out = append(out, ix.techniques[t]...)
		if base, _, sub := strings.Cut(t, "."); sub {
			out = append(out, ix.techniques[base]...)
		}
	}
	for _, t := range a.Tags {
		out = append(out, ix.tags[t]...)
	}
	out = append(out, ix.rest...)
	slices.Sort(out)
	return slices.Compact(out)
}

// Match decides about one alert. Target is the workload that it hit in the
// cluster, as the fleet answered; nil when that is not known, and then there is
// never a plan (THREATS G7).
//
// Considered holds the policies that were looked at: those whose rules,
// techniques or tags the alert does not name are left out; [Set.Explain] has
// all of them. An expression that fails to evaluate does not match, and its
// policy's Reason has the error; Match itself fails only with ctx.
func (s *Set) Match(ctx context.Context, a alert.Alert, target *fleet.Workload, cluster fleet.Cluster) (Decision, error) {
	return s.decide(ctx, &a, target, &cluster, s.index.candidates(&a), false)
}

// Explain is Match for people: every policy is considered, also those that
// could no longer change the decision.
func (s *Set) Explain(ctx context.Context, a alert.Alert, target *fleet.Workload, cluster fleet.Cluster) (Decision, error) {
	all := make([]int, len(s.policies))
	for i := range all {
		all[i] = i
	}
	return s.decide(ctx, &a, target, &cluster, all, true)
}

func (s *Set) decide(ctx context.Context, a *alert.Alert, target *fleet.Workload, cluster *fleet.Cluster, order []int, everything bool) (Decision, error) {
	d := Decision{Considered: make([]Consideration, 0, len(order))}
	var used []*Policy
	for _, i := range order {
		p := s.policies[i]
		c := Consideration{
			Policy: p.Name(), File: p.File(), Origin: p.source.Origin,
			Priority: p.Spec.Priority, Specificity: p.specific,
		}
		if len(used) > 0 && used[0].Spec.Mode == Exclusive && !everything {
			c.Reason = fmt.Sprintf("not looked at: %s goes first and is exclusive", used[0].Name())
			d.Considered = append(d.Considered, c)
			continue
		}
		failed := p.failed(ctx, a, target, cluster)
		if err := ctx.Err(); err != nil {
			return Decision{}, fmt.Errorf("match policies: %w", err)
		}
		c.Matched = failed == ""
		switch {
		case !c.Matched:
			c.Reason = failed
		case len(used) == 0:
			c.Used, c.Reason = true, "the most specific match: "+p.Spec.Match.describe()
			used = append(used, p)
		case used[0].Spec.Mode == Exclusive:
			c.Reason = fmt.Sprintf("it matches, but %s goes first and is exclusive", used[0].Name())
		case p.Spec.Mode == Exclusive:
			c.Reason = fmt.Sprintf("it matches, but it is exclusive and %s goes first", used[0].Name())
		default:
			c.Used, c.Reason = true, fmt.Sprintf("merged into %s: %s", used[0].Name(), p.Spec.Match.describe())
			used = append(used, p)
		}
		d.Considered = append(d.Considered, c)
	}
	switch {
	case len(used) == 0:
		d.Reason = fmt.Sprintf("none of %d policies answers this alert", len(s.policies))
	case target == nil:
		d.Reason = fmt.Sprintf("policy %s answers this alert, but what it hit was not found in the fleet", used[0].Name())
	default:
		if d.Plan = newPlan(used); d.Plan == nil {
			d.Reason = fmt.Sprintf("policy %s only watches this: %s", used[0].Name(), oneLine(used[0].Spec.Description))
		} else {
			d.Reason = fmt.Sprintf("policy %s answers this alert", used[0].Name())
		}
	}
	return d, nil
}

// failed returns the first condition that does not hold, in words, and "" when
// all do. The order is that of the fields of Match.
func (p *Policy) failed(ctx context.Context, a *alert.Alert, target *fleet.Workload, cluster *fleet.Cluster) string {
	if p.Spec.Disabled {
		return "the policy is disabled"
	}
	m := &p.Spec.Match
	if len(m.Sources) > 0 && !slices.Contains(m.Sources, string(a.Source)) {
		return fmt.Sprintf("source is %s, want %s", quote(string(a.Source)), oneOfThese(m.Sources))
	}
	if least, _ := parseSeverity(m.Severity); a.Severity < least {
		return fmt.Sprintf("severity is %s, want at least %s", a.Severity, m.Severity)
	}
	if len(m.Rules) > 0 {
		if _, ok := firstMatch(m.Rules, a.Rule); !ok {
			return fmt.Sprintf("rule is %s, want %s", quote(a.Rule), oneOfThese(m.Rules))
		}
	}
	if len(m.Techniques) > 0 && !anyOf(m.Techniques, a.Techniques, coversTechnique) {
		return fmt.Sprintf("techniques are %s, want %s", these(a.Techniques), oneOfThese(m.Techniques))
	}
	if len(m.Tags) > 0 && !anyOf(m.Tags, a.Tags, equal) {
		return fmt.Sprintf("tags are %s, want %s", these(a.Tags), oneOfThese(m.Tags))
	}
	if len(m.Clusters) > 0 {
		if _, ok := firstMatch(m.Clusters, cluster.Name); !ok {
			return fmt.Sprintf("cluster is %s, want %s", quote(cluster.Name), oneOfThese(m.Clusters))
		}
	}
	if reason := m.targetFailed(target); reason != "" {
		return reason
	}
	if p.condition == nil {
		return ""
	}
	w := fleet.Workload{}
	if target != nil {
		w = *target
	}
	holds, err := p.condition.True(ctx, variables(*a, w, *cluster))
	switch {
	case err != nil:
		return "expression cannot be evaluated: " + quote(evaluationError(err))
	case !holds:
		return "expression is false: " + oneLine(m.Expression)
	}
	return ""
}

// evaluationError leaves out the expression, which the reader has before them.
func evaluationError(err error) string {
	var bad *expr.Error
	if errors.As(err, &bad) {
		return bad.Message
	}
	return err.Error()
}

func (m *Match) targetFailed(target *fleet.Workload) string {
	if target == nil {
		if len(m.Namespaces)+len(m.Kinds)+len(m.Labels) > 0 {
			return "the target was not found in the fleet, and this policy has conditions on it"
		}
		return ""
	}
	if len(m.Namespaces) > 0 {
		if _, ok := firstMatch(m.Namespaces, target.Namespace); !ok {
			return fmt.Sprintf("namespace is %s, want %s", quote(target.Namespace), oneOfThese(m.Namespaces))
		}
	}
	if len(m.Kinds) > 0 && !slices.Contains(m.Kinds, target.Kind) {
		return fmt.Sprintf("kind is %s, want %s", quote(target.Kind), oneOfThese(m.Kinds))
	}
	if len(m.Labels) > 0 {
		for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
			if has, ok := target.Labels[key]; !ok || has != m.Labels[key] {
				return fmt.Sprintf("label %s is %s, want %s", key, quote(has), quote(m.Labels[key]))
			}
		}
	}
	return ""
}

func anyOf(wanted, have []string, covers func(m, o string) bool) bool {
	for _, h := range have {
		for _, w := range wanted {
			if covers(w, h) {
				return true
			}
		}
	}
	return false
}
