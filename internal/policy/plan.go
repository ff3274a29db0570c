package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan is what is to be done about an incident, before the target was asked
// whether it fits.
type Plan struct {
	Policy       string        `json:"policy"`             // names the incident
	Policies     []string      `json:"policies,omitempty"` // all that were merged, Policy first
	PolicyDigest string        `json:"policyDigest"`       // of the policy, or of the list of merged policies
	Tier         Tier          `json:"tier"`               // the highest of the merged ones
	Description  string        `json:"description"`        // why these actions, by the policy's author
	Why          []string      `json:"why"`                // one sentence each, without text from the alert
	Actions      []Action      `json:"actions"`
	Expiry       time.Duration `json:"expiry"`
	Group        time.Duration `json:"group,omitempty"`
	Approval     Approval      `json:"approval"`
	Guardrails   Guardrails    `json:"guardrails"`
}

var tiers = []Tier{Watch, Freeze, Isolate, Evict}

// newPlan makes the plan of the policies that take part, first in precedence
// first. It is nil when they ask for nothing.
func newPlan(used []*Policy) *Plan {
	first := used[0]
	if len(used) == 1 && len(first.Spec.Response) == 0 {
		return nil
	}
	plan := &Plan{
		Policy: first.Name(), PolicyDigest: first.digest,
		Tier: first.Spec.Tier, Description: oneLine(first.Spec.Description),
		Why:    []string{fmt.Sprintf("policy %s is the most specific match: %s", first.Name(), first.Spec.Match.describe())},
		Expiry: time.Duration(first.Spec.Expiry), Group: time.Duration(first.Spec.Group),
	}
	plan.Guardrails.MaxWorkloads = MaxWorkloads
	plan.Approval.Mode = AutoMerge
	for i, p := range used {
		plan.add(p)
		if i > 0 {
			plan.Why = append(plan.Why, fmt.Sprintf("policy %s is merged into it: %s", p.Name(), p.Spec.Match.describe()))
		}
	}
	if len(plan.Actions) == 0 {
		return nil
	}
	if plan.Guardrails.RequireHumanApproval {
		plan.Approval.Mode = Propose
	}
	if len(used) > 1 {
		plan.PolicyDigest = mergedDigest(used)
	}
	return plan
}

// add takes a policy into the plan; nothing that is in it gets looser.
func (plan *Plan) add(p *Policy) {
	s := &p.Spec
	plan.Policies = append(plan.Policies, p.Name())
	if slices.Index(tiers, s.Tier) > slices.Index(tiers, plan.Tier) {
		plan.Tier = s.Tier
	}
	for _, a := range s.Response {
		i := slices.IndexFunc(plan.Actions, func(have Action) bool { return have.Name == a.Name })
		if i < 0 {
			plan.Actions = append(plan.Actions, a)
			continue
		}
		plan.Actions[i].Optional = plan.Actions[i].Optional && a.Optional
		if string(canonical(plan.Actions[i].Parameters)) != string(canonical(a.Parameters)) {
			plan.Why = append(plan.Why, fmt.Sprintf("%s keeps the parameters of policy %s, not those of %s", a.Name, plan.Policies[0], p.Name()))
		}
	}
	plan.Expiry = min(plan.Expiry, time.Duration(s.Expiry))
	plan.Group = max(plan.Group, time.Duration(s.Group))
	if s.Approval.Mode == Propose {
		plan.Approval.Mode = Propose
	}
	plan.Approval.Reviewers = union(plan.Approval.Reviewers, s.Approval.Reviewers)
	plan.Approval.Teams = union(plan.Approval.Teams, s.Approval.Teams)
	plan.Approval.Labels = union(plan.Approval.Labels, s.Approval.Labels)
	plan.Guardrails.Merge(s.Guardrails)
}

func mergedDigest(used []*Policy) string {
	digests := make([]string, len(used))
	for i, p := range used {
		digests[i] = p.digest
	}
	return digest([]byte(strings.Join(digests, "\n")))
}

// canonical is the JSON of a value that came from YAML; maps are sorted.
func canonical(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("policy: a YAML value without JSON: " + err.Error()) // decode lets only finite numbers, text, lists and maps through
	}
	return out
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
