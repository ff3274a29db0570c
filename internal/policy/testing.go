package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
)

const testKind = "ResponsePolicyTest"

// TestResult is the outcome of one case of a ResponsePolicyTest.
type TestResult struct {
	File   string   `json:"file"` // with line and column of the case
	Test   string   `json:"test"`
	Case   string   `json:"case"`
	Rule   string   `json:"rule"` // of the case's alert
	Passed bool     `json:"passed"`
	Differ []string `json:"differ,omitempty"` // one sentence per expectation that was not met
	// Decision has every policy's reason; it is what a person wants to see
	// when a case fails.
	Decision Decision `json:"-"`
}

// testFile is a ResponsePolicyTest. What a case leaves out of alert, target
// and cluster comes from spec, field by field at the first level.
type testFile struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       testSpec `json:"spec"`
}

type testSpec struct {
	Alert   map[string]any `json:"alert"`
	Target  map[string]any `json:"target"`
	Cluster map[string]any `json:"cluster"`
	Cases   []testCase     `json:"cases"`
}

type testCase struct {
	Name     string         `json:"name"`
	Alert    map[string]any `json:"alert"`    // the JSON form of alert.Alert, as far as it matters
	Target   map[string]any `json:"target"`   // of fleet.Workload
	NoTarget bool           `json:"noTarget"` // the workload is not in the fleet
	Cluster  map[string]any `json:"cluster"`  // of fleet.Cluster
	Want     testWant       `json:"want"`
}

type testWant struct {
	Policy   string   `json:"policy"`   // the one that names the plan, or that watches
	Policies []string `json:"policies"` // all that were merged
	Actions  []string `json:"actions"`  // names in order; one that is optional has a ? at the end
	Tier     string   `json:"tier"`
	Expiry   Duration `json:"expiry"`
	None     bool     `json:"none"`    // no plan
	Refused  string   `json:"refused"` // the guardrail that stands against the plan
}

// Test runs the tests of the files against the set. A test file that cannot be
// read yields problems; its readable cases are run all the same.
func Test(ctx context.Context, set *Set, tests []Source) (results []TestResult, problems []validate.Problem) {
	for _, file := range tests {
		docs, found := strict.Read(file)
		problems = append(problems, found...)
		for _, read := range docs {
			d := &document{read}
			var t testFile
			d.Decode(&t)
			if t.APIVersion != apiVersion || t.Kind != testKind {
				d.Problem("kind", "want %s %s, have %s %s", apiVersion, testKind, t.APIVersion, t.Kind)
			} else if len(t.Spec.Cases) == 0 {
				d.Problem("spec.cases", "missing: list at least one case")
			}
			for i := range t.Spec.Cases {
				if r, ok := d.run(ctx, set, &t, i); ok {
					results = append(results, r)
				}
			}
			problems = append(problems, d.Problems...)
		}
	}
	return results, problems
}

func (d *document) run(ctx context.Context, set *Set, t *testFile, i int) (TestResult, bool) {
	at := fmt.Sprintf("spec.cases[%d]", i)
	c := &t.Spec.Cases[i]
	before := len(d.Problems)
	var a alert.Alert
	var target fleet.Workload
	var cluster fleet.Cluster
	fields := overlay(t.Spec.Alert, c.Alert)
	word, hasSeverity := fields["severity"].(string)
	delete(fields, "severity")
	d.fill(at+".alert", fields, &a)
	if hasSeverity {
		var known bool
		if a.Severity, known = parseSeverity(word); !known {
			d.Problem(at+".alert.severity", "unknown severity %q%s", word, strict.Suggest(word, severities))
		}
	}
	d.fill(at+".target", overlay(t.Spec.Target, c.Target), &target)
	d.fill(at+".cluster", overlay(t.Spec.Cluster, c.Cluster), &cluster)
	if c.Name == "" {
		d.Problem(at+".name", "missing: say in a few words what the case shows")
	}
	if reflect.ValueOf(c.Want).IsZero() {
		d.Problem(at+".want", "missing: a case that expects nothing cannot fail; want policy, actions, none or refused")
	}
	if len(d.Problems) > before {
		return TestResult{}, false
	}
	hit := &target
	if c.NoTarget {
		hit = nil
	}
	decision, err := set.Explain(ctx, a, hit, cluster)
	if err != nil {
		d.Problem(at, "not run: %s", err)
		return TestResult{}, false
	}
	r := TestResult{
		File: d.Position(at).In(d.File), Test: t.Metadata.Name, Case: c.Name, Rule: a.Rule, Decision: decision,
		Differ: c.Want.differ(decision, a, hit, cluster),
	}
	r.Passed = len(r.Differ) == 0
	return r, true
}

// fill decodes the plain value strictly, so that a misspelt field of a test is
// a problem and not a case that passes for the wrong reason.
func (d *document) fill(path string, fields map[string]any, into any) {
	data, err := json.Marshal(fields)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		err = dec.Decode(into)
	}
	if err != nil {
		d.Problem(path, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
}

func overlay(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		out[k] = v
	}
	return out
}

func (w testWant) differ(d Decision, a alert.Alert, target *fleet.Workload, cluster fleet.Cluster) (differ []string) {
	say := func(format string, args ...any) { differ = append(differ, fmt.Sprintf(format, args...)) }
	var used []string
	for _, c := range d.Considered {
		if c.Used {
			used = append(used, c.Policy)
		}
	}
	plan := d.Plan
	if plan == nil {
		plan = &Plan{}
	}
	if w.Policy != "" && (len(used) == 0 || used[0] != w.Policy) {
		say("want policy %s, have %s: %s", w.Policy, orNone(used), reasonFor(d, w.Policy))
	}
	if len(w.Policies) > 0 && !slices.Equal(w.Policies, used) {
		say("want policies %s, have %s", orNone(w.Policies), orNone(used))
	}
	var actions []string
	for _, action := range plan.Actions {
		name := action.Name
		if action.Optional {
			name += "?"
		}
		actions = append(actions, name)
	}
	if len(w.Actions) > 0 && !slices.Equal(w.Actions, actions) {
		say("want actions %s, have %s", orNone(w.Actions), orNone(actions))
	}
	if w.Tier != "" && w.Tier != string(plan.Tier) {
		say("want tier %s, have %q", w.Tier, plan.Tier)
	}
	if w.Expiry != 0 && w.Expiry != Duration(plan.Expiry) {
		say("want expiry %s, have %s", w.Expiry, Duration(plan.Expiry))
	}
	if w.None && d.Plan != nil {
		say("want no plan, have one by %s: %s", plan.Policy, orNone(actions))
	}
	return append(differ, w.refusal(plan, a, target, cluster)...)
}

// refusal compares the guardrails that can be judged without a fleet.
func (w testWant) refusal(plan *Plan, a alert.Alert, target *fleet.Workload, cluster fleet.Cluster) []string {
	if target == nil || plan.Policy == "" {
		if w.Refused != "" {
			return []string{fmt.Sprintf("want a refusal by %s, but there is no plan to refuse", w.Refused)}
		}
		return nil
	}
	refusals := append(checkSubject(cluster, *target, a), plan.Guardrails.Check(*target, nil)...)
	for _, r := range refusals {
		if r.Guardrail == w.Refused {
			return nil
		}
	}
	switch {
	case w.Refused != "":
		return []string{fmt.Sprintf("want a refusal by %s, have %v", w.Refused, refusals)}
	case len(refusals) > 0:
		return []string{fmt.Sprintf("refused by guardrail %s: %s", refusals[0].Guardrail, refusals[0].Reason)}
	}
	return nil
}

func reasonFor(d Decision, name string) string {
	for _, c := range d.Considered {
		if c.Policy == name {
			return c.Reason
		}
	}
	return "there is no policy of that name"
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
