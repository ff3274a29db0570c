package policy

import (
	"fmt"
	"strings"

	"github.com/irgit/irgit/internal/fleet"
)

// Merge adds o's limits to g's; the result is at least as tight as either.
func (g *Guardrails) Merge(o Guardrails) {
	g.ProtectedNamespaces = union(g.ProtectedNamespaces, o.ProtectedNamespaces)
	g.ProtectedLabels = union(g.ProtectedLabels, o.ProtectedLabels)
	g.MaxWorkloads = min(g.MaxWorkloads, o.MaxWorkloads)
	g.RequireHumanApproval = g.RequireHumanApproval || o.RequireHumanApproval
}

// Check applies a plan's own guardrails, after the floor. Hit are the workloads
// that the containment selects; the target counts whether it is among them or
// not.
func (g Guardrails) Check(target fleet.Workload, hit []fleet.Workload) (refusals []Refusal) {
	seen := map[string]bool{}
	for _, w := range append([]fleet.Workload{target}, hit...) {
		if seen[workloadKey(w)] {
			continue
		}
		seen[workloadKey(w)] = true
		if pattern, ok := firstMatch(g.ProtectedNamespaces, w.Namespace); ok {
			refusals = append(refusals, Refusal{"policy", fmt.Sprintf("%s is in a namespace that the policy protects (%s)", w.String(), pattern)})
		}
		for _, pair := range g.ProtectedLabels {
			key, value, _ := strings.Cut(pair, "=")
			if has, ok := w.Labels[key]; ok && has == value {
				refusals = append(refusals, Refusal{"policy", fmt.Sprintf("%s has the label %s, which the policy protects", w.String(), pair)})
			}
		}
	}
	most := g.MaxWorkloads
	if most == 0 {
		most = MaxWorkloads
	}
	if len(seen) > most {
		refusals = append(refusals, Refusal{"policy", fmt.Sprintf("the containment would hit %d workloads, the policy allows %d", len(seen), most)})
	}
	return refusals
}

func workloadKey(w fleet.Workload) string {
	return strings.Join([]string{w.Kind, w.Namespace, w.Name}, "\n")
}
